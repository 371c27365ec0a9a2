package check

import (
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/profiles"
)

// facts are a node with what the checks look up.
type facts struct {
	node.Node
	meta                       *Meta
	os                         profiles.OS
	differing                  []string
	files                      map[string]node.File
	units                      []*read.Unit
	processes                  []*read.Process
	pem                        map[string]read.PEM     // by path
	mentions                   map[string][]read.Word  // paths of ours that an item names, by item
	reached                    map[string][]*read.Unit // units that come to read a file, by path
	listeners                  []*listener
	proxies                    []*read.Proxy
	hosts                      []hostsLine
	names                      map[string][]netip.Addr // by /etc/hosts
	hasHosts                   bool
	known                      []netip.Addr // addresses of the machine, loopback excluded; see set.locate
	virtual                    []netip.Addr // addresses that keepalived may give it
	needs                      []need
	certs                      []read.Certificate // in the order of the files
	contexts                   []client
	routers                    []*read.Router
	hostsFaults, contextFaults []read.Fault
}

// ours are paths that a document must bring itself: those below directories
// that no operating system fills.
var ours = regexp.MustCompile(`/(?:etc/(?:kubernetes|etcd|haproxy|keepalived|hagen)|var/lib/(?:etcd|hagen|kube-[a-z-]+)|var/log/kube-[a-z]+)\b[A-Za-z0-9._/-]*`)

// process gives the main process of that program, nil when there is none.
func (m *facts) process(name string) *read.Process {
	for _, p := range m.processes {
		if p.Name == name && p.Main {
			return p
		}
	}
	return nil
}

// text gives the place of a word in an item, file or unit.
func (m *facts) at(item string, at int) read.Place {
	if f, found := m.files[item]; found {
		return read.Place{Item: item, Text: string(f.Contents), At: at}
	}
	for _, u := range m.units {
		if u.Name == item {
			return u.Place(at)
		}
	}
	return read.Whole(item)
}

// certificate gives the first certificate in a file.
func (m *facts) certificate(path string) (read.Certificate, bool) {
	if found := m.pem[path].Certificates; len(found) > 0 {
		return found[0], true
	}
	return read.Certificate{}, false
}

// systemAccounts and systemGroups are those that every Linux has, or that a
// row of profiles gives logins.
var systemAccounts = []string{"", "root", "nobody", "daemon", "bin", "adm", "sys", "core", "systemd-network", "systemd-resolve", "systemd-timesync"}

var systemGroups = []string{"", "root", "nobody", "nogroup", "daemon", "bin", "adm", "sys", "core", "wheel", "sudo", "docker", "tty", "disk", "systemd-journal"}

func (m *facts) hasUser(name string) bool {
	return slices.Contains(systemAccounts, name) || slices.ContainsFunc(m.Users, func(u node.User) bool { return u.Name == name })
}

func (m *facts) hasGroup(name string) bool {
	return slices.Contains(systemGroups, name) || slices.ContainsFunc(m.Groups, func(g node.Group) bool { return g.Name == name })
}

// provides says whether a path is a file or directory of the document, or
// can be made by a daemon: in a directory that the document leaves empty.
func (m *facts) provides(path string) bool {
	for p := range m.files {
		if p == path || strings.HasPrefix(p, path+"/") {
			return true
		}
	}
	for _, d := range m.Directories {
		if d.Path == path || strings.HasPrefix(d.Path, path+"/") || strings.HasPrefix(path, d.Path+"/") && m.empty(d.Path) {
			return true
		}
	}
	return slices.ContainsFunc(m.Links, func(l node.Link) bool { return l.Path == path || strings.HasPrefix(path, l.Path+"/") }) || m.stateful(path)
}

// stateful says whether systemd makes a directory for a unit, in which a path
// lies (systemd.exec(5), RuntimeDirectory=).
func (m *facts) stateful(p string) bool {
	for _, row := range []struct{ key, base string }{
		{"RuntimeDirectory", "/run"}, {"StateDirectory", "/var/lib"}, {"LogsDirectory", "/var/log"}, {"CacheDirectory", "/var/cache"}, {"ConfigurationDirectory", "/etc"},
	} {
		for _, u := range m.units {
			for _, w := range u.All("Service", row.key) {
				if dir := path.Join(row.base, w.Text); p == dir || strings.HasPrefix(p, dir+"/") {
					return true
				}
			}
		}
	}
	return false
}

// empty says whether the document puts no file into a directory.
func (m *facts) empty(dir string) bool {
	for p := range m.files {
		if strings.HasPrefix(p, dir+"/") {
			return false
		}
	}
	return true
}

// behind gives the section whose servers get what this one takes in.
func (m *facts) behind(p *read.Proxy) *read.Proxy {
	if backend := p.Line("default_backend"); len(backend) > 1 {
		for _, other := range m.proxies {
			if other.Kind == "backend" && other.Name == backend[1].Text {
				return other
			}
		}
	}
	return p
}

// scriptUser is who runs keepalived's checks; "" if none is named.
func (m *facts) scriptUser() string {
	for _, r := range m.routers {
		return r.Words["script_user"].Text
	}
	return ""
}

// client is a kubeconfig and who reads it.
type client struct {
	read.Kubeconfig
	user *read.Unit // nil for a person's
}

// listener is a port that something on a machine binds.
type listener struct {
	machine *facts
	process string // "etcd"
	serves  string // what of several things the process listens for; "" for the one
	unit    *read.Unit
	address netip.Addr // unspecified: all of its family; see takes
	both    bool       // an unspecified address stands for those of the other family, too
	port    int
	at      read.Place
	tls     bool
	// The file of the certificate that is served, and of the authority whose
	// clients are let in; "" for none.
	certificate, clients string
	demands              bool // a client certificate
	proxy                *read.Proxy
}

// takes says whether a connection to an address and port ends here.
func (l *listener) takes(address netip.Addr, port int) bool {
	return l.port == port && l.covers(address)
}

// covers says whether the listener binds an address. Programs in Go that bind
// all addresses of one family bind those of the other as well (net.Listen);
// HAProxy binds :: for both unless it is told v6only, and an empty address for
// IPv4 alone (configuration manual, 5.1).
func (l *listener) covers(address netip.Addr) bool {
	address = address.Unmap()
	return l.address == address || l.address.IsUnspecified() && (l.both || l.address.Is4() == address.Is4())
}

// clashes says whether two listeners want the same address.
func (l *listener) clashes(other *listener) bool {
	return l.port == other.port && (l.covers(other.address) || other.covers(l.address))
}

// hostsLine is a line of /etc/hosts (hosts(5)).
type hostsLine struct {
	address netip.Addr
	names   []read.Word
}
