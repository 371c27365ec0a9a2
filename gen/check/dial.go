package check

import (
	"cmp"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/read"
)

// dial is one side of a connection: who is called, whom the caller believes,
// and what it shows.
type dial struct {
	machine     *machine
	at          read.Place
	what        string // "--etcd-servers"
	target      read.Target
	name        string // that the certificate must cover, if not the target's host
	nameAt      read.Place
	authorities []read.Certificate
	believes    bool // checks the certificate; without authorities it is not known against which
	client      *read.Certificate
	shows       bool // may show a certificate, so that none is a fault
	clientAt    read.Place
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
	authorities := m.pem[p.Value("peer-trusted-ca-file")].Certificates
	client := m.shown(p.Value("peer-cert-file"))
	if f, found := p.Flag("initial-cluster"); found {
		for _, w := range read.List(f.Value, f.ValueAt) {
			_, url, _ := strings.Cut(w.Text, "=")
			at := w.At + len(w.Text) - len(url)
			out = append(out, dial{
				machine: m, at: p.Unit.Place(at), what: "--initial-cluster", target: read.ParseURL(url), only: etcd, wants: peers,
				authorities: authorities, believes: len(authorities) > 0, client: client, shows: true, clientAt: p.Where("peer-cert-file"),
			})
		}
	}
	for _, row := range []struct{ flag, authority, wants string }{
		{"initial-advertise-peer-urls", "peer-trusted-ca-file", peers}, {"advertise-client-urls", "trusted-ca-file", clients},
	} {
		f, _ := p.Flag(row.flag)
		believed := m.pem[p.Value(row.authority)].Certificates
		for _, w := range read.List(f.Value, f.ValueAt) {
			out = append(out, dial{
				machine: m, at: p.Unit.Place(w.At), what: "--" + row.flag, target: read.ParseURL(w.Text), only: etcd, wants: row.wants, own: true,
				authorities: believed, believes: len(believed) > 0,
			})
		}
	}
	return out
}

// shown gives the certificate in a file, nil for none.
func (m *machine) shown(path string) *read.Certificate {
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
	authorities := m.pem[p.Value("etcd-cafile")].Certificates
	f, _ := p.Flag("etcd-servers")
	for _, w := range read.List(f.Value, f.ValueAt) {
		out = append(out, dial{
			machine: m, at: p.Unit.Place(w.At), what: "--etcd-servers", target: read.ParseURL(w.Text), only: etcd, wants: clients,
			authorities: authorities, believes: true, client: m.shown(p.Value("etcd-certfile")), shows: true, clientAt: p.Where("etcd-certfile"),
		})
	}
	return out
}

// proxyDials are HAProxy's, with its checks.
func (m *machine) proxyDials() (out []dial) {
	for _, p := range m.proxies {
		for _, s := range p.Servers() {
			d := dial{machine: m, at: p.Place(s.Address.At), what: "server " + s.Name, target: read.ParseURL(s.Address.Text), plain: true}
			if s.Has("check-ssl") || s.Has("ssl") {
				d.plain, d.target.TLS, d.name, d.nameAt = false, true, s.Value("verifyhost"), p.Place(s.Options["verifyhost"].At)
				d.authorities = m.pem[s.Value("ca-file")].Certificates
				d.believes = s.Value("verify") == "required" && s.Has("ca-file")
			}
			out = append(out, d)
		}
	}
	return out
}

// dialAPI is what a kubeconfig's reader does.
func (s *set) dialAPI(m *machine, k client) {
	d := dial{
		machine: m, at: k.Place(k.Server), what: "server:", target: read.ParseURL(k.Server.Value()), name: k.ServerName.Value(), nameAt: k.Place(k.ServerName),
		authorities: k.Authority.Certificates, believes: len(k.Authority.Certificates) > 0, outside: true, only: apiServer,
		shows: k.HasClient, clientAt: k.Place(k.ClientAt),
	}
	if len(k.Client.Certificates) > 0 {
		d.client = &k.Client.Certificates[0]
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
	case !d.target.OK || d.target.Port == 0:
		m.find(ruleNowhere, d.at, "%s names no URL with a port", d.what)
		return
	}
	addresses, known := s.resolve(m, d.target.Host)
	if len(addresses) == 0 {
		switch {
		case d.outside && (!s.fronts() || m == s.people):
			s.beyond(d)
		case known:
			m.find(ruleUnresolved, d.at, "%s names %s, which /etc/hosts does not know", d.what, d.target.Host)
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
			if l.takes(address, d.target.Port) {
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
	if l.proxy != nil && !slices.ContainsFunc(l.machine.proxies, func(p *read.Proxy) bool { return len(l.machine.behind(l.proxy).Servers()) > 0 }) ||
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
		for _, sv := range l.machine.behind(l.proxy).Servers() {
			t := read.ParseURL(sv.Address.Text)
			a, err := netip.ParseAddr(t.Host)
			for _, other := range s.machines {
				for _, next := range other.listeners {
					if err == nil && slices.Contains(other.known, a) && next.takes(a, t.Port) {
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
	if d.target.TLS != l.tls {
		m.find(ruleScheme, d.at, "%s dials %s with%s TLS, %s listens with%s", d.what, d.target, without(d.target.TLS), l.process, without(l.tls))
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
	name := cmp.Or(d.name, d.target.Host)
	served, found := l.machine.certificate(l.certificate)
	if found && d.believes {
		switch {
		case served.VerifyHostname(name) == nil:
		case s.misnames(d, l, name, shared):
			at := d.nameAt
			if d.name == "" {
				at = d.at
			}
			m.find(ruleNotCovered, at, "%s wants a certificate for %s; %s's %s has none, but one for %s", d.what, name, l.machine.Name, l.process, validFor(served)).
				Remedy = "write a name of the certificate, or issue it with this one"
		default:
			l.machine.find(ruleNotCovered, read.Whole(l.certificate), "is not valid for %s, which others dial%s", name, s.whose(served, l.machine))
		}
		if len(d.authorities) > 0 && !s.signedByAny(served, d.authorities) {
			m.find(ruleNotBelieved, d.at, "%s leads to %s's %s, whose certificate the authority named here did not sign", d.what, l.machine.Name, l.process)
		}
		if !served.Usable(x509.ExtKeyUsageServerAuth) {
			l.machine.find(ruleUsage, read.Whole(l.certificate), "is no certificate for a server")
		}
	}
	accepted := l.machine.pem[l.clients].Certificates
	if len(accepted) == 0 || !d.shows {
		return
	}
	switch {
	case d.client == nil && l.demands:
		m.find(ruleNoClient, d.at, "%s shows no certificate, %s's %s wants one", d.what, l.machine.Name, l.process)
	case d.client == nil:
	case !d.client.Usable(x509.ExtKeyUsageClientAuth):
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
			if l.process == apiServer && l.tls && d.target.TLS {
				s.handshake(d, l, true)
			}
		}
	}
	if !d.target.TLS {
		d.machine.find(ruleScheme, d.at, "%s dials %s without TLS", d.what, d.target)
	}
}

// foreignURLs: what another unit dials on a machine of the set listens there.
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
					found := m.find(ruleNotBound, p.Unit.Place(w.At), "names %s, where nothing known of %s listens", t, other.Name)
					found.Severity = Warning
				}
			}
		}
	}
}
