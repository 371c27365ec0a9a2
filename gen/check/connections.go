package check

import (
	"cmp"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/read"
)

// connectionRules are about the connections between daemons.
var connectionRules = []check{
	{across: (*set).dials, rules: []rule{
		{ruleUnresolved, Error, "the client cannot resolve the name",
			"write a name from /etc/hosts or an address, or add the name to /etc/hosts"},
		{ruleUnknownAddress, Error, "the connection reaches no machine, or the wrong one",
			"write the address of the intended machine"},
		{ruleTLSMismatch, Error, "one side speaks TLS and the other does not",
			"write https:// where the daemon has a certificate, http:// where it has none"},
		{ruleServerNotTrusted, Error, "the client refuses a certificate from an authority that it does not trust",
			"name the authority that signed the server's certificate"},
		{ruleNoClientCertificate, Error, "the server demands a certificate and gets none",
			"set the client certificate that was issued for this client"},
		{ruleNoListener, Error, "the machine refuses the connection",
			"write the port that the daemon listens on"},
		{ruleNameNotInCertificate, Error, "a client refuses a certificate that is not valid for the name it dials",
			"issue the certificate with that name or address, or dial one that it has"},
		{ruleClientNotTrusted, Error, "the server refuses the client",
			"use a certificate that the server's client authority signed"},
	}},
}

// connections collects the results of all dials.
type connections struct {
	*set
	dialled map[*listener]bool // that a client reaches
	misses  []miss
}

// dials checks that every URL leads to a bound port, and that both sides trust
// each other.
func (s *set) dials() {
	all := &connections{set: s, dialled: map[*listener]bool{}}
	for _, m := range s.machines {
		for _, d := range slices.Concat(m.etcdDials(), m.apiDials(), m.proxyDials()) {
			all.dial(m, d)
		}
		all.peers(m)
		s.foreignURLs(m)
	}
	for _, m := range s.everybody() {
		for _, k := range m.contexts {
			all.dial(m, m.apiDial(k))
		}
	}
	all.elsewhere()
}

// hasProxies reports whether any machine of the set runs HAProxy.
func (s *set) hasProxies() bool {
	return slices.ContainsFunc(s.machines, func(m *machine) bool { return len(m.proxies) > 0 })
}

// located reports whether every machine's addresses are known.
func (s *set) located() bool {
	return !slices.ContainsFunc(s.machines, func(m *machine) bool { return len(m.known) == 0 })
}

// dial follows one connection to its end.
func (s *connections) dial(m *machine, d dial) {
	switch {
	case !d.target.OK || d.target.Port == 0:
		m.find(ruleUnknownAddress, d.at, "%s has no URL with a port", own(d.what))
		return
	}
	addresses, known := s.resolve(m.facts, d.target.Host)
	if len(addresses) == 0 {
		switch {
		case d.outside && (!s.hasProxies() || m == s.people):
			s.leaves(m, d)
		case known:
			m.find(ruleUnresolved, d.at, "%s names %s, which is not in /etc/hosts", own(d.what), d.target.Host)
		}
		return
	}
	for _, a := range addresses {
		s.call(m, d, a)
	}
}

// call dials one address.
func (s *connections) call(m *machine, d dial, address netip.Addr) {
	var there []*machine
	for _, other := range s.machines {
		if address.IsLoopback() && other == m || slices.Contains(other.known, address) || slices.Contains(other.virtual, address) {
			there = append(there, other)
		}
	}
	switch {
	case len(there) == 0 && d.outside && (!s.hasProxies() || s.translated(address)):
		s.leaves(m, d)
		return
	case len(there) == 0 && (s.located() || d.only == etcd):
		m.find(ruleUnknownAddress, d.at, "%s names %s, an address that no machine of the set has", own(d.what), d.target)
		return
	case d.toItself && !slices.Contains(there, m):
		m.find(ruleUnknownAddress, d.at, "%s names %s, which is %s's address", own(d.what), d.target, own(there[0].Name))
		return
	}
	for _, other := range there {
		var found *listener
		for _, l := range other.listeners {
			if l.takes(address, d.target.Port) {
				found = l
			}
		}
		if found == nil {
			m.find(ruleNoListener, d.at, "%s names %s, where nothing on %s listens", own(d.what), d.target, own(other.Name))
			s.misses = append(s.misses, miss{d, address, other})
			continue
		}
		s.dialled[found] = true
		s.connect(m, d, found, 0)
	}
}

// translated reports whether the certificate of an API server is valid for an address that
// no machine has: the network leads clients from there to the machines.
func (s *connections) translated(address netip.Addr) bool {
	for _, m := range s.machines {
		for _, l := range m.listeners {
			if c, found := m.certificate(l.certificate); l.process == apiServer && found && c.VerifyHostname(address.String()) == nil {
				return true
			}
		}
	}
	return false
}

// connect checks that both sides of a connection trust each other.
func (s *connections) connect(m *machine, d dial, l *listener, hops int) {
	if l.proxy != nil && !slices.ContainsFunc(l.machine.proxies, func(p *read.Proxy) bool { return len(l.machine.behind(l.proxy).Servers()) > 0 }) ||
		d.only != "" && l.proxy == nil && l.process != d.only {
		m.find(ruleNoListener, d.at, "%s names %s, but %s listens there", own(d.what), d.target, own(l.process))
		return
	}
	if d.wants != "" && l.serves != d.wants {
		m.find(ruleNoListener, d.at, "%s names %s, but %s listens there for %s", own(d.what), d.target, own(l.process), own(l.serves))
		return
	}
	if l.proxy != nil && !l.tls {
		if hops > 2 {
			return
		}
		for _, sv := range l.machine.behind(l.proxy).Servers() {
			t := read.ParseURL(sv.Address.Text)
			a, err := netip.ParseAddr(t.Host)
			for _, other := range s.machines {
				for _, next := range other.listeners {
					if err == nil && slices.Contains(other.known, a) && next.takes(a, t.Port) {
						s.connect(m, d, next, hops+1)
					}
				}
			}
		}
		return
	}
	if d.plain {
		return
	}
	if d.target.TLS != l.tls {
		out := map[bool]string{false: "out"}
		m.find(ruleTLSMismatch, d.at, "%s dials %s with%s TLS, but %s listens with%s", own(d.what), d.target, own(out[d.target.TLS]), own(l.process), own(out[l.tls]))
		return
	}
	if l.tls && l.certificate != "" {
		s.handshake(m, d, l, hops > 0)
	}
}

