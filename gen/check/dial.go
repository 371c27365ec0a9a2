package check

import (
	"cmp"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
)

// dial is one side of a connection: who is called, whom the caller believes,
// and what it shows.
type dial struct {
	machine     *machine
	at          place
	what        string // "--etcd-servers"
	target      target
	name        string // that the certificate must cover, if not the target's host
	nameAt      place
	authorities []certificate
	believes    bool // checks the certificate; without authorities it is not known against which
	client      *certificate
	shows       bool // may show a certificate, so that none is a fault
	clientAt    place
	only        string // the process that must answer, "" for any
	wants       string // what it must listen for, "" for anything
	outside     bool   // may lead out of the set, to a load balancer of somebody else's
	own         bool   // must lead to the machine itself
	plain       bool   // a connection that is passed on: no TLS of its own
}

// dials: every URL leads to a port that something binds, and both sides
// believe each other.
func (s *set) dials() {
	for _, m := range s.machines {
		for _, d := range slices.Concat(m.etcdDials(), m.apiDials(), m.proxyDials()) {
			s.dial(d)
		}
		s.foreignURLs(m)
	}
}

// etcdDials are those of a member: its peers, and what it tells others of
// itself.
func (m *machine) etcdDials() (out []dial) {
	p := m.process(etcd)
	if p == nil {
		return nil
	}
	authorities := m.pem[p.value("peer-trusted-ca-file")].certificates
	client := m.shown(p.value("peer-cert-file"))
	if f, found := p.flag("initial-cluster"); found {
		for _, w := range list(f.value, f.valueAt) {
			_, url, _ := strings.Cut(w.text, "=")
			at := w.at + len(w.text) - len(url)
			out = append(out, dial{
				machine: m, at: p.unit.place(at), what: "--initial-cluster", target: readURL(url), only: etcd, wants: peers,
				authorities: authorities, believes: len(authorities) > 0, client: client, shows: true, clientAt: p.where("peer-cert-file"),
			})
		}
	}
	for _, row := range []struct{ flag, authority, wants string }{
		{"initial-advertise-peer-urls", "peer-trusted-ca-file", peers}, {"advertise-client-urls", "trusted-ca-file", clients},
	} {
		f, _ := p.flag(row.flag)
		believed := m.pem[p.value(row.authority)].certificates
		for _, w := range list(f.value, f.valueAt) {
			out = append(out, dial{
				machine: m, at: p.unit.place(w.at), what: "--" + row.flag, target: readURL(w.text), only: etcd, wants: row.wants, own: true,
				authorities: believed, believes: len(believed) > 0,
			})
		}
	}
	return out
}

// shown gives the certificate in a file, nil for none.
func (m *machine) shown(path string) *certificate {
	if c, found := m.certificate(path); found {
		return &c
	}
	return nil
}

// apiDials are those of an API server.
func (m *machine) apiDials() (out []dial) {
	p := m.process(apiServer)
	if p == nil {
		return nil
	}
	authorities := m.pem[p.value("etcd-cafile")].certificates
	f, _ := p.flag("etcd-servers")
	for _, w := range list(f.value, f.valueAt) {
		out = append(out, dial{
			machine: m, at: p.unit.place(w.at), what: "--etcd-servers", target: readURL(w.text), only: etcd, wants: clients,
			authorities: authorities, believes: true, client: m.shown(p.value("etcd-certfile")), shows: true, clientAt: p.where("etcd-certfile"),
		})
	}
	return out
}

// proxyDials are HAProxy's, with its checks.
func (m *machine) proxyDials() (out []dial) {
	for _, p := range m.proxies {
		for _, s := range p.servers() {
			d := dial{machine: m, at: p.place(s.address.at), what: "server " + s.name, target: readURL(s.address.text), plain: true}
			if s.has("check-ssl") || s.has("ssl") {
				d.plain, d.target.tls, d.name, d.nameAt = false, true, s.value("verifyhost"), p.place(s.options["verifyhost"].at)
				d.authorities = m.pem[s.value("ca-file")].certificates
				d.believes = s.value("verify") == "required" && s.has("ca-file")
			}
			out = append(out, d)
		}
	}
	return out
}

