package read

import (
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/node"
)

// Unit is a systemd unit, read with its drop-ins, in the order in which
// systemd reads them.
type Unit struct {
	node.Unit
	Parts      []part
	Directives []Directive
	Odd        []Place // lines that are neither section, comment nor assignment
}

// part is one text of a unit: its own or a drop-in's.
type part struct {
	Item, text string
	begin      int // where it begins when offsets count through all parts
}

// Directive is an assignment of a unit. Its value is joined from continued
// lines, with spaces for line ends, so that offsets stay right. They count
// through all parts of the unit.
type Directive struct {
	Section, Key, Value string
	At                  int // of the key
	ValueAt             int
}

// Keys that name other units: Pulls start them, Dependencies are all.
var (
	Pulls        = []string{"Wants", "Requires", "BindsTo", "Upholds", "Requisite", "PartOf", "OnFailure", "OnSuccess"}
	orderings    = []string{"After", "Before"}
	Dependencies = slices.Concat(Pulls, orderings, []string{"Conflicts", "WantedBy", "RequiredBy"})
)

var unitKey = lazy.Regexp(`^[A-Za-z][A-Za-z0-9-]*$`)

// ParseUnit reads a unit's own text alone, without drop-ins.
func ParseUnit(u node.Unit) *Unit { return parseUnit(u, part{Item: u.Name, text: u.Contents}) }

// parseUnit reads a unit's texts (systemd.syntax(7)), its own first.
func parseUnit(u node.Unit, parts ...part) *Unit {
	out := &Unit{Unit: u, Parts: parts}
	begin := 0
	for i := range out.Parts {
		out.Parts[i].begin = begin
		out.read(out.Parts[i])
		begin += len(out.Parts[i].text) + 1
	}
	return out
}

// read reads one of the unit's texts. An empty value resets a list: earlier
// values do not count. Dependencies cannot be reset (systemd.unit(5)).
func (u *Unit) read(p part) {
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
		case !found || section == "" || !unitKey().MatchString(strings.TrimSpace(key)):
			u.Odd = append(u.Odd, Place{p.Item, text, begin})
		default:
			valueAt := begin + len(key) + 1 + len(value) - len(strings.TrimLeft(value, " \t\n"))
			d := Directive{section, strings.TrimSpace(key), strings.TrimSpace(value), p.begin + begin, p.begin + valueAt}
			if d.Value == "" && !slices.Contains(Dependencies, d.Key) {
				u.Directives = slices.DeleteFunc(u.Directives, func(o Directive) bool { return o.Section == d.Section && o.Key == d.Key })
			}
			u.Directives = append(u.Directives, d)
		}
		at = end
	}
}

// logicalLine returns the line at an offset with those that continue it, and
// the offset of the next one. A backslash at the end of a line becomes spaces,
// and so do comments between.
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

// Value returns the last value of a key of a section, or "".
func (u *Unit) Value(section, key string) string {
	d, _ := u.Directive(section, key)
	return d.Value
}

// Directive returns the last directive of a key of a section.
func (u *Unit) Directive(section, key string) (found Directive, ok bool) {
	for _, d := range u.Directives {
		if d.Section == section && d.Key == key {
			found, ok = d, true
		}
	}
	return found, ok
}

// All returns every word of a key of a section.
func (u *Unit) All(section, key string) (words []Word) {
	for _, d := range u.Directives {
		if d.Section == section && d.Key == key {
			words = append(words, Split(d.Value, d.ValueAt)...)
		}
	}
	return words
}

// Place returns the place at an offset; -1 is the unit as such.
func (u *Unit) Place(at int) Place {
	for _, p := range slices.Backward(u.Parts) {
		if at >= p.begin {
			return Place{p.Item, p.text, at - p.begin}
		}
	}
	return Place{u.Name, u.Contents, at}
}

// Text returns all texts of the unit.
func (u *Unit) Text() string {
	var b strings.Builder
	for _, p := range u.Parts {
		b.WriteString(p.text + "\n")
	}
	return b.String()
}

// User returns the user that runs the unit; "" is root.
func (u *Unit) User() string { return u.Value("Service", "User") }
