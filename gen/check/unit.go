package check

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"hagen/gen/node"
)

// unit is a systemd unit, read with its drop-ins, in the order in which
// systemd reads them.
type unit struct {
	node.Unit
	parts      []part
	directives []directive
	odd        []place // lines that are neither section, comment nor assignment
}

// part is one text of a unit: its own or a drop-in's.
type part struct {
	item, text string
	begin      int // where it begins when offsets count through all parts
}

// directive is an assignment of a unit. Its value is joined from continued
// lines, with blanks for the ends of lines, so that offsets hold. They count
// through all parts of the unit.
type directive struct {
	section, key, value string
	at                  int // of the key
	valueAt             int
}

var unitKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// parseUnit reads a unit's texts (systemd.syntax(7)), its own first.
func parseUnit(u node.Unit, parts ...part) *unit {
	out := &unit{Unit: u, parts: parts}
	begin := 0
	for i := range out.parts {
		out.parts[i].begin = begin
		out.read(out.parts[i])
		begin += len(out.parts[i].text) + 1
	}
	return out
}

// read reads one of the unit's texts. An empty value begins a list anew: what
// stood there before does not count. Dependencies cannot be taken back
// (systemd.unit(5)).
func (u *unit) read(p part) {
	text, section := p.text, ""
	for at := 0; at < len(text); {
		line, end := logicalLine(text, at)
		trimmed := strings.TrimSpace(line)
		begin := at + strings.Index(line, trimmed)
		key, value, found := strings.Cut(trimmed, "=")
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case trimmed[0] == '[' && trimmed[len(trimmed)-1] == ']':
			section = trimmed[1 : len(trimmed)-1]
		case !found || section == "" || !unitKey.MatchString(strings.TrimSpace(key)):
			u.odd = append(u.odd, place{p.item, text, begin})
		default:
			valueAt := begin + len(key) + 1 + len(value) - len(strings.TrimLeft(value, " \t\n"))
			d := directive{section, strings.TrimSpace(key), strings.TrimSpace(value), p.begin + begin, p.begin + valueAt}
			if d.value == "" && !slices.Contains(dependency, d.key) {
				u.directives = slices.DeleteFunc(u.directives, func(o directive) bool { return o.section == d.section && o.key == d.key })
			}
			u.directives = append(u.directives, d)
		}
		at = end
	}
}

// logicalLine gives the line at an offset with those that continue it, and
// where the next one begins. A backslash and the end of its line are blanks,
// and so are comments between.
func logicalLine(text string, at int) (line string, end int) {
	first, _, _ := strings.Cut(text[at:], "\n")
	comment := strings.HasPrefix(strings.TrimSpace(first), "#") || strings.HasPrefix(strings.TrimSpace(first), ";")
	if comment || !strings.HasSuffix(first, "\\") {
		return first, at + len(first) + 1
	}
	var b strings.Builder
	for at < len(text) {
		part, _, _ := strings.Cut(text[at:], "\n")
		at += len(part) + 1
		trimmed := strings.TrimSpace(part)
		if b.Len() > 0 && (strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";")) {
			b.WriteString(strings.Repeat(" ", len(part)+1))
			continue
		}
		joined, continues := strings.CutSuffix(part, "\\")
		b.WriteString(joined)
		if !continues {
			break
		}
		b.WriteString("  ")
	}
	return b.String(), at
}

// value gives the last value of a key of a section, or "".
func (u *unit) value(section, key string) string {
	d, _ := u.directive(section, key)
	return d.value
}

func (u *unit) directive(section, key string) (found directive, ok bool) {
	for _, d := range u.directives {
		if d.section == section && d.key == key {
			found, ok = d, true
		}
	}
	return found, ok
}

// all gives every word of a key of a section.
func (u *unit) all(section, key string) (words []word) {
	for _, d := range u.directives {
		if d.section == section && d.key == key {
			words = append(words, split(d.value, d.valueAt)...)
		}
	}
	return words
}

