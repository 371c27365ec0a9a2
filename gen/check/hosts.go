package check

import (
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/read"
)

// hostRules are about /etc/hosts and addresses.
var hostRules = []check{
	{within: (*machine).overwrites, rules: []rule{
		{ruleOverwrite, Error, "the operating system brings the file, and Ignition fails the first boot rather than replace it",
			"write overwrite: true"},
	}},
	{across: (*set).hostsFiles, rules: []rule{
		{ruleHostsFile, Error, "a name leads to the wrong machine",
			"write the same lines on every machine: one per address, with its names"},
	}},
	{across: (*set).addresses, rules: []rule{
		{ruleBindAddress, Error, "a daemon cannot bind an address that its machine does not have",
			"write the machine's address, 0.0.0.0 or 127.0.0.1"},
	}},
}

// hostsFiles checks that /etc/hosts is the same on every machine and lists all
// of them.
func (s *set) hostsFiles() {
	for _, m := range s.machines {
		for _, f := range m.hosts.Faults {
			word, problem, _ := strings.Cut(f.Problem, " ")
			m.find(ruleHostsFile, f.At, "%s %s", word, own(problem))
		}
		if !m.hasHosts {
			if slices.ContainsFunc(s.machines, func(other *machine) bool { return other.hasHosts }) {
				m.find(ruleHostsFile, read.Whole(read.HostsPath), "is missing, but other machines have it")
			}
			continue
		}
		f := m.files[read.HostsPath]
		if len(m.lookup("localhost")) == 0 {
			m.find(ruleHostsFile, read.Whole(read.HostsPath), "does not list localhost")
		}
		for _, other := range s.machines {
			if other.Name != "" && len(m.lookup(other.Name)) == 0 {
				m.find(ruleHostsFile, read.Whole(read.HostsPath), "does not list %s", own(other.Name))
			}
		}
		of := map[netip.Addr]string{}
		for _, other := range s.machines {
			for _, a := range m.lookup(other.Name) {
				if first, taken := of[a]; taken && first != other.Name && !a.IsLoopback() {
					m.find(ruleHostsFile, read.In(f, a.String()), "gives %s to both %s and %s", a, first, own(other.Name))
				}
				of[a] = other.Name
			}
		}
		for _, l := range m.hosts.Lines {
			for _, w := range l.Names {
				agreed, same := s.majority(w.Text)
				if !same && !slices.Contains(agreed, l.Address) {
					m.find(ruleHostsFile, read.At(f, w.At), "gives %s the address %s, which other machines do not", w.Text, l.Address)
				}
			}
		}
	}
}

// brought are files that every operating system has already.
var brought = []string{read.HostsPath, "/etc/hostname"}

// overwrites checks that files of the operating system may be replaced.
func (m *machine) overwrites() {
	for _, path := range brought {
		if f, found := m.files[path]; found && !f.Overwrite {
			m.find(ruleOverwrite, read.Whole(path), "already exists, and overwrite is not set")
		}
	}
}

// addresses checks that daemons bind and advertise addresses of their own
// machine.
func (s *set) addresses() {
	for _, m := range s.machines {
		for _, l := range m.listeners {
			if len(m.known) > 0 && !l.address.IsUnspecified() && l.address.IsValid() && !l.address.IsLoopback() &&
				!slices.Contains(m.known, l.address) && !slices.Contains(m.virtual, l.address) {
				m.find(ruleBindAddress, l.at, "%s binds %s, which the machine does not have", own(l.process), l.address)
			}
		}
		if p := m.process(apiServer); p != nil {
			a, err := netip.ParseAddr(p.Value("advertise-address"))
			if err == nil && !a.IsUnspecified() && len(m.known) > 0 && !slices.Contains(m.known, a) {
				m.find(ruleBindAddress, p.Where("advertise-address"), "--advertise-address is %s, which the machine does not have", a)
			}
		}
	}
}
