package check

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/read"
)

// rangeRules are about addresses of services and pods.
var rangeRules = []check{
	{across: (*set).ranges, rules: []rule{
		{ruleRangeOverlap, Error, "two things would use the same address or port",
			"choose ranges that do not overlap, outside of the machines' network"},
		{ruleAddressFamilies, Error, "the API server refuses to start, or services do not reach pods",
			"write one range per family, and the machine's address in the family of the first"},
	}},
}

// ranges checks that services, pods and machines have separate addresses, and
// that the API server's certificate covers its own service.
func (s *set) ranges() {
	for _, m := range s.running(apiServer) {
		api, controllers := m.process(apiServer), m.process(manager)
		services, pods := m.prefixes(api, "service-cluster-ip-range"), m.prefixes(controllers, "cluster-cidr")
		m.prefixes(controllers, "service-cluster-ip-range")
		for _, service := range services {
			for _, pod := range pods {
				if service.Overlaps(pod) {
					m.find(ruleRangeOverlap, api.Where("service-cluster-ip-range"), "the service range %s and the pod range %s overlap", service, pod)
				}
			}
			if c, found := m.certificate(api.Value("tls-cert-file")); found {
				if first := service.Masked().Addr().Next(); c.VerifyHostname(first.String()) != nil {
					m.find(ruleNameNotInCertificate, read.Whole(c.Path), "is not valid for %s, the first address of --service-cluster-ip-range, which pods dial", first)
				}
			}
		}
		for _, other := range s.machines {
			for _, a := range other.known {
				for _, r := range append(slices.Clone(services), pods...) {
					if r.Contains(a) {
						m.find(ruleRangeOverlap, api.Where("service-cluster-ip-range"), "%s contains %s, the address of %s", r, a, other.Name)
					}
				}
			}
		}
		m.families(api, services, pods)
		m.nodePorts(api)
	}
}

// families checks that an API server advertises an address in the family of
// the first service range, and that no list holds two ranges of one family.
func (m *machine) families(api *read.Process, services, pods []netip.Prefix) {
	for _, row := range []struct {
		ranges []netip.Prefix
		flag   string
	}{{services, "service-cluster-ip-range"}, {pods, "cluster-cidr"}} {
		p := api
		if row.flag == "cluster-cidr" {
			p = m.process(manager)
		}
		if n := len(row.ranges); n > 2 || n == 2 && row.ranges[0].Addr().Is4() == row.ranges[1].Addr().Is4() {
			m.find(ruleAddressFamilies, p.Where(row.flag), "--%s has %d ranges, but may have one per family", own(row.flag), n)
		}
	}
	if len(services) == 0 {
		return
	}
	if a, err := netip.ParseAddr(api.Value("advertise-address")); err == nil && !a.IsUnspecified() && a.Is4() != services[0].Addr().Is4() {
		m.find(ruleAddressFamilies, api.Where("advertise-address"), "--advertise-address is %s, but --service-cluster-ip-range begins with %s", a, services[0])
	}
}

func (m *machine) prefixes(p *read.Process, flag string) (out []netip.Prefix) {
	f, found := p.Flag(flag)
	if !found {
		return nil
	}
	for _, w := range read.List(f.Value, f.ValueAt) {
		prefix, err := netip.ParsePrefix(w.Text)
		if err != nil {
			m.find(ruleFlagValue, p.Unit.Place(w.At), "--%s is not an address range", own(flag))
			continue
		}
		out = append(out, prefix)
	}
	return out
}

// nodePorts checks that no daemon of the machine listens on a node port.
func (m *machine) nodePorts(p *read.Process) {
	first, last, _ := strings.Cut(p.Value("service-node-port-range"), "-")
	low, err := strconv.Atoi(first)
	high, err2 := strconv.Atoi(last)
	if err != nil || err2 != nil {
		return
	}
	for _, l := range m.listeners {
		if low <= l.port && l.port <= high {
			m.find(ruleRangeOverlap, p.Where("service-node-port-range"), "--service-node-port-range contains port %d, which %s binds", l.port, l.process)
		}
	}
}
