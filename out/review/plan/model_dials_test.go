package plan

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"

	"hagen/gen/node"
	"hagen/out/review/facts"
)

// leaders are the units of which one leads: it has to reach an API server.
var leaders = []string{"kube-controller-manager.service", "kube-scheduler.service"}

// serverOf is the URL that a unit dials as it was started.
func serverOf(n node.Node, unit string) string {
	_, server := facts.Kubeconfig(&n, unit)
	return server
}

// reaches reports whether an API server answers a machine at a URL. On the loopback that is
// its own.
func (w *world) reaches(host, at string) bool {
	u, err := url.Parse(at)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	if err == nil && address.IsLoopback() {
		return slices.Contains(w.ready(), host) && w.flag(host, facts.APIUnit, "--secure-port") == u.Port()
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	addresses, elsewhere := w.resolve(host, u.Hostname())
	return err == nil && (elsewhere || slices.ContainsFunc(addresses, func(a netip.Addr) bool {
		return len(w.servers(netip.AddrPortFrom(a, uint16(port)))) > 0
	}))
}

// resolve returns the addresses that a name has on a machine: those of its /etc/hosts, or
// else of DNS, which has been changed as far as the plan says. Elsewhere is a load balancer
// that is not hagen's.
func (w *world) resolve(host, name string) (addresses []netip.Addr, elsewhere bool) {
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}, false
	}
	disk := w.machines[host].disk
	for _, text := range facts.LookUp(&disk, name) {
		addresses = append(addresses, netip.MustParseAddr(text))
	}
	if len(addresses) > 0 {
		return addresses, false
	}
	for _, side := range []modelled{w.before, w.after} {
		if side.file.Endpoint.Host == name || w.warned("DNS has to resolve "+name+" to ") {
			addresses = append(addresses, side.file.Endpoint.Answered...)
			elsewhere = elsewhere || side.file.Balancing.Mode == "external"
		}
	}
	return addresses, elsewhere
}

// cuts are cautions of a time in which clients reach no API server.
var cuts = []string{"the only load balancer", "nothing answers there", "keep the old one running", "the only API server", "the only member of etcd", "clients are cut off"}

// mustLead asks that one of the units of a kind can lead, and that only those are without an
// API server that restart next.
func (w *world) mustLead(when string) {
	if len(w.before.file.APIServers()) < 2 || w.warned(cuts...) {
		return
	}
	for _, unit := range leaders {
		leads := false
		for _, host := range w.hosts(unit) {
			server := serverOf(w.machines[host].runs[unit].at, unit)
			switch {
			case w.reaches(host, server):
				leads = true
			case !w.turn(host):
				w.problem("%s: %s of %s reaches nothing at %s, and another machine is next", when, unit, host, server)
			}
		}
		if !leads {
			w.problem("%s: no %s reaches an API server", when, unit)
		}
	}
}

// turn reports whether the next step is about a host.
func (w *world) turn(host string) bool {
	return w.next < len(w.plan.Steps) && w.plan.Steps[w.next].Host == host
}
