package check

import (
	"net/netip"
	"slices"

	"hagen/gen/read"
)

// portRules are about ports that daemons bind.
var portRules = []check{
	{within: (*machine).binds, rules: []rule{
		{rulePortConflict, Error, "the second daemon cannot start",
			"give one of them another port or address"},
		{rulePrivilegedPort, Error, "a daemon that is not root may not bind a port below 1024",
			"add AmbientCapabilities=CAP_NET_BIND_SERVICE to the unit, or choose a higher port"},
	}},
	{within: (*machine).boundNames},
}

// boundNames checks etcd's own rule (server/embed, checkBindURLs).
func (m *machine) boundNames() {
	for _, row := range urlListeners {
		p := m.process(row.daemon)
		f, _ := p.Flag(row.flag)
		for _, w := range read.List(f.Value, f.ValueAt) {
			u := read.ParseURL(w.Text)
			if _, err := netip.ParseAddr(u.Host); err != nil && u.OK && u.Host != "localhost" {
				m.find(ruleFlagValue, p.Unit.Place(w.At), "--%s names %s, but etcd listens only at addresses", own(row.flag), u.Host).
					Remedy = "write the machine's address, or 127.0.0.1"
			}
		}
	}
}

// binds checks that no two daemons of a machine bind the same port, and that
// each may bind its own.
func (m *machine) binds() {
	for i, l := range m.listeners {
		for _, other := range m.listeners[:i] {
			if l.clashes(other) {
				m.find(rulePortConflict, l.at, "%s binds port %d, which %s also binds", own(l.process), l.port, own(other.process))
			}
		}
		capable := slices.ContainsFunc(l.unit.All("Service", "AmbientCapabilities"), func(w read.Word) bool { return w.Text == "CAP_NET_BIND_SERVICE" })
		if user := l.unit.User(); l.port < 1024 && user != "" && user != "root" && !capable {
			m.find(rulePrivilegedPort, l.at, "%s binds port %d as user %s", own(l.process), l.port, user)
		}
	}
}
