package check

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
)

// pathRules are about paths and what leads to them.
var pathRules = []check{
	{within: (*machine).paths, rules: []rule{
		{ruleClash, Error, "one of the two never is what its author meant, or the first boot fails",
			"leave one out, or give it another path"},
		{ruleReadOnly, Error, "the operating system keeps that directory read-only, so the first boot fails",
			"put it where the operating system allows: /etc, /var, or its directory for binaries"},
	}},
	{within: (*machine).references, rules: []rule{
		{ruleReference, Error, "the daemon fails when it opens the file",
			"correct the path, or add the file"},
		{ruleForeignReference, Warning, "if the operating system does not bring it, the unit fails",
			"add the file, unless the operating system has it"},
	}},
	{within: (*machine).programs, rules: []rule{
		{ruleProgram, Error, "the unit cannot start without its program",
			"run the binary where /etc/hagen/binaries.sh asks for it, or change both"},
		{ruleUnusedProgram, Warning, "a machine without it fails hagen-binaries.service for nothing",
			"remove the line, or add the unit"},
	}},
}

// everywhere are links that every Linux with a merged /usr has.
var everywhere = map[string]string{"/bin": "/usr/bin", "/sbin": "/usr/sbin", "/lib": "/usr/lib", "/lib64": "/usr/lib64", "/var/run": "/run"}

// resolve follows the links of the operating system and of the document, so
// that two ways to one place are one path.
func (m *facts) resolve(p string) string {
	p = path.Clean(p)
	for range 8 {
		next := p
		for _, links := range []map[string]string{everywhere, m.os.Links, m.links()} {
			for from, to := range links {
				if p == from || strings.HasPrefix(p, from+"/") {
					next = path.Clean(to + strings.TrimPrefix(p, from))
				}
			}
		}
		if next == p {
			break
		}
		p = next
	}
	return p
}

// links are the document's own, as far as they lead to directories.
func (m *facts) links() map[string]string {
	if len(m.Links) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, l := range m.Links {
		target := l.Target
		if !strings.HasPrefix(target, "/") {
			target = path.Join(path.Dir(l.Path), target)
		}
		out[l.Path] = target
	}
	return out
}

// claim is one thing that the document puts at a path.
type claim struct {
	kind, path string
	leaf       bool
}

// claims lists all that the document puts anywhere.
func (m *facts) claims() (out []claim) {
	for _, d := range m.Directories {
		out = append(out, claim{"directory", d.Path, false})
	}
	for _, f := range m.Files {
		out = append(out, claim{"file", f.Path, true})
	}
	for _, l := range m.Links {
		out = append(out, claim{"link", l.Path, true})
	}
	for _, u := range m.Node.Units {
		out = append(out, claim{"unit", path.Join(node.UnitDir, u.Name), true})
		for _, d := range u.DropIns {
			out = append(out, claim{"drop-in", d.Path(u.Name), true})
		}
	}
	return out
}

// stands is where a claim is put. What leads through links is where they lead;
// a link itself is where it is made, wherever it leads.
func (m *facts) stands(c claim) string {
	if c.kind == "link" {
		return path.Join(m.resolve(path.Dir(c.path)), path.Base(c.path))
	}
	return m.resolve(c.path)
}

// paths: nothing stands twice, on the way of something else, or where the
// operating system lets nobody write. Accounts and units have one name each.
func (m *machine) paths() {
	taken := map[string]claim{}
	claims := m.claims()
	for _, c := range claims {
		real := m.stands(c)
		if first, twice := taken[real]; twice {
			m.find(ruleClash, read.Whole(c.path), "is the same place as %s %s", first.kind, first.path)
			continue
		}
		taken[real] = c
	}
	for _, c := range claims {
		real := m.stands(c)
		for dir := path.Dir(real); dir != "/" && dir != "."; dir = path.Dir(dir) {
			if over, found := taken[dir]; found && over.leaf && over.kind != "link" {
				m.find(ruleClash, read.Whole(c.path), "leads through %s, which is no directory", over.path)
			}
		}
		for _, dir := range m.os.ReadOnly {
			if below(real, dir) {
				m.find(ruleReadOnly, read.Whole(c.path), "lies in %s, which %s keeps read-only", dir, m.os.Summary)
			}
		}
	}
	m.accounts()
}

func (m *machine) accounts() {
	seen := map[string]bool{}
	twice := func(kind, name string) {
		if seen[kind+name] {
			m.find(ruleClash, read.Whole(name), "is the name of two %ss", kind)
		}
		seen[kind+name] = true
	}
	for _, u := range m.Users {
		twice("user", u.Name)
	}
	for _, g := range m.Groups {
		twice("group", g.Name)
	}
}

