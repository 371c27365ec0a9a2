package diff

import (
	"slices"
	"strings"
)

// items compares two lists of items by name and properties.
func items[T any](kind string, before, after []T, name func(T) string, properties func(T) []property) []Change {
	var changes []Change
	add := func(name, how string, details []Detail) {
		changes = append(changes, Change{Kind: kind, Name: name, How: how, Details: details, Hunks: []Hunk{}})
	}
	each(before, after, name, func(b, a *T) {
		switch {
		case b == nil:
			add(name(*a), Added, shown(properties(*a), kind))
		case a == nil:
			add(name(*b), Removed, []Detail{})
		default:
			if details := compareProperties(properties(*b), properties(*a)); len(details) > 0 {
				add(name(*a), Changed, details)
			}
		}
	})
	return changes
}

// each calls do for every name in two sorted lists; nil means that the list has none.
func each[T any](before, after []T, name func(T) string, do func(b, a *T)) {
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && name(before[0]) < name(after[0]):
			do(&before[0], nil)
			before = before[1:]
		case len(before) == 0 || name(after[0]) < name(before[0]):
			do(nil, &after[0])
			after = after[1:]
		default:
			do(&before[0], &after[0])
			before, after = before[1:], after[1:]
		}
	}
}

// shown returns the details of a new item: owner and mode of a directory or file, and all
// properties of a user that are set.
func shown(facts []property, kind string) []Detail {
	details := []Detail{}
	for _, f := range facts {
		if f.value != "" && (kind != KindUser || f.value != "false") {
			details = append(details, Detail{What: f.name, How: Added, To: f.value})
		}
	}
	return details
}

// property is a named value of an item.
type property struct{ name, value string }

// compareProperties returns a detail for each property that differs.
func compareProperties(before, after []property) []Detail {
	details := []Detail{}
	for i := range after {
		if before[i].value == after[i].value {
			continue
		}
		d := Detail{What: after[i].name, How: Changed, From: before[i].value, To: after[i].value}
		switch {
		case d.From == "":
			d.How = Added
		case d.To == "":
			d.How = Removed
		default:
			d.Added, d.Removed = listChange(d.From, d.To, ", ")
		}
		details = append(details, d)
	}
	return details
}

// listChange returns the elements that only one of two lists has, if the lists share
// elements and have them in the same order.
func listChange(before, after, separator string) (added, removed []string) {
	b, a := strings.Split(before, separator), strings.Split(after, separator)
	keep := func(list, other []string) (kept, rest []string) {
		for _, e := range list {
			if slices.Contains(other, e) {
				kept = append(kept, e)
			} else {
				rest = append(rest, e)
			}
		}
		return kept, rest
	}
	keptBefore, removed := keep(b, a)
	keptAfter, added := keep(a, b)
	if len(keptBefore) == 0 || !slices.Equal(keptBefore, keptAfter) {
		return nil, nil
	}
	return added, removed
}
