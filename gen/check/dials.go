package check

import (
	"strings"

	"hagen/gen/read"
)

// dial is the client's side of a connection: the server, the authorities that
// the client trusts and the certificate that it presents.
type dial struct {
	machine     *facts
	at          read.Place
	what        string // "--etcd-servers"
	target      read.Target
	name        string // that the certificate must cover, if not the target's host
	nameAt      read.Place
	fixed       bool // the client always expects this name: only the certificate can be wrong
	authorities []read.Certificate
	verifies    bool // the server's certificate; without authorities, against unknown ones
	client      *read.Certificate
	shows       bool // can present a certificate, so that a missing one is a fault
	clientAt    read.Place
	only        string // the process that must answer, "" for any
	wants       string // what it must listen for, "" for anything
	outside     bool   // may lead out of the set, to an external load balancer
	toItself    bool   // must lead to the machine itself
	plain       bool   // a connection that is passed on: no TLS of its own
}

// etcdDials returns the dials of a member: to its peers, and to the URLs that
// it advertises.
func (m *facts) etcdDials() (out []dial) {
	p := m.process(etcd)
	authorities := m.pem[p.Value("peer-trusted-ca-file")].Certificates
	client := m.shown(p.Value("peer-cert-file"))
	if f, found := p.Flag("initial-cluster"); found {
		for _, w := range read.List(f.Value, f.ValueAt) {
			_, url, _ := strings.Cut(w.Text, "=")
			at := w.At + len(w.Text) - len(url)
			out = append(out, dial{
				machine: m, at: p.Unit.Place(at), what: "--initial-cluster", target: read.ParseURL(url), only: etcd, wants: peers,
				authorities: authorities, verifies: len(authorities) > 0, client: client, shows: true, clientAt: p.Where("peer-cert-file"),
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
				machine: m, at: p.Unit.Place(w.At), what: "--" + row.flag, target: read.ParseURL(w.Text), only: etcd, wants: row.wants, toItself: true,
				authorities: believed, verifies: len(believed) > 0,
			})
		}
	}
	return out
}

// shown returns the certificate in a file, nil for none.
func (m *facts) shown(path string) *read.Certificate {
	if c, found := m.certificate(path); found {
		return &c
	}
	return nil
}

// apiDials returns the dials of an API server.
func (m *facts) apiDials() (out []dial) {
	p := m.process(apiServer)
	authorities := m.pem[p.Value("etcd-cafile")].Certificates
	f, _ := p.Flag("etcd-servers")
	for _, w := range read.List(f.Value, f.ValueAt) {
		out = append(out, dial{
			machine: m, at: p.Unit.Place(w.At), what: "--etcd-servers", target: read.ParseURL(w.Text), only: etcd, wants: clients,
			authorities: authorities, verifies: true, client: m.shown(p.Value("etcd-certfile")), shows: true, clientAt: p.Where("etcd-certfile"),
		})
	}
	return out
}

const (
	// peerAuthority is the flag with which an API server dials the others.
	peerAuthority = "peer-ca-file"
	// peerName is what it expects in their certificates, whatever address it dials
	// (kubernetes, pkg/controlplane/apiserver/peer.go).
	peerName = "kubernetes.default.svc"
)

// peerDial returns the dial of an API server to any other one.
func (m *facts) peerDial() (dial, bool) {
	p := m.process(apiServer)
	authorities := m.pem[p.Value(peerAuthority)].Certificates
	if len(authorities) == 0 {
		return dial{}, false
	}
	return dial{
		machine: m, at: p.Where(peerAuthority), what: "--" + peerAuthority, target: read.Target{TLS: true, OK: true}, name: peerName, fixed: true,
		only: apiServer, authorities: authorities, verifies: true,
	}, true
}

// proxyDials returns the dials of HAProxy, with its health checks.
func (m *facts) proxyDials() (out []dial) {
	for _, p := range m.proxies {
		for _, s := range p.Servers() {
			d := dial{machine: m, at: p.Place(s.Address.At), what: "server " + quote(s.Name), target: read.ParseURL(s.Address.Text), plain: true}
			if s.Has("check-ssl") || s.Has("ssl") {
				d.plain, d.target.TLS, d.name, d.nameAt = false, true, s.Value("verifyhost"), p.Place(s.Options["verifyhost"].At)
				d.authorities = m.pem[s.Value("ca-file")].Certificates
				d.verifies = s.Value("verify") == "required" && s.Has("ca-file")
			}
			out = append(out, d)
		}
	}
	return out
}

// apiDial returns the dial of a client with this kubeconfig.
func (m *facts) apiDial(k read.Kubeconfig) dial {
	d := dial{
		machine: m, at: k.Place(k.Server), what: "server:", target: read.ParseURL(k.Server.Value()), name: k.ServerName.Value(), nameAt: k.Place(k.ServerName),
		authorities: k.Authority.Certificates, verifies: len(k.Authority.Certificates) > 0, outside: true, only: apiServer,
		shows: k.HasClient, clientAt: k.Place(k.ClientAt),
	}
	if len(k.Client.Certificates) > 0 {
		d.client = &k.Client.Certificates[0]
	}
	return d
}
