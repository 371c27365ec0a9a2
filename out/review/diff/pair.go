package diff

import (
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/review/facts"
)

// Pair is a host in both trees; Before or After is nil if a tree does not have it.
type Pair struct {
	Name          string
	Before, After *node.Node
	Changes       []Change
	Effects       []Effect // of all changes
	readers       *readers // nil if nothing changes
}

// Stays reports whether both trees have the host.
func (p Pair) Stays() bool { return p.Before != nil && p.After != nil }

// Does reports whether the changes have this effect on a unit, or with "" on the machine.
func (p Pair) Does(action Action, unit string) bool {
	return slices.ContainsFunc(p.Effects, func(e Effect) bool { return e.Action == action && e.Unit == unit })
}

// Reads reports whether a unit of a machine that changes names a file in the flag or
// setting.
func (p Pair) Reads(unit, by, file string) bool {
	return p.readers != nil && slices.Contains(p.readers.named[file], mention{unit: unit, by: by})
}

// Scripts lists the changed files that a daemon of the machine runs, as its configuration
// says. They ask another unit whether it works.
func (p Pair) Scripts() (files []string) {
	for _, c := range p.Changes {
		if p.readers != nil && c.How == Changed && slices.ContainsFunc(p.readers.named[c.Name], func(m mention) bool { return m.by == "script" }) {
			files = append(files, c.Name)
		}
	}
	return files
}

// Renumbered finds a virtual router whose ID changes: keepalived ignores machines with
// another ID.
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

// MovesSource reports whether a machine sends a virtual router's adverts from another address
// of the same family.
func (p Pair) MovesSource() bool {
	if !p.Stays() {
		return false
	}
	for _, was := range read.VirtualRouters([]node.Node{*p.Before}) {
		for _, is := range read.VirtualRouters([]node.Node{*p.After}) {
			if isIPv6(was.Address) == isIPv6(is.Address) && was.Source != is.Source {
				return true
			}
		}
	}
	return false
}

func isIPv6(address string) bool { return strings.Contains(address, ":") }

// otherPeers reports whether a virtual router shares its address with other machines.
func (p Pair) otherPeers() bool {
	peers := func(n *node.Node) (all []string) {
		for _, r := range read.Routers(n.Files) {
			all = append(all, r.Peers...)
		}
		slices.Sort(all)
		return all
	}
	return p.Stays() && !slices.Equal(peers(p.Before), peers(p.After))
}

// Reimaged returns the effects if the machine is re-imaged. Two others remain: a change
// of etcd's membership, and what its virtual router has to know before that: a new ID, which
// all its machines get together, and other machines, before they boot.
func (p Pair) Reimaged(why string) []Effect {
	_, _, renumbered := p.Renumbered()
	together := (renumbered || p.otherPeers()) && !p.MovesSource()
	var kept []Effect
	for _, e := range p.Effects {
		switch {
		case e.Action == Membership:
			kept = append(kept, e)
		case together && e.Unit == facts.KeepalivedUnit && (e.Action == Reload || e.Action == Restart):
			e.Action = Reload // the machine starts it anew soon enough
			kept = append(kept, e)
		}
	}
	return append(kept, Effect{Action: Reimage, Why: why})
}

// inPlace returns the effects of changes in place. A machine that has to be re-imaged for
// one change gets all others with that. If HAProxy is added to a master or removed, it and
// the API server exchange a port: neither can start before the other has stopped.
func (p Pair) inPlace() []Effect {
	addedOrRemoved := func(unit string) bool { return p.Does(Start, unit) || p.Does(Stop, unit) }
	balancer := addedOrRemoved(facts.HAProxyUnit) || addedOrRemoved(facts.KeepalivedUnit)
	switch {
	case balancer && facts.Runs(p.After, facts.APIUnit) && p.Does(Restart, facts.APIUnit):
		return p.Reimaged("HAProxy and the API server exchange a port: neither can start before the other has stopped")
	case !facts.SameAddresses(p.Before, p.After):
		return p.Reimaged("its address changes: everything that listens has the old one")
	}
	if i := slices.IndexFunc(p.Effects, func(e Effect) bool { return e.Action == Reimage }); i >= 0 {
		return p.Reimaged(p.Effects[i].Why)
	}
	return p.Effects
}

// pair pairs hosts by name, in the order of the new tree; removed hosts come last.
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
