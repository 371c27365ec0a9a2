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
		{ruleClash, Error, "one of the two is lost, or the first boot fails",
			"remove one, or give it another path or name"},
		{ruleReadOnly, Error, "the operating system keeps that directory read-only, so the first boot fails",
			"put it where the operating system allows: /etc, /var, or its directory for binaries"},
	}},
	{within: (*machine).references, rules: []rule{
		{ruleMissingFile, Error, "the daemon fails when it opens the file",
			"correct the path, or add the file"},
		{ruleForeignFile, Warning, "the unit fails unless the operating system provides the file",
			"add the file, unless the operating system has it"},
	}},
	{within: (*machine).programs, rules: []rule{
		{ruleProgram, Error, "the unit cannot start without its program",
			"run the binary from the path in /etc/hagen/binaries.sh, or change both"},
		{ruleUnusedProgram, Warning, "hagen-binaries.service fails without it, though nothing needs it",
			"remove the line, or add the unit"},
	}},
}

// paths checks that no two items share a path, that none is below a file, and
// that none is where the operating system is read-only. Accounts and units
// have one name each.
func (m *machine) paths() {
	taken := map[string]claim{}
	claims := m.claims()
	for _, c := range claims {
		real := m.realPath(c)
		if first, twice := taken[real]; twice {
			m.find(ruleClash, read.Whole(c.path), "is the same path as %s %s", own(first.kind), first.path)
			continue
		}
		taken[real] = c
	}
	for _, c := range claims {
		real := m.realPath(c)
		for dir := path.Dir(real); dir != "/" && dir != "."; dir = path.Dir(dir) {
			if over, found := taken[dir]; found && over.leaf && over.kind != "link" {
				m.find(ruleClash, read.Whole(c.path), "leads through %s, which is not a directory", over.path)
			}
		}
		for _, dir := range m.os.ReadOnly {
			if below(real, dir) {
				m.find(ruleReadOnly, read.Whole(c.path), "is in %s, which %s keeps read-only", dir, own(m.os.Summary))
			}
		}
	}
	m.accounts()
}

func (m *machine) accounts() {
	seen := map[string]bool{}
	twice := func(kind, name string) {
		if seen[kind+name] {
			m.find(ruleClash, read.Whole(name), "is the name of two %ss", own(kind))
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

// references checks that what a unit or a file names is in the document.
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
				m.find(ruleMissingFile, p.Unit.Place(f.ValueAt), "--%s names %s, which is not in the document", flagName(f.Name), f.Value)
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

// filled are paths that operating systems fill, and that units may name.
var filled = []string{"/etc/ssl/", "/etc/pki/", "/etc/os-release", "/etc/machine-id", "/etc/resolv.conf", "/etc/passwd", "/etc/group", "/etc/localtime", "/etc/systemd/", "/etc/crypto-policies/"}

// foreign reports what an unknown unit names and the document does not
// provide.
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
			if local && !brought && !ours().MatchString(p) && !m.provides(p) && m.isForeign(u) {
				m.find(ruleForeignFile, u.Place(w.At), "names %s, which is not in the document", p)
			}
		}
	}
}

// isForeign reports whether a unit runs none of the known daemons.
func (m *facts) isForeign(u *read.Unit) bool {
	return !slices.ContainsFunc(m.processes, func(p *read.Process) bool {
		_, known := daemons[p.Name]
		return p.Unit == u && known
	})
}

// systemPrograms are directories of programs that an operating system
// provides.
var systemPrograms = []string{"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/lib/"}

// programs checks that a unit runs what binaries.sh asks for, what the
// document provides, or what the operating system has.
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

// scripted reports whether a script that a unit runs starts a program. The
// script that asks for all of them does not count.
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
