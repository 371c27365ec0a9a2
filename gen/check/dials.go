package check

import (
	"strings"

	"hagen/gen/read"
)

// dial is one side of a connection: who is called, whom the caller believes,
// and what it shows.
type dial struct {
	machine     *facts
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

// etcdDials are those of a member: its peers, and what it tells others of
// itself.
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
func (m *facts) shown(path string) *read.Certificate {
	if c, found := m.certificate(path); found {
		return &c
	}
	return nil
}

// apiDials are those of an API server.
func (m *facts) apiDials() (out []dial) {
	p := m.process(apiServer)
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
func (m *facts) proxyDials() (out []dial) {
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

// apiDial is what a kubeconfig's reader does.
func (m *facts) apiDial(k read.Kubeconfig) dial {
	d := dial{
		machine: m, at: k.Place(k.Server), what: "server:", target: read.ParseURL(k.Server.Value()), name: k.ServerName.Value(), nameAt: k.Place(k.ServerName),
		authorities: k.Authority.Certificates, believes: len(k.Authority.Certificates) > 0, outside: true, only: apiServer,
		shows: k.HasClient, clientAt: k.Place(k.ClientAt),
	}
	if len(k.Client.Certificates) > 0 {
		d.client = &k.Client.Certificates[0]
	}
	return d
}
