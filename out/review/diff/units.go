package diff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/facts"
)

// units compares the units of one machine.
func units(before, after []node.Unit) []Change {
	var changes []Change
	each(before, after, func(u node.Unit) string { return u.Name }, func(b, a *node.Unit) {
		change := Change{Kind: KindUnit, Details: []Detail{}, Hunks: []Hunk{}}
		switch {
		case b == nil:
			change.Name, change.How = a.Name, Added
			change.Hunks = Hunks("", a.Contents)
		case a == nil:
			change.Name, change.How = b.Name, Removed
		default:
			change.Name, change.How = a.Name, Changed
			if reflect.DeepEqual(*b, *a) {
				return
			}
			change.Details = append(change.Details, changed("enabled", fmt.Sprint(b.Enabled), fmt.Sprint(a.Enabled))...)
			if b.Contents != a.Contents {
				change.Details = append(change.Details, unitTexts(b.Contents, a.Contents)...)
			}
			change.Details = append(change.Details, changed(detailMasked, fmt.Sprint(b.Masked), fmt.Sprint(a.Masked))...)
			change.Details = append(change.Details, dropIns(b.DropIns, a.DropIns)...)
		}
		changes = append(changes, change)
	})
	return changes
}

// dropIns compares a unit's drop-ins as settings of the unit.
func dropIns(before, after []node.DropIn) []Detail {
	var details []Detail
	each(before, after, func(d node.DropIn) string { return d.Name }, func(b, a *node.DropIn) {
		switch {
		case b == nil:
			details = append(details, Detail{What: "drop-in " + a.Name, How: Added})
			details = append(details, unitTexts("", a.Contents)...)
		case a == nil:
			details = append(details, Detail{What: "drop-in " + b.Name, How: Removed})
			details = append(details, unitTexts(b.Contents, "")...)
		case b.Contents != a.Contents:
			details = append(details, unitTexts(b.Contents, a.Contents)...)
		}
	})
	return details
}

// unitTexts compares the settings of two texts.
func unitTexts(before, after string) []Detail {
	b, a := facts.ParseUnit(before), facts.ParseUnit(after)
	details := changed("ExecStart", b.Exec, a.Exec)
	if !slices.Equal(b.Words, a.Words) {
		details = append(details, Detail{What: "ExecStart's arguments", How: Changed, From: strings.Join(b.Words, " "), To: strings.Join(a.Words, " ")})
	}
	details = append(details, compareSettings(b.Flags, a.Flags, ",")...)
	details = append(details, compareSettings(b.Settings, a.Settings, " ")...)
	details = append(details, others(before, after)...)
	if len(details) == 0 {
		details = append(details, Detail{What: "the text", How: Changed, From: "its comments or order", To: "others, with the same settings"})
	}
	return details
}

// compareSettings returns what is added, changed and removed by name: in the order of the
// new list, then of the old one.
func compareSettings(before, after []facts.Setting, separator string) []Detail {
	var details []Detail
	find := func(list []facts.Setting, s facts.Setting) *facts.Setting {
		for i := range list {
			if list[i].Section == s.Section && list[i].Name == s.Name {
				return &list[i]
			}
		}
		return nil
	}
	for _, s := range after {
		to := strings.Join(s.Values, separator)
		switch old := find(before, s); {
		case old == nil:
			details = append(details, Detail{What: s.Name, How: Added, To: to})
		case !slices.Equal(old.Values, s.Values):
			from := strings.Join(old.Values, separator)
			d := Detail{What: s.Name, How: Changed, From: from, To: to}
			if len(from)+len(to) > 60 {
				d.Added, d.Removed = listChange(from, to, separator)
			}
			details = append(details, d)
		}
	}
	for _, s := range before {
		if find(after, s) == nil {
			details = append(details, Detail{What: s.Name, How: Removed, From: strings.Join(s.Values, separator)})
		}
	}
	return details
}
