package diff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
)

// unit is what a unit says, by name.
type unit struct {
	settings []setting
	exec     string // the first word of ExecStart
	flags    []setting
	words    []string // of ExecStart that belong to no flag
}

// setting is a name with its values, in their order.
type setting struct {
	section, name string
	values        []string
}

// ofText reads a unit's text, or a drop-in's.
func ofText(text string) unit { return ofUnit(read.ParseUnit(node.Unit{Contents: text})) }

// ofUnit takes a unit's command apart. What systemd cannot read are settings,
// too: a change of them is shown.
func ofUnit(from *read.Unit) unit {
	var u unit
	for _, d := range from.Directives {
		switch {
		case d.Section == "Service" && d.Key == "ExecStart" && d.Value != "" && u.exec == "":
			u.command(d.Value)
		case d.Section == node.ContainerSection && d.Key == "Exec":
			u.command(node.ContainerSection + " " + d.Value)
		default:
			u.settings = add(u.settings, d.Section, d.Key, strings.Join(strings.Fields(d.Value), " "))
		}
	}
	for _, p := range from.Odd {
		_, _, line := p.Position()
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		u.settings = add(u.settings, "", name, strings.Join(strings.Fields(value), " "))
	}
	return u
}

func add(settings []setting, section, name, value string) []setting {
	for i, s := range settings {
		if s.section == section && s.name == name {
			settings[i].values = append(s.values, value)
			return settings
		}
	}
	return append(settings, setting{section, name, []string{value}})
}

func (u *unit) command(line string) {
	words := read.Split(line, 0)
	flags, rest := read.ParseFlags(words[1:])
	u.exec, u.words = words[0].Text, read.Texts(rest)
	for _, f := range flags {
		u.flags = add(u.flags, "", f.Written, f.Value)
	}
}

// program is what a unit runs.
func (u unit) program() string { return read.Program(read.Word{Text: u.exec}).Text }

// Flag gives the value of a flag of a machine's unit, "" if it has none.
func Flag(n node.Node, unit, name string) string {
	for _, f := range unitOf(n, unit).flags {
		if f.name == name {
			return strings.Join(f.values, ",")
		}
	}
	return ""
}

// Command gives what a machine's unit runs, without its flags; "" if it has no
// such unit.
func Command(n node.Node, unit string) string {
	u := unitOf(n, unit)
	return strings.Join(append([]string{u.exec}, u.words...), " ")
}

// unitOf reads a machine's unit with its drop-ins.
func unitOf(n node.Node, name string) unit {
	if u := read.UnitOf(n, name); u != nil {
		return ofUnit(u)
	}
	return unit{}
}

// units compares the units of one machine.
func (c *comparison) units(before, after []node.Unit) []Change {
	var changes []Change
	each(before, after, func(u node.Unit) string { return u.Name }, func(b, a *node.Unit) {
		change := Change{Kind: KindUnit, Details: []Detail{}, Hunks: []Hunk{}}
		switch {
		case b == nil:
			change.Name, change.How = a.Name, Added
			change.Hunks = hunks("", c.unitText(a.Contents))
		case a == nil:
			change.Name, change.How = b.Name, Removed
		default:
			change.Name, change.How = a.Name, Changed
			if reflect.DeepEqual(*b, *a) {
				return
			}
			if b.Enabled != a.Enabled {
				change.Details = append(change.Details, Detail{What: "enabled", How: Changed, From: fmt.Sprint(b.Enabled), To: fmt.Sprint(a.Enabled)})
			}
			if b.Contents != a.Contents {
				change.Details = append(change.Details, compareUnits(c.unitText(b.Contents), c.unitText(a.Contents))...)
			}
			if b.Masked != a.Masked {
				change.Details = append(change.Details, Detail{What: detailMasked, How: Changed, From: fmt.Sprint(b.Masked), To: fmt.Sprint(a.Masked)})
			}
			change.Details = append(change.Details, c.dropIns(b.DropIns, a.DropIns)...)
		}
		changes = append(changes, change)
	})
	return changes
}

// dropIns compares a unit's files of further lines, as settings of the unit.
func (c *comparison) dropIns(before, after []node.DropIn) []Detail {
	var details []Detail
	each(before, after, func(d node.DropIn) string { return d.Name }, func(b, a *node.DropIn) {
		switch {
		case b == nil:
			details = append(details, Detail{What: "drop-in " + a.Name, How: Added})
			details = append(details, compareUnits("", c.unitText(a.Contents))...)
		case a == nil:
			details = append(details, Detail{What: "drop-in " + b.Name, How: Removed})
			details = append(details, compareUnits(c.unitText(b.Contents), "")...)
		case b.Contents != a.Contents:
			details = append(details, compareUnits(c.unitText(b.Contents), c.unitText(a.Contents))...)
		}
	})
	return details
}

// unitText is a unit as it may be shown.
func (c *comparison) unitText(text string) string {
	if text = c.twin([]byte(text)); unshowable(text) {
		return "# content that cannot be shown\n"
	}
	return text
}

func compareUnits(before, after string) []Detail {
	b, a := ofText(before), ofText(after)
	details := []Detail{}
	if b.exec != a.exec {
		details = append(details, Detail{What: "ExecStart", How: Changed, From: b.exec, To: a.exec})
	}
	if !slices.Equal(b.words, a.words) {
		details = append(details, Detail{What: "ExecStart's arguments", How: Changed, From: strings.Join(b.words, " "), To: strings.Join(a.words, " ")})
	}
	details = append(details, compareSettings(b.flags, a.flags, ",")...)
	details = append(details, compareSettings(b.settings, a.settings, " ")...)
	if len(details) == 0 {
		details = append(details, Detail{What: "the text", How: Changed, From: "its comments or its order", To: "others, which say the same"})
	}
	return details
}

// compareSettings tells what was added, removed and changed by name, in the
// order of the new list, then of the old one.
func compareSettings(before, after []setting, separator string) []Detail {
	var details []Detail
	find := func(list []setting, s setting) *setting {
		for i := range list {
			if list[i].section == s.section && list[i].name == s.name {
				return &list[i]
			}
		}
		return nil
	}
	for _, s := range after {
		to := strings.Join(s.values, separator)
		switch old := find(before, s); {
		case old == nil:
			details = append(details, Detail{What: s.name, How: Added, To: to})
		case !slices.Equal(old.values, s.values):
			from := strings.Join(old.values, separator)
			d := Detail{What: s.name, How: Changed, From: from, To: to}
			if len(from)+len(to) > 60 {
				d.Added, d.Removed = listChange(from, to, separator)
			}
			details = append(details, d)
		}
	}
	for _, s := range before {
		if find(after, s) == nil {
			details = append(details, Detail{What: s.name, How: Removed, From: strings.Join(s.values, separator)})
		}
	}
	return details
}
