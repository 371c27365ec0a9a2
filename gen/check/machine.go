package check

import (
	"bytes"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/profiles"
)

// machine is a node with what the checks look up, and what they found.
type machine struct {
	node.Node
	set       *set
	meta      *Meta
	os        profiles.OS
	differing []string
	files     map[string]node.File
	units     []*read.Unit
	processes []*read.Process
	pem       map[string]read.PEM     // by path
	mentions  map[string][]read.Word  // paths of ours that an item names, by item
	reached   map[string][]*read.Unit // units that come to read a file, by path
	listeners []*listener
	proxies   []*read.Proxy
	hosts     []hostsLine
	names     map[string][]netip.Addr // by /etc/hosts
	hasHosts  bool
	known     []netip.Addr // addresses of the machine, loopback excluded; see addresses
	virtual   []netip.Addr // addresses that keepalived may give it
	needs     []need
	certs     []read.Certificate // in the order of the files
	contexts  []client
	findings  []Finding
}

func newMachine(s *set, in Machine) *machine {
	in.Node = in.Node.WithContainers()
	m := &machine{
		Node: in.Node, set: s, os: in.OS, differing: in.Differing, meta: in.Meta, files: map[string]node.File{},
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
	for _, u := range m.units {
		m.reach(u, u.Name, map[string]bool{})
	}
	m.proxies = m.readProxies()
	m.listeners = m.listen()
	m.readHosts()
	m.readKubeconfigs()
	return m
}

// ours are paths that a document must bring itself: those below directories
// that no operating system fills.
var ours = regexp.MustCompile(`/(?:etc/(?:kubernetes|etcd|haproxy|keepalived|hagen)|var/lib/(?:etcd|hagen|kube-[a-z-]+)|var/log/kube-[a-z]+)\b[A-Za-z0-9._/-]*`)

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
func (m *machine) reach(u *read.Unit, item string, seen map[string]bool) {
	for _, w := range m.mentions[item] {
		if _, found := m.files[w.Text]; found && !seen[w.Text] {
			seen[w.Text] = true
			m.reached[w.Text] = append(m.reached[w.Text], u)
			m.reach(u, w.Text, seen)
		}
	}
}

// process gives the main process of that program, nil when there is none.
func (m *machine) process(name string) *read.Process {
	for _, p := range m.processes {
		if p.Name == name && p.Main {
			return p
		}
	}
	return nil
}

// text gives the place of a word in an item, file or unit.
func (m *machine) at(item string, at int) read.Place {
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
func (m *machine) certificate(path string) (read.Certificate, bool) {
	if found := m.pem[path].Certificates; len(found) > 0 {
		return found[0], true
	}
	return read.Certificate{}, false
}

// systemAccounts and systemGroups are those that every Linux has, or that a
// row of profiles gives logins.
var systemAccounts = []string{"", "root", "nobody", "daemon", "bin", "adm", "sys", "core", "systemd-network", "systemd-resolve", "systemd-timesync"}

var systemGroups = []string{"", "root", "nobody", "nogroup", "daemon", "bin", "adm", "sys", "core", "wheel", "sudo", "docker", "tty", "disk", "systemd-journal"}

func (m *machine) hasUser(name string) bool {
	return slices.Contains(systemAccounts, name) || slices.ContainsFunc(m.Users, func(u node.User) bool { return u.Name == name })
}

func (m *machine) hasGroup(name string) bool {
	return slices.Contains(systemGroups, name) || slices.ContainsFunc(m.Groups, func(g node.Group) bool { return g.Name == name })
}

// owners: whoever owns a file or runs a unit must exist.
func (m *machine) owners() {
	check := func(p read.Place, user, group string) {
		if !m.hasUser(user) {
			m.find(ruleOwner, p, "belongs to user %s, whom the document does not make", user)
		}
		if !m.hasGroup(group) {
			m.find(ruleOwner, p, "belongs to group %s, which the document does not make", group)
		}
	}
	for _, d := range m.Directories {
		check(read.Whole(d.Path), d.User, d.Group)
	}
	for _, f := range m.Files {
		check(read.Whole(f.Path), f.User, f.Group)
	}
	for _, u := range m.units {
		if dynamic := u.Value("Service", "DynamicUser"); dynamic == "yes" || dynamic == "true" {
			continue
		}
		for _, key := range []string{"User", "Group"} {
			d, found := u.Directive("Service", key)
			switch {
			case found && strings.ContainsAny(d.Value, "%$"): // systemd's to fill in
			case key == "User":
				check(u.Place(d.ValueAt), d.Value, "")
			default:
				check(u.Place(d.ValueAt), "", d.Value)
			}
		}
		for _, w := range u.All("Service", "SupplementaryGroups") {
			check(u.Place(w.At), "", w.Text)
		}
	}
	for _, u := range m.Users {
		if !u.System {
			continue
		}
		check(read.Whole(u.Name), "", u.Primary)
		for _, g := range u.Groups {
			check(read.Whole(u.Name), "", g)
		}
	}
}

// provides says whether a path is a file or directory of the document, or
// can be made by a daemon: in a directory that the document leaves empty.
func (m *machine) provides(path string) bool {
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
func (m *machine) stateful(p string) bool {
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
func (m *machine) empty(dir string) bool {
	for p := range m.files {
		if strings.HasPrefix(p, dir+"/") {
			return false
		}
	}
	return true
}

// hostname: the machine's own idea of its name.
func (m *machine) hostname() {
	f, found := m.files["/etc/hostname"]
	if !found {
		m.find(ruleHostname, read.Whole("/etc/hostname"), "is missing")
	}
	if found && strings.TrimSpace(string(f.Contents)) != m.Name {
		m.find(ruleHostname, read.At(f, 0), "says %q, the machine is %s", strings.TrimSpace(string(f.Contents)), m.Name)
	}
	if m.meta == nil {
		return
	}
	const metaData = "meta-data"
	if m.meta.LocalHostname != m.Name {
		m.find(ruleHostname, read.Whole(metaData), "says %q, the machine is %s", m.meta.LocalHostname, m.Name)
	}
	if m.meta.Derived != "" && m.meta.InstanceID != m.meta.Derived {
		m.find(ruleInstance, read.Whole(metaData), "has the instance-id %q, from what stands beside it follows %s", m.meta.InstanceID, m.meta.Derived)
	}
}

// readProxies reads the configuration of every HAProxy that a unit runs.
func (m *machine) readProxies() (out []*read.Proxy) {
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

// behind gives the section whose servers get what this one takes in.
func (m *machine) behind(p *read.Proxy) *read.Proxy {
	if backend := p.Line("default_backend"); len(backend) > 1 {
		for _, other := range m.proxies {
			if other.Kind == "backend" && other.Name == backend[1].Text {
				return other
			}
		}
	}
	return p
}
