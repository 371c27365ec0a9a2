package diff

import (
	"slices"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/review/facts"
)

// Pair is one host of both trees; nil where it is not.
type Pair struct {
	Name          string
	Before, After *node.Node
	Changes       []Change
	Effects       []Effect // of all changes
	readers       *readers // of a machine that changes
}

// Stays says whether the host is in both trees.
func (p Pair) Stays() bool { return p.Before != nil && p.After != nil }

// Does says whether all changes of a machine do that, to a unit or with "" to
// the machine.
func (p Pair) Does(action Action, unit string) bool {
	return slices.ContainsFunc(p.Effects, func(e Effect) bool { return e.Action == action && e.Unit == unit })
}

// Reads says whether a unit of a machine that changes reads a file, as a flag of
// it or a setting names it.
func (p Pair) Reads(unit, by, file string) bool {
	return p.readers != nil && slices.Contains(p.readers.named[file], mention{unit: unit, by: by})
}

// Renumbered finds a virtual router that gets another number: machines with
// different ones do not hear each other.
func (p Pair) Renumbered() (was, is read.VirtualRouter, found bool) {
	if !p.Stays() {
		return was, is, false
	}
	for _, was := range read.VirtualRouters([]node.Node{*p.Before}) {
		for _, is := range read.VirtualRouters([]node.Node{*p.After}) {
			if was.Address == is.Address && was.ID != is.ID {
				return was, is, true
			}
		}
	}
	return was, is, false
}

// Anew are the effects on a machine that is made anew: etcd has to be told all
// the same, and a virtual router gets its other number before that, with those
// of the other machines.
func (p Pair) Anew(why string) []Effect {
	_, _, renumbered := p.Renumbered()
	together := renumbered && facts.SameAddresses(p.Before, p.After)
	told := slices.DeleteFunc(slices.Clone(p.Effects), func(e Effect) bool {
		return e.Action != Membership && !(together && e.Unit == facts.KeepalivedUnit && e.Action == Reload)
	})
	return append(told, Effect{Action: Reimage, Why: why})
}

// inPlace takes from the effects on a machine what cannot be had in place as
// it stands there. One that is made anew for anything has all else with that.
// And where HAProxy comes to a master or leaves it, it and the API server
// exchange a port: neither can start before the other has stopped.
func (p Pair) inPlace() []Effect {
	comesOrGoes := func(unit string) bool { return p.Does(Start, unit) || p.Does(Stop, unit) }
	balancer := comesOrGoes(facts.HAProxyUnit) || comesOrGoes(facts.KeepalivedUnit)
	switch {
	case balancer && facts.Runs(p.After, facts.APIUnit) && p.Does(Restart, facts.APIUnit):
		return p.Anew("HAProxy and the API server exchange a port: neither can start before the other has stopped")
	case !facts.SameAddresses(p.Before, p.After):
		return p.Anew("its address is another: all that listens has the old one")
	}
	if i := slices.IndexFunc(p.Effects, func(e Effect) bool { return e.Action == Reimage }); i >= 0 {
		return p.Anew(p.Effects[i].Why)
	}
	return p.Effects
}

// pair puts hosts of the same name together, in the order of the new tree,
// then those that are gone.
func pair(before, after []node.Node) []Pair {
	var pairs []Pair
	place := map[string]int{}
	for i := range after {
		place[after[i].Name] = len(pairs)
		pairs = append(pairs, Pair{Name: after[i].Name, After: &after[i]})
	}
	for i := range before {
		if at, both := place[before[i].Name]; both {
			pairs[at].Before = &before[i]
		} else {
			pairs = append(pairs, Pair{Name: before[i].Name, Before: &before[i]})
		}
	}
	return pairs
}
