package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/read"
)

// misnames says whether it is the caller who is wrong about the name that a
// certificate is not valid for: it is none of the machine's that is dialled, and
// of no server that the caller may come to.
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

// called says whether a machine goes by a name or address.
func (m *machine) called(name string) bool {
	a, err := netip.ParseAddr(name)
	switch {
	case name == m.Name || name == "localhost" || err == nil && a.IsLoopback():
		return true
	case err == nil:
		return slices.Contains(m.known, a)
	}
	return slices.ContainsFunc(m.lookup(name), func(a netip.Addr) bool { return slices.Contains(m.known, a) })
}

// anybody says whether a machine of the set has one of the addresses.
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

// whose tells of a certificate that is on the wrong machine, or in the wrong
// file, whose it is: ": it is kubem01's".
func (s *set) whose(c read.Certificate, here *machine) string {
	if c.VerifyHostname(here.Name) == nil {
		return ""
	}
	for _, m := range s.machines {
		if m != here && c.VerifyHostname(m.Name) == nil && m.process(apiServer) != nil {
			return fmt.Sprintf(": it is %s's, %s", m.Name, c.Subject)
		}
	}
	return ": it is that of " + c.Subject
}

// keyOf tells of a key that is in the wrong file which certificate it belongs
// to: ", but that of kubem01's /etc/etcd/pki/etcd-server.pem".
func (s *set) keyOf(k read.Key, here *machine) string {
	for _, m := range append([]*machine{here}, s.machines...) {
		for _, c := range m.certs {
			switch {
			case c.Public != k.Public:
			case m == here:
				return ", but of " + c.Path
			default:
				return fmt.Sprintf(", but of %s's %s", m.Name, c.Path)
			}
		}
	}
	return ""
}

// miss is a dial to where nothing listens.
type miss struct {
	dial    dial
	address netip.Addr
	machine *machine
}

// elsewhere: where somebody dials and nothing listens, what is meant may listen
// for nobody at another port or address of the machine. Which of the two is
// wrong nobody knows.
func (s *set) elsewhere() {
	for _, miss := range s.misses {
		for _, l := range miss.machine.listeners {
			if l.met || !miss.means(l) {
				continue
			}
			who := miss.dial.machine.Name
			if who == "" {
				who = miss.dial.at.Item
			}
			l.machine.find(ruleNotBound, l.at, "%s listens at %s, where nobody dials; %s dials %s", l.process, socketText(l.address, l.port), who, miss.dial.target)
		}
	}
}

// means says whether a listener could be what was dialled.
func (x miss) means(l *listener) bool {
	switch {
	case l.port != x.dial.target.Port && !l.takes(x.address, l.port):
		return false // another port and another address
	case l.proxy != nil:
		return x.dial.only == apiServer && len(l.machine.behind(l.proxy).Servers()) > 0
	case x.dial.only == "":
		return l.process == apiServer && l.tls // HAProxy's servers
	}
	return l.process == x.dial.only && (x.dial.wants == "" || x.dial.wants == l.serves)
}
