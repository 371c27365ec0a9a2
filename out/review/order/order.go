// Package order tells in which order machines may take what changes, who of
// etcd joins and leaves, and what to beware of.
package order

import (
	"slices"

	"hagen/out/review/diff"
)

// Order is what changes from one tree to another, and the way there. The JSON
// fields of its types are an interface: they are added to, never renamed.
type Order struct {
	diff.Diff
	Steps        []Step    `json:"order"`
	ReimageHosts []string  `json:"reimageHosts"` // machines that change, in the order in which they may be made anew instead
	ReimageSteps []Step    `json:"reimageOrder"` // the order if they are
	Cautions     []Caution `json:"cautions"`
}

// Of compares two trees.
func Of(before, after diff.Side) Order {
	o := Order{Diff: diff.Of(before, after), Cautions: []Caution{}}
	var beware []Caution
	o.Steps, beware = stepsOf(o.Pairs)
	o.ReimageSteps, _ = stepsOf(anew(o.Pairs))
	o.ReimageHosts = HostsOf(o.ReimageSteps, diff.Reimage)
	o.Cautions = append(o.Cautions, slices.Concat(cautions(o.Pairs), beware, ways(before.AsUnits(), after.AsUnits(), o.Pairs))...)
	return o
}

// Masters says whether one of Reimage is a master.
func (o Order) Masters() bool {
	return slices.ContainsFunc(o.ReimageSteps, func(s Step) bool { return s.Action == diff.Reimage && s.WaitFor == untilMaster })
}

// stepsOf tells what comes after what: members leave, join and move one by one,
// with what else happens to their machines; new machines boot; then unit by
// unit; machines that cannot take it in place; and what is gone is switched
// off at last, or where another takes its address, before that.
func stepsOf(pairs []diff.Pair) ([]Step, []Caution) {
	tasks, beware := inTurn(tasksOf(pairs))
	s := schedule{pairs: pairs, etcd: membersOf(pairs, before), done: map[string]bool{}, steps: []Step{}, beware: beware}
	for _, t := range tasks {
		t.do(&s, t.machine)
	}
	if !slices.ContainsFunc(pairs, func(p diff.Pair) bool { return p.Before != nil }) {
		for i := range s.steps {
			s.steps[i].OneAtATime, s.steps[i].WaitFor = false, ""
			if i == 0 {
				s.steps[i].Note = "a new cluster: in any order, at any time"
			}
		}
	}
	return s.steps, s.beware
}

// anew are machines that are made anew where they change, instead of taking it
// in place.
func anew(pairs []diff.Pair) []diff.Pair {
	pairs = slices.Clone(pairs)
	for i, p := range pairs {
		if !p.Stays() || len(p.Changes) == 0 {
			continue
		}
		pairs[i].Effects = p.Anew("instead of what it does in place")
	}
	return pairs
}
