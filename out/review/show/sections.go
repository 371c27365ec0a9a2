package show

import (
	"fmt"
	"slices"
	"strings"

	"hagen/out/review/diff"
	"hagen/out/review/order"
)

// Heading names what a diff compares.
type Heading struct {
	Cluster       string   // "" if it has no name
	Before, After string   // how the user wrote the two sides
	Unknown       []string // what a side cannot know yet, a line each
}

func (m markup) title(o order.Order, h Heading) string {
	title := fmt.Sprintf("%d of %d machines change", o.ChangedMachines, o.Machines)
	switch {
	case o.Same:
		title = "nothing changes"
	case o.ChangedMachines == 1:
		title = fmt.Sprintf("1 of %d machines changes", o.Machines)
	}
	if h.Cluster != "" {
		title = "cluster " + m.code(h.Cluster) + ": " + title
	}
	return title
}

// section is a part of the summary below the changes.
type section struct {
	title    string
	lines    []string
	numbered bool
}

// sections return what the changes do, in which order, and what to beware of.
func (m markup) sections(o order.Order) []section {
	var all []section
	inPlace := section{title: "Applied in place"}
	for _, e := range o.Effects {
		var parts []string
		for _, effect := range e.Effects {
			part := m.effect(effect)
			if effect.Action == diff.Reimage {
				part += " (" + effect.Why + ")"
			}
			parts = append(parts, part)
		}
		inPlace.lines = append(inPlace.lines, m.hosts(e.Hosts)+": "+strings.Join(parts, "; "))
	}
	steps := section{title: "Order", numbered: true}
	for _, s := range o.Steps {
		steps.lines = append(steps.lines, m.step(s))
	}
	beware := section{title: "Beware"}
	for _, c := range o.Cautions {
		text := m.prose(c.Text)
		if len(c.Hosts) > 0 {
			text = m.hosts(c.Hosts) + ": " + text
		}
		beware.lines = append(beware.lines, text)
	}
	instead := section{title: "Re-imaged instead"}
	if len(o.ReimageHosts) > 0 {
		instead.lines = []string{"documents act only at the first boot; a re-imaged machine takes all changes at once"}
		if len(o.ReimageHosts) > 1 {
			instead.lines = append(instead.lines, "one at a time, each when the one before serves: "+m.hosts(o.ReimageHosts))
		}
		if o.Masters() {
			instead.lines = append(instead.lines, order.KeepData)
		}
		if slices.ContainsFunc(o.Steps, func(s order.Step) bool {
			return s.Action == diff.Membership || s.Action == diff.Boot || s.Action == diff.SwitchOff
		}) {
			instead.lines = append(instead.lines, "the order above also applies to etcd's members and to new or removed machines")
		}
	}
	for _, s := range []section{inPlace, steps, beware, instead} {
		if len(s.lines) > 0 {
			all = append(all, s)
		}
	}
	return all
}
