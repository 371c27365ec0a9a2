package check

import (
	"bytes"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
)

// newFacts reads a machine.
func newFacts(in Machine) *facts {
	in.Node = in.Node.WithContainers()
	m := &facts{
		Node: in.Node, os: in.OS, differing: in.Differing, meta: in.Meta, files: map[string]node.File{},
		pem: map[string]read.PEM{}, mentions: map[string][]read.Word{}, reached: map[string][]*read.Unit{},
	}
	for _, f := range m.Files {
		m.files[f.Path] = f
		if bytes.Contains(f.Contents, []byte("-----BEGIN ")) || bytes.Contains(f.Contents, []byte("SHA-256 ")) || bytes.Contains(f.Contents, []byte("REDACTED")) {
			m.pem[f.Path] = read.ParsePEM(f.Path, f.Contents)
		}
		m.mentions[f.Path] = named(string(f.Contents))
	}
	for _, f := range m.Files {
		m.certs = append(m.certs, m.pem[f.Path].Certificates...)
	}
	m.needs = readNeeds(string(m.files[binariesPath].Contents))
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
	m.readHosts()
	m.readKubeconfigs()
	return m
}

// named lists the paths of ours in a text.
func named(text string) (out []read.Word) {
	if !strings.Contains(text, "/etc/") && !strings.Contains(text, "/var/") {
		return nil
	}
	for _, found := range ours.FindAllStringIndex(text, -1) {
		out = append(out, read.Word{Text: strings.TrimRight(text[found[0]:found[1]], "/."), At: found[0]})
	}
	return out
}

// reach notes which files a unit comes to read: those that it names, and those
// that they name.
func (m *facts) reach(u *read.Unit, item string, seen map[string]bool) {
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
		c := client{k, nil}
		if readers := m.reached[f.Path]; len(readers) > 0 {
			c.user = readers[0]
		}
		m.contexts = append(m.contexts, c)
	}
}
