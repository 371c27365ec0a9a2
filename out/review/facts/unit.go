package facts

import (
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/gen/read"
)

// Unit holds the settings and flags of a unit.
type Unit struct {
	Settings []Setting
	Exec     string // the first word of ExecStart
	Flags    []Setting
	Words    []string // of ExecStart that are not part of a flag
}

// Setting is a name with its values, in their order.
type Setting struct {
	Section, Name string
	Values        []string
}

// ParseUnit reads a unit's text, or a drop-in's. Nobody writes to what it returns, or UnitOf
// does.
func ParseUnit(text string) Unit { return parsed(text) }

var parsed = lazy.Memo(func(text string) Unit { return ofUnit(read.ParseUnit(node.Unit{Contents: text})) })

// UnitOf reads a machine's unit with its drop-ins.
func UnitOf(n node.Node, name string) Unit {
	i := slices.IndexFunc(n.Units, func(u node.Unit) bool { return u.Name == name })
	inFiles := func(f node.File) bool { return strings.HasPrefix(f.Path, node.UnitDir+"/") }
	if i >= 0 && n.Units[i].Contents != "" && len(n.Units[i].DropIns) == 0 && !slices.ContainsFunc(n.Files, inFiles) {
		return parsed(n.Units[i].Contents) // all of it
	}
	if u := read.UnitOf(n, name); u != nil {
		return ofUnit(u)
	}
	return Unit{}
}

// ofUnit splits a unit's command into flags. Lines that systemd cannot read are settings,
// too, so that changes of them are shown.
func ofUnit(from *read.Unit) Unit {
	var u Unit
	for _, d := range from.Directives {
		switch {
		case d.Section == "Service" && d.Key == "ExecStart" && d.Value != "" && u.Exec == "":
			u.command(d.Value)
		case d.Section == node.ContainerSection && d.Key == "Exec":
			u.command(node.ContainerSection + " " + d.Value)
		default:
			u.Settings = add(u.Settings, d.Section, d.Key, strings.Join(strings.Fields(d.Value), " "))
		}
	}
	for _, p := range from.Odd {
		_, _, line := p.Position()
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		u.Settings = add(u.Settings, "", name, strings.Join(strings.Fields(value), " "))
	}
	return u
}

func add(settings []Setting, section, name, value string) []Setting {
	for i, s := range settings {
		if s.Section == section && s.Name == name {
			settings[i].Values = append(s.Values, value)
			return settings
		}
	}
	return append(settings, Setting{section, name, []string{value}})
}

func (u *Unit) command(line string) {
	words := read.Split(line, 0)
	flags, rest := read.ParseFlags(words[1:])
	u.Exec, u.Words = words[0].Text, read.Texts(rest)
	for _, f := range flags {
		u.Flags = add(u.Flags, "", f.Written, f.Value)
	}
}

// Program returns the program that a unit runs.
func (u Unit) Program() string { return read.Program(read.Word{Text: u.Exec}).Text }

// Flag returns the value of a flag, "" if it is not set.
func (u Unit) Flag(name string) string {
	return strings.Join(u.Values(name), ",")
}

// Values returns the values of a flag, in their order: it may be given several times.
func (u Unit) Values(name string) []string {
	for _, f := range u.Flags {
		if f.Name == name {
			return f.Values
		}
	}
	return nil
}

// Flag returns the value of a flag of a machine's unit, "" if it is not set.
func Flag(n node.Node, unit, name string) string { return UnitOf(n, unit).Flag(name) }

// Command returns the command of a machine's unit without its flags; "" if it has no such
// unit.
func Command(n node.Node, unit string) string {
	u := UnitOf(n, unit)
	return strings.Join(append([]string{u.Exec}, u.Words...), " ")
}

// Runs reports whether a machine has a unit; the machine may be nil.
func Runs(n *node.Node, unit string) bool {
	return n != nil && slices.ContainsFunc(n.Units, func(u node.Unit) bool { return u.Name == unit })
}
