package check

import (
	"path"
	"regexp"
	"slices"
	"strings"

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
		{ruleMissingFile, Error, "the daemon fails when it opens the file",
			"correct the path, or add the file"},
		{ruleForeignFile, Warning, "if the operating system does not bring it, the unit fails",
			"add the file, unless the operating system has it"},
	}},
	{within: (*machine).programs, rules: []rule{
		{ruleProgram, Error, "the unit cannot start without its program",
			"run the binary where /etc/hagen/binaries.sh asks for it, or change both"},
		{ruleUnusedProgram, Warning, "a machine without it fails hagen-binaries.service for nothing",
			"remove the line, or add the unit"},
	}},
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
			if strings.HasPrefix(f.Value, "/") && !m.provides(f.Value) && !ours().MatchString(f.Value) {
				m.find(ruleMissingFile, p.Unit.Place(f.ValueAt), "--%s names %s, which is not in the document", f.Name, f.Value)
			}
		}
	}
}

func (m *machine) namedBy(item string) {
	for _, w := range m.mentions[item] {
		if !m.provides(w.Text) {
			m.find(ruleMissingFile, m.at(item, w.At), "names %s, which is not in the document", w.Text)
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
			if local && !brought && !ours().MatchString(p) && !m.provides(p) && m.foreignTo(u) {
				m.find(ruleForeignFile, u.Place(w.At), "names %s, which is not in the document", p)
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
		asked := slices.ContainsFunc(m.needs, func(n read.Step) bool { return n.Place.Text == p.Path.Text })
		switch {
		case !strings.HasPrefix(p.Path.Text, "/") || asked || brought || len(m.needs) == 0:
		case daemon:
			m.find(ruleProgram, p.Unit.Place(p.Path.At), "runs %s, which binaries.sh does not ask for", p.Path.Text)
		case !system:
			m.find(ruleForeignFile, p.Unit.Place(p.Path.At), "runs %s, which is neither in the document nor asked for in binaries.sh", p.Path.Text)
		}
	}
	for _, n := range m.needs {
		if !runs[n.Place.Text] && !m.scripted(n.Place.Text) {
			m.find(ruleUnusedProgram, m.at(read.BinariesPath, n.Place.At), "asks for %s, which no unit runs", n.Place.Text)
		}
	}
}

// scripted says whether a script that a unit runs begins a command with a
// program. The one that asks for all of them is none.
func (m *facts) scripted(program string) bool {
	begins := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(program) + `\s`)
	for _, p := range m.processes {
		for _, argument := range p.Args {
			if f, brought := m.files[argument.Text]; brought && f.Path != read.BinariesPath && begins.Match(f.Contents) {
				return true
			}
		}
	}
	return false
}