// dialAPI is what a kubeconfig's reader does.
func (s *set) dialAPI(m *machine, k kubeconfig) {
	d := dial{
		machine: m, at: m.at(k.file.Path, k.server.offset()), what: "server:", target: readURL(k.server.text()), name: k.serverName.text(), nameAt: m.at(k.file.Path, k.serverName.offset()),
		authorities: k.authority.certificates, believes: len(k.authority.certificates) > 0, outside: true, only: apiServer,
		shows: k.hasClient, clientAt: m.at(k.file.Path, k.clientAt.offset()),
	}
	if len(k.client.certificates) > 0 {
		d.client = &k.client.certificates[0]
	}
	s.dial(d)
}

// resolve gives the addresses of a host; known is false if nothing in the set
// could tell.
func (s *set) resolve(m *machine, host string) (out []netip.Addr, known bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, true
	}
	if m.hasHosts {
		return m.lookup(host), true
	}
	if out, _ = s.majority(host); len(out) > 0 {
		return out, true
	}
	for _, other := range s.machines {
		if other.Name == host && len(other.known) > 0 {
			return other.known, true
		}
	}
	if host == "localhost" {
		return loopbacks, true
	}
	return nil, false
}

// fronts says whether any machine of the set stands in front of API servers.
func (s *set) fronts() bool {
	return slices.ContainsFunc(s.machines, func(m *machine) bool { return len(m.proxies) > 0 })
}

// mapped says whether every machine's addresses are known.
func (s *set) mapped() bool {
	return !slices.ContainsFunc(s.machines, func(m *machine) bool { return len(m.known) == 0 })
}

// dial follows one connection to its end.
func (s *set) dial(d dial) {
	m := d.machine
	switch {
	case !d.target.ok || d.target.port == 0:
		m.find(ruleNowhere, d.at, "%s names no URL with a port", d.what)
		return
	}
	addresses, known := s.resolve(m, d.target.host)
	if len(addresses) == 0 {
		switch {
		case d.outside && (!s.fronts() || m == s.people):
			s.beyond(d)
		case known:
			m.find(ruleUnresolved, d.at, "%s names %s, which /etc/hosts does not know", d.what, d.target.host)
		}
		return
	}
	for _, a := range addresses {
		s.call(d, a)
	}
}

// call dials one address.
func (s *set) call(d dial, address netip.Addr) {
	m := d.machine
	var there []*machine
	for _, other := range s.machines {
		if address.IsLoopback() && other == m || slices.Contains(other.known, address) || slices.Contains(other.virtual, address) {
			there = append(there, other)
		}
	}
	switch {
	case len(there) == 0 && d.outside && !s.fronts():
		s.beyond(d)
		return
	case len(there) == 0 && (s.mapped() || d.only == etcd):
		m.find(ruleNowhere, d.at, "%s names %s, an address that no machine of the set has", d.what, d.target)
		return
	case d.own && !slices.Contains(there, m):
		m.find(ruleNowhere, d.at, "%s names %s, which is %s", d.what, d.target, there[0].Name)
		return
	}
	for _, other := range there {
		var found *listener
		for _, l := range other.listeners {
			if l.takes(address, d.target.port) {
				found = l
			}
		}
		if found == nil {
			m.find(ruleNotBound, d.at, "%s names %s, where nothing of %s listens", d.what, d.target, other.Name)
			s.misses = append(s.misses, miss{d, address, other})
			continue
		}
		found.met = true
		s.meet(d, found, 0)
	}
}

// meet: both sides of a connection believe each other.
func (s *set) meet(d dial, l *listener, hops int) {
	m := d.machine
	if l.proxy != nil && !slices.ContainsFunc(l.machine.proxies, func(p *proxy) bool { return len(l.machine.behind(l.proxy).servers()) > 0 }) ||
		d.only != "" && l.proxy == nil && l.process != d.only {
		m.find(ruleNotBound, d.at, "%s names %s, where %s listens", d.what, d.target, l.process)
		return
	}
	if d.wants != "" && l.serves != d.wants {
		m.find(ruleNotBound, d.at, "%s names %s, where %s listens for %s", d.what, d.target, l.process, l.serves)
		return
	}
	if l.proxy != nil && !l.tls {
		if hops > 2 {
			return
		}
		for _, sv := range l.machine.behind(l.proxy).servers() {
			t := readURL(sv.address.text)
			a, err := netip.ParseAddr(t.host)
			for _, other := range s.machines {
				for _, next := range other.listeners {
					if err == nil && slices.Contains(other.known, a) && next.takes(a, t.port) {
						s.meet(d, next, hops+1)
					}
				}
			}
		}
		return
	}
	if d.plain {
		return
	}
	if d.target.tls != l.tls {
		m.find(ruleScheme, d.at, "%s dials %s with%s TLS, %s listens with%s", d.what, d.target, without(d.target.tls), l.process, without(l.tls))
		return
	}
	if l.tls && l.certificate != "" {
		s.handshake(d, l, hops > 0)
	}
}

