package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/node"
)

// trait is one thing that machines of a kind should have alike.
type trait struct {
	machine *machine
	at      place
	value   string
	bare    string // the value with the machine's own name and addresses taken out
}

// unlike are files that are each machine's own, or that other rules compare.
var unlike = []string{"/etc/hostname", hostsPath, keepalivedConfig, binariesPath}

// drift: what stands on several machines says the same on each, but for the
// machine's own name and addresses. Machines whose binaries differ are in the
// middle of an upgrade, and may.
func (s *set) drift() {
	groups := map[string][]trait{}
	var order []string
	for _, m := range s.machines {
		for _, t := range m.traits() {
			if groups[t.key] == nil {
				order = append(order, t.key)
			}
			groups[t.key] = append(groups[t.key], t.trait)
		}
	}
	for _, key := range order {
		all := groups[key]
		value := func(t trait) string { return t.value }
		best, most := common(all, value)
		if most == len(all) {
			continue
		}
		if bare, more := common(all, func(t trait) string { return t.bare }); more > most {
			best, most, value = bare, more, func(t trait) string { return t.bare }
		}
		for _, t := range all {
			if value(t) != best {
				t.machine.find(ruleDrift, t.at, "differs from the same on %d other%s", most, map[bool]string{true: " machine", false: " machines"}[most == 1])
			}
		}
	}
}

type keyedTrait struct {
	key string
	trait
}

// traits lists what can be compared, by a key that is the same on all
// machines.
func (m *machine) traits() (out []keyedTrait) {
	same := m.anonymous()
	add := func(key string, at place, value string) {
		out = append(out, keyedTrait{key, trait{m, at, value, same.Replace(value)}})
	}
	for _, d := range m.Directories {
		add("directory "+d.Path, whole(d.Path), fmt.Sprintf("%s %s %o", d.User, d.Group, d.Mode))
	}
	for _, f := range m.Files {
		add("file "+f.Path, whole(f.Path), fmt.Sprintf("%s %s %o", f.User, f.Group, f.Mode))
		if contents := m.pem[f.Path]; len(contents.certificates)+len(contents.keys) > 0 || contents.opaque || m.secret(f) || slices.Contains(unlike, f.Path) {
			continue
		}
		m.lines(f, add)
	}
	for _, u := range m.Users {
		add("user "+m.os.Name+" "+u.Name, whole(u.Name), fmt.Sprint(u.Primary, u.Groups, u.Home, u.Shell, u.SSHKeys))
	}
	release := m.release()
	for _, u := range m.units {
		add("unit "+u.Name, whole(u.Name), fmt.Sprint(u.Enabled))
		counts := map[string]int{}
		for _, d := range u.directives {
			if strings.HasPrefix(d.key, "Exec") || d.section == "Unit" && d.key == "Description" || u.Name == "hagen-binaries.service" {
				continue
			}
			counts[d.key]++
			add(fmt.Sprint("unit ", u.Name, " ", d.section, d.key, counts[d.key]), u.place(d.at), d.value)
		}
	}
	for _, p := range m.processes {
		if !p.main {
			continue
		}
		for _, f := range p.flags {
			add(fmt.Sprint("flag ", p.unit.Name, p.name, release, " ", f.name), p.unit.place(f.at), f.value)
		}
		var names []string
		for _, f := range p.flags {
			names = append(names, f.name)
		}
		add(fmt.Sprint("flags ", p.unit.Name, p.name, release), p.unit.place(p.path.at), strings.Join(names, " "))
	}
	return out
}

// lines compares a file line by line, as far as the lines can be told apart,
// and as a whole.
func (m *machine) lines(f node.File, add func(string, place, string)) {
	text := string(f.Contents)
	at, n := 0, 0
	for line := range strings.Lines(text) {
		n++
		add(fmt.Sprint("line ", f.Path, " ", strings.Count(text, "\n"), " ", n), place{f.Path, text, at + len(line) - len(strings.TrimLeft(line, " \t"))}, line)
		at += len(line)
	}
	add("lines "+f.Path, whole(f.Path), fmt.Sprint(strings.Count(text, "\n")))
}

// anonymous takes the machine's own name and addresses out of a text.
func (m *machine) anonymous() *strings.Replacer {
	var pairs []string
	for _, a := range slices.SortedFunc(slices.Values(m.known), func(a, b netip.Addr) int { return len(b.String()) - len(a.String()) }) {
		pairs = append(pairs, a.String(), "ADDRESS")
	}
	return strings.NewReplacer(append(pairs, m.Name, "NAME")...)
}

// release names the versions of a machine's binaries and where they stand.
func (m *machine) release() string {
	var b strings.Builder
	for _, n := range m.needs {
		b.WriteString(" " + n.product + " " + n.version)
	}
	return b.String()
}
