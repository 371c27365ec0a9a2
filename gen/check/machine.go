// Package check says what must hold within a machine and across a set of
// them. It judges documents by what stands in them, not by the tables they
// were made from, so it finds what the tables get wrong.
package check

import (
	"crypto"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"hagen/gen/node"
)

// Finding is one thing that does not hold. Item is a path, unit or user of
// the host; Problem a clause without a stop.
type Finding struct {
	Host, Item, Problem string
}

// String gives "host: item: problem".
func (f Finding) String() string { return f.Host + ": " + f.Item + ": " + f.Problem }

// Machines checks every machine by itself and all of them together.
func Machines(nodes []node.Node) []Finding {
	machines := make([]*machine, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
		all.Go(func() {
			m := newMachine(n)
			m.owners()
			m.references()
			m.secrets()
			m.pairs()
			machines[i] = m
		})
	}
	all.Wait()
	across(machines)
	var out []Finding
	for _, m := range machines {
		out = append(out, m.findings...)
	}
	return out
}

// machine is a node with what the checks look up, and what they found.
type machine struct {
	node.Node
	files        map[string]node.File
	certificates []certificate
	keys         map[string]crypto.Signer // by path
	findings     []Finding
}

func newMachine(n node.Node) *machine {
	m := &machine{Node: n, files: map[string]node.File{}}
	for _, f := range n.Files {
		m.files[f.Path] = f
	}
	m.certificates, m.keys = parsed(n)
	return m
}

func (m *machine) find(item, format string, args ...any) {
	m.findings = append(m.findings, Finding{m.Name, item, fmt.Sprintf(format, args...)})
}

// owners: whoever owns a file or runs a unit must exist, or Ignition fails
// and the machine never boots.
func (m *machine) owners() {
	user := func(item, name string) {
		if name != "" && name != "root" && !slices.ContainsFunc(m.Users, func(u node.User) bool { return u.Name == name }) {
			m.find(item, "belongs to user %s, whom the document does not make", name)
		}
	}
	group := func(item, name string) {
		if name != "" && name != "root" && !slices.ContainsFunc(m.Groups, func(g node.Group) bool { return g.Name == name }) {
			m.find(item, "belongs to group %s, which the document does not make", name)
		}
	}
	for _, d := range m.Directories {
		user(d.Path, d.User)
		group(d.Path, d.Group)
	}
	for _, f := range m.Files {
		user(f.Path, f.User)
		group(f.Path, f.Group)
	}
	for _, u := range m.Units {
		user(u.Name, setting(u, "User"))
		group(u.Name, setting(u, "Group"))
	}
	for _, u := range m.Users {
		if u.System {
			group(u.Name, u.Primary)
		}
	}
}

// setting gives the value of a line of a unit, or "".
func setting(u node.Unit, key string) string {
	for line := range strings.SplitSeq(u.Contents, "\n") {
		if value, found := strings.CutPrefix(line, key+"="); found {
			return value
		}
	}
	return ""
}

// ours are paths that a document must bring itself: those below directories
// that no operating system fills.
var ours = regexp.MustCompile(`/(?:etc/(?:kubernetes|etcd|haproxy|keepalived|hagen)|var/lib/(?:etcd|kube-[a-z-]+)|var/log/kube-[a-z]+)\b[A-Za-z0-9._/-]*`)

// references: what a unit or a file names must be there.
func (m *machine) references() {
	named := func(item, contents string) {
		for _, path := range ours.FindAllString(contents, -1) {
			if !m.provides(strings.TrimRight(path, "/.")) {
				m.find(item, "names %s, which is not in the document", path)
			}
		}
	}
	for _, u := range m.Units {
		named(u.Name, u.Contents)
	}
	for _, f := range m.Files {
		named(f.Path, string(f.Contents))
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

// readers lists the units that come to read a file: they name it, or a file
// that they name does.
func (m *machine) readers(path string) (units []node.Unit) {
	for _, u := range m.Units {
		if m.reaches(u.Contents, path, map[string]bool{}) {
			units = append(units, u)
		}
	}
	return units
}

func (m *machine) reaches(contents, path string, seen map[string]bool) bool {
	for _, named := range ours.FindAllString(contents, -1) {
		if named == path {
			return true
		}
		if f, found := m.files[named]; found && !seen[named] {
			seen[named] = true
			if m.reaches(string(f.Contents), path, seen) {
				return true
			}
		}
	}
	return false
}

// secrets: marked as such, guarded by their mode, read by a unit of this
// machine, and readable by that unit's user.
func (m *machine) secrets() {
	for _, f := range m.Files {
		if holds := node.HoldsSecret(f.Contents); holds != f.Secret {
			m.find(f.Path, "is declared secret: %t, its contents say: %t", f.Secret, holds)
		}
		if !f.Secret {
			continue
		}
		if f.Mode&0o027 != 0 || f.Mode&0o040 != 0 && f.Group == "" {
			m.find(f.Path, "holds a secret, but has mode %04o", f.Mode.Perm())
		}
		readers := m.readers(f.Path)
		if len(readers) == 0 {
			m.find(f.Path, "holds a secret that no unit of this machine reads")
		}
		for _, u := range readers {
			if user := setting(u, "User"); !m.mayRead(user, f) {
				m.find(f.Path, "cannot be read by user %s of %s", user, u.Name)
			}
		}
	}
}

// mayRead holds a file's owner and mode against a user; "" is root.
func (m *machine) mayRead(user string, f node.File) bool {
	if user == "" || user == "root" || f.Mode&0o004 != 0 || user == f.User && f.Mode&0o400 != 0 {
		return true
	}
	if f.Mode&0o040 == 0 {
		return false
	}
	return slices.ContainsFunc(m.Users, func(u node.User) bool {
		return u.Name == user && (u.Primary == f.Group || slices.Contains(u.Groups, f.Group))
	})
}
