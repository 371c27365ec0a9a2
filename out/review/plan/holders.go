package plan

import (
	"fmt"
	"net/netip"
	"slices"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// holders follows, step by step, which machines share a virtual IP, and at which port their
// HAProxy listens.
type holders struct {
	former, new uint16                          // the endpoint's port on the two sides
	now         map[string][]read.VirtualRouter // by host
	ports       map[string]uint16               // by host
}

func holdersOf(before, after Side) *holders {
	h := &holders{former: before.Cluster.Endpoint.Port, new: after.Cluster.Endpoint.Port,
		now: map[string][]read.VirtualRouter{}, ports: map[string]uint16{}}
	if h.former == 0 { // no file of a tree says
		h.former = h.new
	}
	for _, n := range before.Machines {
		h.now[n.Name], h.ports[n.Name] = read.VirtualRouters([]node.Node{n}), h.former
	}
	return h
}

// through takes what a step does to one host, which then is the given machine.
func (h *holders) through(action diff.Action, host, unit string, n node.Node) {
	whole := action == diff.Boot || action == diff.Reimage
	switch {
	case action == diff.SwitchOff, action == diff.Stop && unit == facts.KeepalivedUnit:
		delete(h.now, host)
	case whole, unit == facts.KeepalivedUnit:
		h.now[host] = read.VirtualRouters([]node.Node{n})
	}
	if whole || unit == facts.HAProxyUnit {
		h.ports[host] = h.new
	}
}

// port is that at which the virtual IP answers, whoever holds it; 0 if that depends on who
// does.
func (h *holders) port() (port uint16) {
	for host, routers := range h.now {
		switch {
		case len(routers) == 0:
		case port != 0 && port != h.ports[host]:
			return 0
		default:
			port = h.ports[host]
		}
	}
	return port
}

// checks ask each machine that may hold a virtual IP whether it is the only one.
func (h *holders) checks() (checks []Command) {
	var hosts []string
	for host := range h.now {
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	for _, host := range hosts {
		for _, r := range h.now[host] {
			var others []netip.AddrPort
			for _, other := range hosts {
				for _, o := range h.now[other] {
					if at, err := netip.ParseAddr(o.Source); err == nil && other != host && o.Address == r.Address {
						others = append(others, netip.AddrPortFrom(at, h.ports[other]))
					}
				}
			}
			if len(others) > 0 {
				checks = append(checks, alone(host, r.Address, others))
			}
		}
	}
	return checks
}

// alone asks whether a machine that holds an address is the only one. From that address it
// reaches others only if they do not have it themselves: Linux answers none that come from
// an address of its own, and curl ends with 28. A machine whose HAProxy listens at another of
// its addresses refuses the connection, which is an answer, too.
func alone(host, address string, others []netip.AddrPort) Command {
	urls := ""
	for _, at := range others {
		urls += " https://" + at.String()
	}
	return onHost(host, fmt.Sprintf(`v=%s; a=$(ip -o addr show to $v) && test -z "$a" || for u in%s; do curl -sk -m 5 -o /dev/null --interface $v $u; case $? in 28|127) exit 1; esac; done`, address, urls)).
		asked(VirtualIPAlone, "no other machine has "+address)
}
