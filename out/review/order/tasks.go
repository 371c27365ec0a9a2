package order

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// task is what is done at one time: to one machine as a whole, or to the units
// of all.
type task struct {
	do           func(*schedule, *diff.Pair)
	machine      *diff.Pair // nil if of all
	arrives      bool       // an API server comes, or has another address
	takes, frees []string   // addresses that come to it and leave it
}

// tasksOf lists the tasks of all machines, as far as no address forbids it.
func tasksOf(pairs []diff.Pair) []task {
	kept := keptAddresses(pairs)
	led := leads(pairs)
	old, new := membersOf(pairs, before), membersOf(pairs, after)
	running := len(old) > 0 && len(new) > 0 // else a new cluster, or the end of one
	var leave, join, own, boot, reimage, balancers, off []task
	units := task{do: (*schedule).units}
	for i := range pairs {
		p := &pairs[i]
		had, has := facts.Addresses(p.Before), facts.Addresses(p.After)
		t := task{machine: p, takes: without(has, slices.Concat(had, kept)), frees: without(had, slices.Concat(has, kept))}
		was, wasMember := facts.MemberOf(p.Before)
		is, isMember := facts.MemberOf(p.After)
		switch {
		case running && wasMember && !isMember:
			t.do = (*schedule).leave
			leave = append(leave, t)
		case running && isMember && !wasMember:
			t.do, t.arrives = (*schedule).join, true
			join = append(join, t)
		case running && wasMember && was.PeerURLs != is.PeerURLs:
			t.do, t.arrives = (*schedule).move, true
			own = append(own, t)
		case running && wasMember && was.DataDir != is.DataDir:
			t.do = (*schedule).renew
			own = append(own, t)
		case p.After == nil:
			t.do = (*schedule).switchOff
			off = append(off, t)
		case p.Before == nil:
			t.do = (*schedule).boot
			boot = append(boot, t)
		case p.Does(diff.Reimage, ""):
			t.do = (*schedule).reimage
			if led && facts.Runs(p.After, facts.HAProxyUnit) && !isMember {
				balancers = append(balancers, t)
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
		balancers = append(balancers, task{do: (*schedule).balancers})
		exchange = slices.Insert(exchange, placeOfBalancers(pairs, exchange), balancers...)
	}
	return slices.Concat(exchange, boot, []task{units}, reimage, off)
}

func mastersFirst(tasks []task) {
	slices.SortStableFunc(tasks, func(a, b task) int {
		rank := map[bool]int{true: 0, false: 1}
		return rank[facts.RoleOf(a.machine.After).Control] - rank[facts.RoleOf(b.machine.After).Control]
	})
}

// leads says whether HAProxy has to be told in time of API servers that leave,
// or that all move.
func leads(pairs []diff.Pair) bool {
	had := func(p diff.Pair) bool { return facts.Runs(p.Before, facts.APIUnit) }
	has := func(p diff.Pair) bool { return facts.Runs(p.After, facts.APIUnit) }
	leaves := func(p diff.Pair) bool { return had(p) && !has(p) }
	return slices.ContainsFunc(pairs, has) &&
		(slices.ContainsFunc(pairs, leaves) || slices.ContainsFunc(pairs, had) && !slices.ContainsFunc(pairs, serves))
}

// serves says of a machine that it is an API server which clients find at the
// same place before and after.
func serves(p diff.Pair) bool {
	return facts.Runs(p.Before, facts.APIUnit) && facts.Runs(p.After, facts.APIUnit) && slices.Equal(facts.OwnAddresses(p.Before), facts.OwnAddresses(p.After))
}

// placeOfBalancers is where HAProxy has to be told: before the first member leaves,
// if one of the API servers that it is to know serves; else behind half of
// those that join or move, so that it always finds one.
func placeOfBalancers(pairs []diff.Pair, tasks []task) int {
	if slices.ContainsFunc(pairs, serves) {
		return 0
	}
	all := 0
	for _, t := range tasks {
		if t.arrives {
			all++
		}
	}
	left := (all + 1) / 2
	for i, t := range tasks {
		if t.arrives {
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
func exchanges(leave, join []task, members int) []task {
	var both, rest []task
	for _, l := range leave {
		i := slices.IndexFunc(join, func(j task) bool { return overlap(l.frees, j.takes) })
		if i < 0 {
			rest = append(rest, l)
			continue
		}
		both = append(both, l, join[i])
		join = slices.Delete(join, i, i+1)
	}
	for i := range max(len(rest), len(join)) {
		var pair []task
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

// inTurn puts before each task those that free an address that it takes.
func inTurn(tasks []task) (ordered []task, beware []Caution) {
	for len(tasks) > 0 {
		next, seen := 0, map[int]bool{}
		for {
			seen[next] = true
			first := slices.IndexFunc(tasks, func(t task) bool { return overlap(t.frees, tasks[next].takes) })
			if first < 0 || first == next {
				break
			}
			if seen[first] {
				beware = append(beware, Caution{Hosts: []string{}, Text: fmt.Sprintf("%s changes hands in a circle: nobody can take it before another gives it up, so one of them needs an address in between",
					strings.Join(shared(tasks[first].frees, tasks[next].takes), ", "))})
				break
			}
			next = first
		}
		ordered = append(ordered, tasks[next])
		tasks = slices.Delete(slices.Clone(tasks), next, next+1)
	}
	return ordered, beware
}

// membersOf lists those that etcd has on one side.
func membersOf(pairs []diff.Pair, side func(diff.Pair) *node.Node) (all []facts.Member) {
	for _, p := range pairs {
		if m, is := facts.MemberOf(side(p)); is {
			all = append(all, m)
		}
	}
	return all
}

func before(p diff.Pair) *node.Node { return p.Before }

func after(p diff.Pair) *node.Node { return p.After }