// handshake checks the certificates of both sides as TLS does. shared is true
// if the client may reach any of several servers.
func (s *connections) handshake(m *machine, d dial, l *listener, shared bool) {
	name := cmp.Or(d.name, d.target.Host)
	served, found := l.machine.certificate(l.certificate)
	if found && d.verifies {
		switch {
		case served.VerifyHostname(name) == nil:
		case !d.fixed && s.misnames(d, l, name, shared):
			at := d.nameAt
			if d.name == "" {
				at = d.at
			}
			m.find(ruleNameNotInCertificate, at, "%s expects a certificate for %s, but %s's %s has one for %s", own(d.what), name, own(l.machine.Name), own(l.process), validFor(served)).
				Remedy = "write a name from the certificate, or issue it with this name"
		default:
			s.of(l.machine).find(ruleNameNotInCertificate, read.Whole(l.certificate), "is not valid for %s, which clients dial%s", name, s.whose(served, l.machine))
		}
		if len(d.authorities) > 0 && !s.signedByAny(served, d.authorities) {
			m.find(ruleServerNotTrusted, d.at, "%s leads to %s's %s, whose certificate is not signed by the authority named here", own(d.what), own(l.machine.Name), own(l.process))
		}
		if !served.Usable(x509.ExtKeyUsageServerAuth) {
			s.of(l.machine).find(ruleCertificateUsage, read.Whole(l.certificate), "is not a server certificate")
		}
	}
	accepted := l.machine.pem[l.clients].Certificates
	if len(accepted) == 0 || !d.shows {
		return
	}
	switch {
	case d.client == nil && l.demands:
		m.find(ruleNoClientCertificate, d.at, "%s presents no certificate, but %s's %s demands one", own(d.what), own(l.machine.Name), own(l.process))
	case d.client == nil:
	case !d.client.Usable(x509.ExtKeyUsageClientAuth):
		m.find(ruleCertificateUsage, d.clientAt, "is not a client certificate")
	case !s.signedByAny(*d.client, accepted):
		m.find(ruleClientNotTrusted, d.clientAt, "presents a certificate that the client authority of %s's %s did not sign", own(l.machine.Name), own(l.process))
	}
}

// leaves checks a connection that goes through an external load balancer: it
// ends at one of the API servers.
func (s *connections) leaves(m *machine, d dial) {
	for _, other := range s.machines {
		for _, l := range other.listeners {
			if l.process == apiServer && l.tls && d.target.TLS {
				s.handshake(m, d, l, true)
			}
		}
	}
	if !d.target.TLS {
		m.find(ruleTLSMismatch, d.at, "%s dials %s without TLS", own(d.what), d.target)
	}
}

// peers checks the connections of an API server to the others, which it asks for APIs
// that only they know. Each finds their addresses in etcd.
func (s *connections) peers(m *machine) {
	d, dials := m.peerDial()
	if !dials {
		return
	}
	for _, other := range s.machines {
		for _, l := range other.listeners {
			if other != m && l.process == apiServer && l.tls && l.certificate != "" {
				s.handshake(m, d, l, false)
			}
		}
	}
}

// foreignURLs checks that something listens where an unknown unit dials a
// machine of the set.
func (s *set) foreignURLs(m *machine) {
	for _, p := range m.processes {
		if _, known := daemons[p.Name]; known {
			continue
		}
		for _, w := range p.Args {
			i := strings.Index(w.Text, "://")
			begin := strings.LastIndexAny(w.Text[:max(i, 0)], "=,\"' ") + 1
			if i < 0 || !strings.HasPrefix(w.Text[begin:], "http") {
				continue
			}
			t := read.ParseURL(w.Text[begin:])
			address, err := netip.ParseAddr(t.Host)
			if err != nil || !t.OK {
				continue
			}
			for _, other := range s.machines {
				mine := slices.Contains(other.known, address)
				if mine && !slices.ContainsFunc(other.listeners, func(l *listener) bool { return l.takes(address, t.Port) }) {
					found := m.find(ruleNoListener, p.Unit.Place(w.At), "names %s, where nothing known on %s listens", t, own(other.Name))
					found.Severity = Warning
				}
			}
		}
	}
}

// miss is a dial to a port where nothing listens.
type miss struct {
	dial    dial
	address netip.Addr
	machine *machine
}

// elsewhere looks, for each miss, for a listener of the machine that no client
// dials: the intended daemon may listen at another port or address. Either
// side may be wrong, so both are reported.
func (s *connections) elsewhere() {
	for _, miss := range s.misses {
		for _, l := range miss.machine.listeners {
			if s.dialled[l] || !miss.means(l) {
				continue
			}
			who := miss.dial.machine.Name
			if who == "" {
				who = miss.dial.at.Item
			}
			miss.machine.find(ruleNoListener, l.at, "%s listens at %s, which no client dials; %s dials %s", own(l.process), socketText(l.address, l.port), who, miss.dial.target)
		}
	}
}

// means reports whether a listener may be the one that was meant.
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
