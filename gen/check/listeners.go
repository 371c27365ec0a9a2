package check

import (
	"net/netip"
	"strconv"

	"hagen/gen/read"
	"hagen/profiles"
)

// urlListeners are flags that list URLs to listen on.
var urlListeners = []struct{ daemon, flag, serves, otherwise, certificate, clients, demands string }{
	{etcd, "listen-client-urls", clients, "http://127.0.0.1:2379", "cert-file", "trusted-ca-file", "client-cert-auth"},
	{etcd, "listen-peer-urls", peers, "http://127.0.0.1:2380", "peer-cert-file", "peer-trusted-ca-file", "peer-client-cert-auth"},
	{etcd, "listen-metrics-urls", "metrics", "", "cert-file", "trusted-ca-file", "client-cert-auth"},
}

// portListeners are flags of address and port, with their defaults and the
// minor releases that have them.
var portListeners = []struct {
	daemon, address, port       string
	defaultAddress, defaultPort string
	certificate, clients        string
	tls                         bool
	sinceMinor, untilMinor      int // of 1; 0 is no bound
}{
	{daemon: apiServer, address: "bind-address", port: "secure-port", defaultAddress: "0.0.0.0", defaultPort: "6443", certificate: "tls-cert-file", clients: "client-ca-file", tls: true},
	{daemon: apiServer, address: "insecure-bind-address", port: "insecure-port", defaultAddress: "127.0.0.1", defaultPort: "8080", untilMinor: 19},
	{daemon: manager, address: "bind-address", port: "secure-port", defaultAddress: "0.0.0.0", defaultPort: "10257", certificate: "tls-cert-file", clients: "client-ca-file", tls: true, sinceMinor: 12},
	{daemon: manager, address: "address", port: "port", defaultAddress: "0.0.0.0", defaultPort: "10252", untilMinor: 22},
	{daemon: scheduler, address: "bind-address", port: "secure-port", defaultAddress: "0.0.0.0", defaultPort: "10259", certificate: "tls-cert-file", clients: "client-ca-file", tls: true, sinceMinor: 12},
	{daemon: scheduler, address: "address", port: "port", defaultAddress: "0.0.0.0", defaultPort: "10251", untilMinor: 22},
}

// listen lists what the machine's daemons bind, by their flags, their defaults
// and haproxy.cfg.
func (m *facts) listen() (out []*listener) {
	for _, row := range urlListeners {
		p := m.process(row.daemon)
		if p == nil {
			continue
		}
		text, base := row.otherwise, -1
		if f, found := p.Flag(row.flag); found {
			text, base = f.Value, f.ValueAt
		}
		for _, w := range read.List(text, base) {
			if u := read.ParseURL(w.Text); u.Port != 0 {
				address, err := netip.ParseAddr(u.Host)
				if u.Host == "localhost" {
					address = loopbacks[0]
				} else if err != nil {
					continue // etcd binds no name; boundNames reports it
				}
				l := &listener{machine: m, process: row.daemon, serves: row.serves, unit: p.Unit, address: address, both: true, port: u.Port, at: p.Unit.Place(w.At), tls: u.TLS}
				if u.TLS {
					l.certificate, l.clients, l.demands = p.Value(row.certificate), p.Value(row.clients), p.Value(row.demands) == "true"
				}
				out = append(out, l)
			}
		}
	}
	for _, row := range portListeners {
		p := m.process(row.daemon)
		v, _, said := m.version(row.daemon)
		if p == nil || said && row.sinceMinor > 0 && v.Compare(profiles.Version{Major: 1, Minor: row.sinceMinor}) < 0 ||
			row.untilMinor > 0 && (!said || v.Compare(profiles.Version{Major: 1, Minor: row.untilMinor + 1}) >= 0) {
			continue
		}
		host, port := row.defaultAddress, row.defaultPort
		at := p.Unit.Place(p.Path.At)
		if f, found := p.Flag(row.address); found {
			host = f.Value
		}
		if f, found := p.Flag(row.port); found {
			port, at = f.Value, p.Unit.Place(f.ValueAt)
		}
		address, err := netip.ParseAddr(host)
		number, _ := strconv.Atoi(port)
		if err != nil || number == 0 {
			continue
		}
		l := &listener{machine: m, process: row.daemon, unit: p.Unit, address: address, both: true, port: number, at: at, tls: row.tls}
		if row.tls {
			l.certificate, l.clients = p.Value(row.certificate), p.Value(row.clients)
		}
		out = append(out, l)
	}
	for _, p := range m.proxies {
		binds, tls := p.Binds()
		for _, w := range binds {
			if address, port, ok := read.Socket(w.Text); ok {
				out = append(out, &listener{machine: m, process: haproxy, unit: p.Unit, address: address, both: address.Is6() && !p.Only6(w), port: port, at: p.Place(w.At), tls: tls, proxy: p})
			}
		}
	}
	return out
}

// listener is a port that something on a machine binds.
type listener struct {
	machine *facts
	process string // "etcd"
	serves  string // what it is for, if the process listens for several things
	unit    *read.Unit
	address netip.Addr // unspecified: all of its family; see takes
	both    bool       // an unspecified address includes the other family
	port    int
	at      read.Place
	tls     bool
	// The file of the certificate that is served, and of the authority whose
	// clients are let in; "" for none.
	certificate, clients string
	demands              bool // a client certificate
	proxy                *read.Proxy
}

// takes reports whether a connection to an address and port ends here.
func (l *listener) takes(address netip.Addr, port int) bool {
	return l.port == port && l.covers(address)
}

// covers reports whether the listener binds an address. Programs in Go that
// bind all addresses of one family bind those of the other as well
// (net.Listen); HAProxy binds :: for both unless v6only is given, and an empty
// address for IPv4 alone (configuration manual, 5.1).
func (l *listener) covers(address netip.Addr) bool {
	address = address.Unmap()
	return l.address == address || l.address.IsUnspecified() && (l.both || l.address.Is4() == address.Is4())
}

// clashes reports whether two listeners bind the same address and port.
func (l *listener) clashes(other *listener) bool {
	return l.port == other.port && (l.covers(other.address) || other.covers(l.address))
}