// place is what stands at an offset; -1 is the unit as such.
func (u *unit) place(at int) place {
	for _, p := range slices.Backward(u.parts) {
		if at >= p.begin {
			return place{p.item, p.text, at - p.begin}
		}
	}
	return place{u.Name, u.Contents, at}
}

// text is all that is said of the unit.
func (u *unit) text() string {
	var b strings.Builder
	for _, p := range u.parts {
		b.WriteString(p.text + "\n")
	}
	return b.String()
}

// user is who runs the unit; "" is root.
func (u *unit) user() string { return u.value("Service", "User") }

// process is a program that a service runs.
type process struct {
	unit  *unit
	name  string // of the program, without its directory
	path  word
	args  []word
	flags []flag
	main  bool // ExecStart, not one of its companions
}

// flag is one flag of a command line, or a variable that stands for one.
type flag struct {
	name, value string
	given       bool   // the value is, too
	apart       bool   // the value is a word of its own
	variable    string // "ETCD_NAME"; "" for a flag
	at, valueAt int
}

// said is the flag as it is written.
func (f flag) said() string {
	if f.variable != "" {
		return f.variable
	}
	return "--" + f.name
}

// processes reads every command line of a unit (systemd.service(5)).
func (u *unit) processes() []*process {
	var out []*process
	for _, d := range u.directives {
		if d.section == node.ContainerSection && d.key == "Exec" {
			out = append(out, u.contained(d))
			continue
		}
		if d.section != "Service" || !strings.HasPrefix(d.key, "Exec") || d.value == "" {
			continue
		}
		words := split(d.value, d.valueAt)
		program := words[0]
		bare := strings.TrimLeft(program.text, "@-:+!|")
		program.at += len(program.text) - len(bare)
		program.text = bare
		out = append(out, &process{
			unit: u, name: path.Base(bare), path: program, args: words[1:], flags: readFlags(words[1:]), main: d.key == "ExecStart",
		})
	}
	return out
}

// contained is what a container runs, which goes by the name of its image. The
// image's entry point may be handed the program's own name.
func (u *unit) contained(d directive) *process {
	image, _ := u.directive(d.section, "Image")
	name, _, _ := strings.Cut(path.Base(image.value), "@")
	name, _, _ = strings.Cut(name, ":")
	args := split(d.value, d.valueAt)
	return &process{unit: u, name: name, path: word{image.value, image.valueAt}, args: args, flags: readFlags(args), main: true}
}

// container says whether Podman makes the unit.
func (u *unit) container() bool {
	_, is := u.directive(node.ContainerSection, "Image")
	return is
}

// isFlag knows a flag from a value, which may be a number below zero.
var isFlag = regexp.MustCompile(`^-([^0-9.]|$)`)

// readFlags reads --name=value, --name value and --name.
func readFlags(words []word) []flag {
	var out []flag
	for i := 0; i < len(words); i++ {
		w := words[i]
		name := strings.TrimPrefix(strings.TrimPrefix(w.text, "-"), "-")
		if !isFlag.MatchString(w.text) || name == "" {
			continue
		}
		dashes := len(w.text) - len(name)
		key, value, inline := strings.Cut(name, "=")
		f := flag{name: key, value: value, given: inline, at: w.at, valueAt: w.at + dashes + len(key) + 1}
		if !inline && i+1 < len(words) && !isFlag.MatchString(words[i+1].text) {
			i++
			f.value, f.given, f.apart, f.valueAt = words[i].text, true, true, words[i].at
		}
		out = append(out, f)
	}
	return out
}

// flag gives the last flag of a name, which is the one that counts.
func (p *process) flag(name string) (f flag, found bool) {
	if p == nil {
		return flag{}, false // no such daemon
	}
	for _, candidate := range p.flags {
		if candidate.name == name {
			f, found = candidate, true
		}
	}
	return f, found
}

func (p *process) value(name string) string {
	f, _ := p.flag(name)
	return f.value
}

// where is the place of a flag's value, or of the program.
func (p *process) where(name string) place {
	if f, found := p.flag(name); found {
		return p.unit.place(f.valueAt)
	}
	return p.unit.place(p.path.at)
}
