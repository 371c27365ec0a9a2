package check

import (
	"net/netip"
	"slices"

	"hagen/gen/read"
)

// lookup returns the addresses of a name in the machine's /etc/hosts.
func (m *facts) lookup(name string) []netip.Addr { return m.hosts.Names[name] }

// loopbacks are the addresses of localhost by default.
var loopbacks = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}

// claimed returns the addresses that a machine's daemons name as their own.
func (m *facts) claimed() (out []netip.Addr) {
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil && !a.IsLoopback() && !a.IsUnspecified() && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	for _, w := range read.List(m.process(etcd).Value("initial-advertise-peer-urls"), -1) {
		add(read.ParseURL(w.Text).Host)
	}
	add(m.process(apiServer).Value("advertise-address"))
	for _, r := range m.routers {
		add(r.Source)
	}
	return out
}
