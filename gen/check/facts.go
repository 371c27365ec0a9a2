package check

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/profiles"
)

// facts are a node with everything that the checks look up.
type facts struct {
	node.Node
	meta          *Meta
	os            profiles.OS
	differing     []string
	otherBytes    []string
	files         map[string]node.File
	units         []*read.Unit
	processes     []*read.Process
	pem           map[string]read.PEM     // by path
	mentions      map[string][]read.Word  // paths of ours that an item names, by item
	reached       map[string][]*read.Unit // units that read a file, by path
	interfaces    []networkInterface
	listeners     []*listener
	proxies       []*read.Proxy
	hosts         read.Hosts
	hasHosts      bool
	known         []netip.Addr // addresses of the machine, loopback excluded; see set.locate
	virtual       []netip.Addr // addresses that keepalived may give it
	steps, needs  []read.Step  // of binaries.sh: all, and those that ask for a binary
	records       records
	parsed        *texts
	certs         []read.Certificate // in the order of the files
	contexts      []read.Kubeconfig
	routers       []*read.Router
	contextFaults []read.Fault
}

// networkInterface is one that a file configures; taken is true if the network
// stack reads the file.
type networkInterface struct {
	node.Interface
	file  node.File
	taken bool
}

// ours matches paths that a document must provide itself: those in directories
// that no operating system fills.
var ours = lazy.Regexp(`/(?:etc/(?:kubernetes|etcd|haproxy|keepalived|hagen)|var/lib/(?:etcd|hagen|kube-[a-z-]+)|var/log/kube-[a-z]+)\b[A-Za-z0-9._/-]*`)

// process returns the main process of that program, nil when there is none.
func (m *facts) process(name string) *read.Process {
	for _, p := range m.processes {
		if p.Name == name && p.Main {
			return p
		}
	}
	return nil
}

// at returns a place in an item, which is a file or unit.
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

// certificate returns the first certificate in a file.
func (m *facts) certificate(path string) (read.Certificate, bool) {
	if found := m.pem[path].Certificates; len(found) > 0 {
		return found[0], true
	}
	return read.Certificate{}, false
}

// behind returns the section whose servers get the connections of this one.
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

// scriptUser returns the user that runs keepalived's checks; "" if none is
// named.
func (m *facts) scriptUser() string {
	for _, r := range m.routers {
		return r.Words["script_user"].Text
	}
	return ""
}

// newFacts reads a machine.
func newFacts(in Machine, of records, texts *texts) *facts {
	in.Node = in.Node.WithContainers()
	m := &facts{
		Node: in.Node, records: of, parsed: texts, os: in.OS, differing: in.Differing, otherBytes: in.OtherBytes, meta: in.Meta, files: map[string]node.File{},
		pem: map[string]read.PEM{}, mentions: map[string][]read.Word{}, reached: map[string][]*read.Unit{},
	}
	for _, f := range m.Files {
		m.files[f.Path] = f
		if bytes.Contains(f.Contents, []byte("-----BEGIN ")) || bytes.Contains(f.Contents, []byte("SHA-256 ")) || bytes.Contains(f.Contents, []byte("REDACTED")) {
			m.pem[f.Path] = read.ParsePEM(f.Path, f.Contents)
		}
		m.mentions[f.Path] = named(string(f.Contents))
		if i, taken, found := network.Parse(f); found {
			m.interfaces = append(m.interfaces, networkInterface{i, f, taken})
		}
	}
	for _, f := range m.Files {
		m.certs = append(m.certs, m.pem[f.Path].Certificates...)
	}
	m.steps = read.StepsOf(m.Node)
	m.needs = slices.DeleteFunc(slices.Clone(m.steps), func(s read.Step) bool { return s.Does != read.Need })
	m.units = read.Units(m.Node)
	for _, u := range m.units {
		m.processes = append(m.processes, u.Processes()...)
		m.mentions[u.Name] = named(u.Text())
	}
	for _, p := range m.processes {
		if p.Name == etcd && p.Main {
			p.Flags = append(p.Flags, m.variables(p)...)
		}
	}
	for _, u := range m.units {
		m.reach(u, u.Name, map[string]bool{})
	}
	m.routers = read.Routers(m.Files)
	m.proxies = m.readProxies()
	m.listeners = m.listen()
	m.hosts, m.hasHosts = read.HostsOf(m.Node)
	m.readKubeconfigs()
	return m
}

// named lists the paths of ours in a text.
func named(text string) (out []read.Word) {
	if !strings.Contains(text, "/etc/") && !strings.Contains(text, "/var/") {
		return nil
	}
	for _, found := range ours().FindAllStringIndex(text, -1) {
		out = append(out, read.Word{Text: strings.TrimRight(text[found[0]:found[1]], "/."), At: found[0]})
	}
	return out
}

// reach records which files a unit reads: those that it names, and those that
// these name. A certificate that is only watched has no effect.
func (m *facts) reach(u *read.Unit, item string, seen map[string]bool) {
	if item == read.CertificatesPath {
		return
	}
	for _, w := range m.mentions[item] {
		if _, found := m.files[w.Text]; found && !seen[w.Text] {
			seen[w.Text] = true
			m.reached[w.Text] = append(m.reached[w.Text], u)
			m.reach(u, w.Text, seen)
		}
	}
}

// readProxies reads the configuration of every HAProxy that a unit runs.
func (m *facts) readProxies() (out []*read.Proxy) {
	for _, p := range m.processes {
		if p.Name != haproxy || !p.Main {
			continue
		}
		for _, f := range p.Flags {
			if file, found := m.files[f.Value]; found && f.Name == "f" {
				out = append(out, read.ParseProxies(file, p.Unit)...)
			}
		}
	}
	return out
}

// readKubeconfigs reads every kubeconfig among the machine's files.
func (m *facts) readKubeconfigs() {
	for _, f := range m.Files {
		k, faults, is := read.ParseKubeconfig(f, m.pem)
		if !is {
			continue
		}
		if len(faults) > 0 {
			m.contextFaults = append(m.contextFaults, faults...)
			continue
		}
		m.contexts = append(m.contexts, k)
	}
}

// secret reports whether a file holds a secret, or is a twin's copy of one
// that does.
func (m *facts) secret(f node.File) bool {
	return f.Secret || slices.ContainsFunc(m.pem[f.Path].Keys, func(k read.Key) bool { return k.Private })
}
