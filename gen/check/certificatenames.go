package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/read"
)

// misnames reports whether the dialled name, rather than the certificate, is
// wrong: the machine does not have it, and no server that the client may reach
// has it.
func (s *set) misnames(d dial, l *listener, name string, shared bool) bool {
	if l.machine.called(name) {
		return false
	}
	if !shared {
		return d.name != ""
	}
	if address, known := s.resolve(d.machine, name); d.name == "" && known && s.anybody(address) {
		return false
	}
	for _, m := range s.machines {
		for _, other := range m.listeners {
			if c, found := m.certificate(other.certificate); found && other.process == l.process && c.VerifyHostname(name) == nil {
				return false
			}
		}
	}
	return true
}

// called reports whether a machine has a name or address.
func (m *facts) called(name string) bool {
	a, err := netip.ParseAddr(name)
	switch {
	case name == m.Name || name == "localhost" || err == nil && a.IsLoopback():
		return true
	case err == nil:
		return slices.Contains(m.known, a)
	}
	return slices.ContainsFunc(m.lookup(name), func(a netip.Addr) bool { return slices.Contains(m.known, a) })
}

// anybody reports whether a machine of the set has one of the addresses.
func (s *set) anybody(addresses []netip.Addr) bool {
	return slices.ContainsFunc(s.machines, func(m *machine) bool {
		return slices.ContainsFunc(addresses, func(a netip.Addr) bool { return slices.Contains(m.known, a) || slices.Contains(m.virtual, a) })
	})
}

// validFor lists what a certificate is valid for.
func validFor(c read.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, a := range c.IPAddresses {
		names = append(names, a.String())
	}
	if len(names) == 0 {
		return "no name at all"
	}
	return strings.Join(names, ", ")
}

// whose returns whom a misplaced certificate belongs to: ": it is kubem01's".
func (s *set) whose(c read.Certificate, here *facts) string {
	if c.VerifyHostname(here.Name) == nil {
		return ""
	}
	for _, m := range s.machines {
		if m.facts != here && c.VerifyHostname(m.Name) == nil && m.process(apiServer) != nil {
			return fmt.Sprintf(": it is %s's, %s", m.Name, c.Subject)
		}
	}
	return ": it is that of " + c.Subject
}