func without(tls bool) string {
	if tls {
		return ""
	}
	return "out"
}

// handshake is what TLS asks of the certificates of both sides. Shared says that
// the caller comes to one of several servers, as it happens.
func (s *set) handshake(d dial, l *listener, shared bool) {
	m := d.machine
	name := cmp.Or(d.name, d.target.host)
	served, found := l.machine.certificate(l.certificate)
	if found && d.believes {
		switch {
		case served.VerifyHostname(name) == nil:
		case s.misnames(d, l, name, shared):
			at := d.nameAt
			if d.name == "" {
				at = d.at
			}
			m.find(ruleNotCovered, at, "%s wants a certificate for %s; %s's %s has none, but one for %s", d.what, name, l.machine.Name, l.process, served.names()).
				Remedy = "write a name of the certificate, or issue it with this one"
		default:
			l.machine.find(ruleNotCovered, whole(l.certificate), "is not valid for %s, which others dial%s", name, s.whose(served, l.machine))
		}
		if len(d.authorities) > 0 && !s.signedByAny(served, d.authorities) {
			m.find(ruleNotBelieved, d.at, "%s leads to %s's %s, whose certificate the authority named here did not sign", d.what, l.machine.Name, l.process)
		}
		if !served.usable(x509.ExtKeyUsageServerAuth) {
			l.machine.find(ruleUsage, whole(l.certificate), "is no certificate for a server")
		}
	}
	accepted := l.machine.pem[l.clients].certificates
	if len(accepted) == 0 || !d.shows {
		return
	}
	switch {
	case d.client == nil && l.demands:
		m.find(ruleNoClient, d.at, "%s shows no certificate, %s's %s wants one", d.what, l.machine.Name, l.process)
	case d.client == nil:
	case !d.client.usable(x509.ExtKeyUsageClientAuth):
		m.find(ruleUsage, d.clientAt, "is no certificate for a client")
	case !s.signedByAny(*d.client, accepted):
		m.find(ruleNotAccepted, d.clientAt, "shows a certificate that the client authority of %s's %s did not sign", l.machine.Name, l.process)
	}
}

// beyond is a connection that leads to a load balancer of somebody else's: it
// ends at one of the API servers all the same.
func (s *set) beyond(d dial) {
	for _, m := range s.machines {
		for _, l := range m.listeners {
			if l.process == apiServer && l.tls && d.target.tls {
				s.handshake(d, l, true)
			}
		}
	}
	if !d.target.tls {
		d.machine.find(ruleScheme, d.at, "%s dials %s without TLS", d.what, d.target)
	}
}

// foreignURLs: what another unit dials on a machine of the set listens there.
func (s *set) foreignURLs(m *machine) {
	for _, p := range m.processes {
		if _, known := daemons[p.name]; known {
			continue
		}
		for _, w := range p.args {
			i := strings.Index(w.text, "://")
			begin := strings.LastIndexAny(w.text[:max(i, 0)], "=,\"' ") + 1
			if i < 0 || !strings.HasPrefix(w.text[begin:], "http") {
				continue
			}
			t := readURL(w.text[begin:])
			address, err := netip.ParseAddr(t.host)
			if err != nil || !t.ok {
				continue
			}
			for _, other := range s.machines {
				mine := slices.Contains(other.known, address)
				if mine && !slices.ContainsFunc(other.listeners, func(l *listener) bool { return l.takes(address, t.port) }) {
					found := m.find(ruleNotBound, p.unit.place(w.at), "names %s, where nothing known of %s listens", t, other.Name)
					found.Severity = Warning
				}
			}
		}
	}
}