// references: what a unit or a file names must be there.
func (m *machine) references() {
	for _, f := range m.Files {
		m.namedBy(f.Path)
	}
	for _, u := range m.units {
		m.namedBy(u.Name)
		m.foreign(u)
	}
	for _, p := range m.processes {
		if _, ours := daemons[p.Name]; !ours {
			continue
		}
		for _, f := range p.Flags {
			if strings.HasPrefix(f.Value, "/") && !m.provides(f.Value) && !ours.MatchString(f.Value) {
				m.find(ruleReference, p.Unit.Place(f.ValueAt), "--%s names %s, which is not in the document", f.Name, f.Value)
			}
		}
	}
}

func (m *machine) namedBy(item string) {
	for _, w := range m.mentions[item] {
		if !m.provides(w.Text) {
			m.find(ruleReference, m.at(item, w.At), "names %s, which is not in the document", w.Text)
		}
	}
}

// filled are directories below which operating systems bring files of their
// own that units may well name.
var filled = []string{"/etc/ssl/", "/etc/pki/", "/etc/os-release", "/etc/machine-id", "/etc/resolv.conf", "/etc/passwd", "/etc/group", "/etc/localtime", "/etc/systemd/", "/etc/crypto-policies/"}

// foreign: a unit of somebody else's may name what the operating system
// brings, or what is missing.
func (m *machine) foreign(u *read.Unit) {
	for _, d := range u.Directives {
		command := strings.HasPrefix(d.Key, "Exec") && d.Section == "Service"
		if !command && d.Key != "EnvironmentFile" {
			continue
		}
		for i, w := range read.Split(d.Value, d.ValueAt) {
			_, value, inline := strings.Cut(w.Text, "=")
			if !inline {
				value = w.Text
			}
			p, ok := strings.CutPrefix(value, "-")
			if !command && ok || i == 0 && command || !strings.HasPrefix(p, "/") {
				continue // allowed to be missing; the program; no path
			}
			local := strings.HasPrefix(p, "/etc/") || strings.HasPrefix(p, "/opt/") || strings.HasPrefix(p, "/srv/")
			brought := slices.ContainsFunc(filled, func(f string) bool { return strings.HasPrefix(p, f) })
			if local && !brought && !ours.MatchString(p) && !m.provides(p) && m.foreignTo(u) {
				m.find(ruleForeignReference, u.Place(w.At), "names %s, which is not in the document", p)
			}
		}
	}
}

// foreignTo says whether a unit runs none of the daemons that are known here.
func (m *facts) foreignTo(u *read.Unit) bool {
	return !slices.ContainsFunc(m.processes, func(p *read.Process) bool {
		_, known := daemons[p.Name]
		return p.Unit == u && known
	})
}

// systemPrograms are directories of programs that an operating system brings.
var systemPrograms = []string{"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/lib/"}

// programs: what a unit runs is what binaries.sh asks for, what the document
// brings, or what the operating system has.
func (m *machine) programs() {
	runs := map[string]bool{}
	for _, p := range m.processes {
		runs[p.Path.Text] = true
		_, daemon := daemons[p.Name]
		_, brought := m.files[p.Path.Text]
		system := slices.ContainsFunc(systemPrograms, func(dir string) bool { return strings.HasPrefix(p.Path.Text, dir) })
		asked := slices.ContainsFunc(m.needs, func(n need) bool { return n.path.Text == p.Path.Text })
		switch {
		case !strings.HasPrefix(p.Path.Text, "/") || asked || brought || len(m.needs) == 0:
		case daemon:
			m.find(ruleProgram, p.Unit.Place(p.Path.At), "runs %s, which binaries.sh does not ask for", p.Path.Text)
		case !system:
			m.find(ruleForeignReference, p.Unit.Place(p.Path.At), "runs %s, which is neither in the document nor asked for in binaries.sh", p.Path.Text)
		}
	}
	for _, n := range m.needs {
		if !runs[n.path.Text] && !m.scripted(n.path.Text) {
			m.find(ruleUnusedProgram, m.at(binariesPath, n.path.At), "asks for %s, which no unit runs", n.path.Text)
		}
	}
}

// scripted says whether a script that a unit runs begins a command with a
// program. The one that asks for all of them is none.
func (m *facts) scripted(program string) bool {
	begins := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(program) + `\s`)
	for _, p := range m.processes {
		for _, argument := range p.Args {
			if f, brought := m.files[argument.Text]; brought && f.Path != binariesPath && begins.Match(f.Contents) {
				return true
			}
		}
	}
	return false
}
