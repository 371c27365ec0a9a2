package diff

import (
	"fmt"
	"slices"
	"strings"

	"hagen/out/review/facts"
)

// turn is what is done at one time: to one machine as a whole, or to the units
// of all.
type turn struct {
	kind         turnKind
	machine      *machines // nil if of all
	takes, frees []string  // addresses that come to it and leave it
}

type turnKind int

const (
	turnFronts turnKind = iota // HAProxy is told of other API servers
	turnLeave                  // a member of etcd goes, and its machine
	turnJoin                   // a member of etcd comes, and its machine
	turnMove                   // a member has another address
	turnRenew                  // a member begins without data
	turnBoot
	turnUnits
	turnReimage
	turnSwitchOff
)

// turnsOf lists the turns of all machines, as far as no address forbids it.
func turnsOf(pairs []machines) []turn {
	kept := keptAddresses(pairs)
	led := leads(pairs)
	old, new := members(pairs), membersAfter(pairs)
	running := len(old) > 0 && len(new) > 0 // else a new cluster, or the end of one
	var leave, join, own, boot, reimage, fronts, off []turn
	units := turn{kind: turnUnits}
	for i := range pairs {
		p := &pairs[i]
		before, after := facts.Addresses(p.before), facts.Addresses(p.after)
		t := turn{kind: turnUnits, machine: p, takes: without(after, slices.Concat(before, kept)), frees: without(before, slices.Concat(after, kept))}
		was, had := facts.MemberOf(p.before)
		is, has := facts.MemberOf(p.after)
		switch {
		case running && had && !has:
			t.kind = turnLeave
			leave = append(leave, t)
		case running && has && !had:
			t.kind = turnJoin
			join = append(join, t)
		case running && had && was.PeerURLs != is.PeerURLs:
			t.kind = turnMove
			own = append(own, t)
		case running && had && was.DataDir != is.DataDir:
			t.kind = turnRenew
			own = append(own, t)
		case p.after == nil:
			t.kind = turnSwitchOff
			off = append(off, t)
		case p.before == nil:
			t.kind = turnBoot
			boot = append(boot, t)
		case p.does(Reimage, ""):
			t.kind = turnReimage
			if led && facts.Runs(p.after, facts.HAProxyUnit) && !has {
				fronts = append(fronts, t)
			} else {
				reimage = append(reimage, t)
			}
		default:
			units.takes, units.frees = append(units.takes, t.takes...), append(units.frees, t.frees...)
		}
	}
	mastersFirst(boot)
	mastersFirst(reimage)
	exchange := append(exchanges(leave, join, len(old)), own...)
	if led {
		fronts = append(fronts, turn{kind: turnFronts})
		exchange = slices.Insert(exchange, frontsPlace(pairs, exchange), fronts...)
	}
	return slices.Concat(exchange, boot, []turn{units}, reimage, off)
}

func mastersFirst(turns []turn) {
	slices.SortStableFunc(turns, func(a, b turn) int {
		rank := map[bool]int{true: 0, false: 1}
		return rank[facts.RoleOf(a.machine.after).Control] - rank[facts.RoleOf(b.machine.after).Control]
	})
}

// leads says whether HAProxy has to be told in time of API servers that leave,
// or that all move.
func leads(pairs []machines) bool {
	return slices.ContainsFunc(pairs, func(p machines) bool { return facts.Runs(p.after, facts.APIUnit) }) &&
		(slices.ContainsFunc(pairs, func(p machines) bool {
			return facts.Runs(p.before, facts.APIUnit) && !facts.Runs(p.after, facts.APIUnit)
		}) ||
			slices.ContainsFunc(pairs, func(p machines) bool { return facts.Runs(p.before, facts.APIUnit) }) && !slices.ContainsFunc(pairs, serves))
}

// serves says of a machine that it is an API server which clients find at the
// same place before and after.
func serves(p machines) bool {
	return facts.Runs(p.before, facts.APIUnit) && facts.Runs(p.after, facts.APIUnit) && slices.Equal(facts.OwnAddresses(p.before), facts.OwnAddresses(p.after))
}

// frontsPlace is where HAProxy has to be told: before the first member leaves,
// if one of the API servers that it is to know serves; else behind half of
// those that join or move, so that it always finds one.
func frontsPlace(pairs []machines, turns []turn) int {
	if slices.ContainsFunc(pairs, serves) {
		return 0
	}
	arrives := func(t turn) bool { return t.kind == turnJoin || t.kind == turnMove }
	all := 0
	for _, t := range turns {
		if arrives(t) {
			all++
		}
	}
	left := (all + 1) / 2
	for i, t := range turns {
		if arrives(t) {
			left--
		}
		if left == 0 && all > 0 {
			return i + 1
		}
	}
	return 0
}

// exchanges puts members that leave and join in turn, one of each, so that
// etcd never has many fewer members, nor two that have yet to start. Who leaves
// goes first: should it be dead already, one more that does not start would
// cost the quorum (etcd FAQ, "Should I add a member before removing an
// unhealthy member?"). Of fewer than three, one that goes first would.
func exchanges(leave, join []turn, members int) []turn {
	var both, rest []turn
	for _, l := range leave {
		i := slices.IndexFunc(join, func(j turn) bool { return overlap(l.frees, j.takes) })
		if i < 0 {
			rest = append(rest, l)
			continue
		}
		both = append(both, l, join[i])
		join = slices.Delete(join, i, i+1)
	}
	for i := range max(len(rest), len(join)) {
		var pair []turn
		if i < len(rest) {
			pair = append(pair, rest[i])
		}
		if i < len(join) {
			pair = append(pair, join[i])
		}
		if members < 3 {
			slices.Reverse(pair)
		}
		both = append(both, pair...)
	}
	return both
}

// inTurn puts before each turn those that free an address that it takes.
func inTurn(turns []turn) (ordered []turn, beware []Caution) {
	for len(turns) > 0 {
		next, seen := 0, map[int]bool{}
		for {
			seen[next] = true
			first := slices.IndexFunc(turns, func(t turn) bool { return overlap(t.frees, turns[next].takes) })
			if first < 0 || first == next {
				break
			}
			if seen[first] {
				beware = append(beware, Caution{Hosts: []string{}, Text: fmt.Sprintf("%s changes hands in a circle: nobody can take it before another gives it up, so one of them needs an address in between",
					strings.Join(shared(turns[first].frees, turns[next].takes), ", "))})
				break
			}
			next = first
		}
		ordered = append(ordered, turns[next])
		turns = slices.Delete(slices.Clone(turns), next, next+1)
	}
	return ordered, beware
}
