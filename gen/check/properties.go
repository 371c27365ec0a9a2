package check

import (
	"cmp"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/read"
	"hagen/gen/redact"
)

// unlike are files that differ on every machine, or that other rules compare.
var unlike = []string{"/etc/hostname", read.HostsPath}

// ownLines are lines that differ on every machine.
var ownLines = map[string]func() *regexp.Regexp{
	read.KeepalivedConf: lazy.Regexp(`(?m)^\s*(priority \S+|[0-9a-f.:]+)$`), // its rank, and its peers
}

// ownFlags are flags that other rules compare.
var ownFlags = []string{"initial-cluster-state"}

// things are files, units and accounts, which depend on the operating system.
const things = "things of "

// properties lists what can be compared on machines of a kind.
func (m *facts) properties() (out []property) {
	same := m.anonymous()
	add := func(within, name, key string, at read.Place, value string) {
		out = append(out, property{within, name, at, value, same.Replace(value), key, true, nil})
	}
	system := things + m.os.Name
	for _, d := range m.Directories {
		add(system, "directory "+d.Path, "directory ", read.Whole(d.Path), owned(d.User, d.Group, fmt.Sprintf("%04o", d.Mode.Perm())))
	}
	for _, l := range m.Links {
		add(system, "link "+l.Path, "link to ", read.Whole(l.Path), l.Target)
	}
	for _, f := range m.Files {
		if slices.ContainsFunc(m.interfaces, func(i networkInterface) bool { return i.file.Path == f.Path }) {
			continue // every machine has its own
		}
		add(system, "file "+f.Path, "file ", read.Whole(f.Path), owned(f.User, f.Group, fmt.Sprintf("%04o", f.Mode.Perm())))
		if contents := m.pem[f.Path]; len(contents.Certificates)+len(contents.Keys) > 0 || contents.Opaque || m.secret(f) || slices.Contains(unlike, f.Path) {
			continue
		}
		add("file "+f.Path, "contents", "", read.At(f, 0), string(f.Contents))
		if own := ownLines[f.Path]; own != nil {
			last := &out[len(out)-1]
			last.bare = own().ReplaceAllString(last.bare, "")
		}
	}
	for _, u := range m.Users {
		add(system, "account "+u.Name, "account ", read.Whole(u.Name), u.Name)
		account := system + ", account " + u.Name
		for _, row := range []struct{ name, value string }{
			{"primary group", u.Primary}, {"groups", strings.Join(slices.Sorted(slices.Values(u.Groups)), " ")}, {"home", u.Home}, {"shell", u.Shell},
			{"keys", strings.Join(u.SSHKeys, "\n")},
		} {
			add(account, row.name, row.name+" ", read.Whole(u.Name), row.value)
		}
	}
	for _, u := range m.units {
		out = append(out, unitProperties(u, system, same)...)
	}
	return out
}

func owned(user, group, mode string) string {
	return fmt.Sprintf("of %s:%s, mode %s", cmp.Or(user, "root"), cmp.Or(group, "root"), mode)
}

// unitProperties returns a unit's settings; for a daemon's command, each flag.
func unitProperties(u *read.Unit, system string, same *strings.Replacer) (out []property) {
	within := "unit " + u.Name
	at := map[string]int{}
	add := func(name, key string, known bool, place read.Place, value string) {
		if i, more := at[name]; more {
			out[i].of = append(out[i].of, linesAt(place)...)
			out[i].value += " " + value
			out[i].bare += " " + same.Replace(value)
			return
		}
		at[name] = len(out)
		out = append(out, property{within, name, place, value, same.Replace(value), key, known, linesAt(place)})
	}
	out = append(out, property{system, within, read.Whole(u.Name), enabled(u.Enabled), enabled(u.Enabled), "unit " + u.Name + ", ", true, nil})
	for _, d := range u.Directives {
		switch {
		case d.Section == "Unit" && d.Key == "Description":
		case d.Section == "Timer": // machines take turns
		case d.Key == "ExecStart" && daemons[programOf(d)].flags:
			flags, _ := read.ParseFlags(read.Split(d.Value, d.ValueAt)[1:])
			for _, f := range flags {
				if !slices.Contains(ownFlags, f.Name) {
					add("--"+f.Name, "--"+f.Name+"=", redact.IsFlag(f.Name), u.Place(f.At), f.Value)
				}
			}
		default:
			add(d.Section+" "+d.Key, d.Key+"=", systemdKeys()[d.Section][d.Key], u.Place(d.At), strings.Join(strings.Fields(d.Value), " "))
		}
	}
	return out
}

func enabled(on bool) string {
	if on {
		return "enabled"
	}
	return "not enabled"
}

// programOf returns the name of the program that a directive runs.
func programOf(d read.Directive) string {
	return path.Base(read.Program(read.Split(d.Value+" .", 0)[0]).Text)
}

// anonymous replaces what is the machine's own in a text: its name, its
// addresses and its operating system's directory for binaries.
func (m *facts) anonymous() *strings.Replacer {
	var pairs []string
	for _, n := range m.needs {
		pairs = append(pairs, n.Place.Text, "BINARY")
	}
	if m.os.BinDir != "" {
		pairs = append(pairs, m.os.BinDir, "BINARIES")
	}
	for _, a := range slices.SortedFunc(slices.Values(m.known), func(a, b netip.Addr) int { return len(b.String()) - len(a.String()) }) {
		pairs = append(pairs, a.String(), "ADDRESS")
	}
	return strings.NewReplacer(append(pairs, m.Name, "NAME")...)
}

// property is one thing that should be equal on machines of a kind.
type property struct {
	within string // the thing that must be there for the property to be missed; "" is the machine
	name   string // unique within it
	at     read.Place
	value  string
	bare   string // the value without what is the machine's own
	key    string // before the value in messages: "--name="
	named  bool   // the key is known, and no text of a machine

	of []string // the lines of the item that have it; nil for those of the value, if at is one
}
