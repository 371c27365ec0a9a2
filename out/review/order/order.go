// Package order finds the order in which machines may take changes, the members that
// join and leave etcd, and what to beware of.
package order

import (
	"slices"

	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// Order is what changes from one tree to another, and in which order. The JSON fields of
// its types are an interface: fields may be added, never renamed.
type Order struct {
	diff.Diff
	Steps        []Step    `json:"order"`
	ReimageHosts []string  `json:"reimageHosts"` // changed machines, in the order in which they may be re-imaged instead
	ReimageSteps []Step    `json:"reimageOrder"` // the steps if they are
	Cautions     []Caution `json:"cautions"`

	// ReimageCautions are the cautions if they are.
	ReimageCautions []Caution `json:"reimageCautions"`
}

// Of compares what may be shown of two trees: all lines of open items are.
func Of(before, after diff.Side, open ...string) Order {
	return OfShown(diff.Shown(before, after, open...))
}

// OfShown compares two trees of which all may be shown.
func OfShown(before, after diff.Side) Order {
	o := Order{Diff: diff.Of(before, after)}
	access := ofAccess(before.AsUnits(), after.AsUnits(), o.Pairs)
	of := func(pairs []diff.Pair) ([]Step, []Caution) {
		steps, beware := stepsOf(pairs)
		return steps, append([]Caution{}, slices.Concat(cautions(pairs), beware, access)...)
	}
	o.Steps, o.Cautions = of(o.Pairs)
	o.ReimageSteps, o.ReimageCautions = of(reimaged(o.Pairs))
	o.ReimageHosts = HostsOf(o.ReimageSteps, diff.Reimage)
	return o
}

// Masters reports whether ReimageHosts has a master.
func (o Order) Masters() bool {
	return slices.ContainsFunc(o.ReimageSteps, func(s Step) bool {
		return s.Action == diff.Reimage && (s.WaitFor == untilMaster || s.WaitFor == UntilLearns)
	})
}

// stepsOf orders the steps: members leave, join and move one by one, with everything else
// on their machines; new machines boot; units change one after the other; machines that
// have to be re-imaged follow; removed machines are switched off last, or before another
// machine takes their address.
func stepsOf(pairs []diff.Pair) ([]Step, []Caution) {
	tasks, beware := inTurn(tasksOf(pairs), frontsOf(pairs))
	s := schedule{pairs: pairs, etcd: membersOf(pairs, before), done: map[string]bool{facts.HAProxyUnit: balancersFirst(pairs)}, steps: []Step{}, beware: beware}
	for _, t := range tasks {
		if t.machine != nil && shares(t.machine.After) {
			s.share()
		}
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

// reimaged returns the pairs as if changed machines were re-imaged instead of taking
// changes in place.
func reimaged(pairs []diff.Pair) []diff.Pair {
	pairs = slices.Clone(pairs)
	for i, p := range pairs {
		if !p.Stays() || len(p.Changes) == 0 {
			continue
		}
		pairs[i].Effects = p.Reimaged("instead of changes in place")
	}
	return pairs
}
