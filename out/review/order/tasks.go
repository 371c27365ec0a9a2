package order

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// task is what is done together: to one machine, or to the units of all machines.
type task struct {
	do           func(*schedule, *diff.Pair)
	machine      *diff.Pair // nil for all machines
	arrive       int        // API servers that are added or get another address or port
	takes, frees []string   // addresses that it gets and gives up
}

// tasksOf lists the tasks of all machines in order, without regard to addresses.
func tasksOf(pairs []diff.Pair) []task {
	kept := keptAddresses(pairs)
	first := balancersFirst(pairs)
	old, new := membersOf(pairs, before), membersOf(pairs, after)
	running := len(old) > 0 && len(new) > 0 // otherwise a cluster begins or ends
	var leave, join, own, boot, reimage, booted, balancers, off []task
	units := task{do: (*schedule).units}
	for i := range pairs {
		p := &pairs[i]
		had, has := facts.Addresses(p.Before), facts.Addresses(p.After)
		t := task{machine: p, takes: without(has, slices.Concat(had, kept)), frees: without(had, slices.Concat(has, kept))}
		was, wasMember := facts.MemberOf(p.Before)
		is, isMember := facts.MemberOf(p.After)
		moves := running && wasMember && isMember && was.PeerURLs != is.PeerURLs
		inPlace := p.Stays() && !p.Does(diff.Reimage, "") && !(moves && restartsWithMember(*p))
		if facts.Runs(p.After, facts.APIUnit) && !serves(*p) {
			if inPlace {
				units.arrive++
			} else {
				t.arrive = 1
			}
		}
		withBalancers := first && facts.Runs(p.After, facts.HAProxyUnit) && !isMember
		switch {
		case running && wasMember && !isMember:
			t.do = (*schedule).leave
			leave = append(leave, t)
		case running && isMember && !wasMember:
			t.do = (*schedule).join
			join = append(join, t)
		case moves:
			t.do = (*schedule).move
			own = append(own, t)
		case running && wasMember && was.DataDir != is.DataDir:
			t.do = (*schedule).renew
			own = append(own, t)
		case p.After == nil:
			t.do = (*schedule).switchOff
			off = append(off, t)
		case p.Before == nil:
			if t.do = (*schedule).boot; withBalancers {
				booted = append(booted, t)
			} else {
				boot = append(boot, t)
			}
		case p.Does(diff.Reimage, ""):
			if t.do = (*schedule).reimage; withBalancers {
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
	lastOfOthers(join, slices.Concat(reimage, balancers, off))
	exchange := append(exchanges(leave, join), own...)
	tasks := slices.Concat(exchange, boot, []task{units}, reimage, off)
	if !first {
		return tasks
	}
	balancers = append(append(booted, balancers...), task{do: (*schedule).balancers})
	at, within := placeOfBalancers(pairs, tasks)
	if within {
		balancers = append([]task{{do: (*schedule).halfOfServers}}, balancers...)
	}
	return slices.Insert(tasks, at, balancers...)
}

// lastOfOthers moves members that take the address of a machine which is no member to the
// end: such a machine may be a load balancer, and in place of it another one has to find
// API servers.
func lastOfOthers(join, others []task) {
	takes := func(t task) int {
		if slices.ContainsFunc(others, func(o task) bool { return overlap(o.frees, t.takes) }) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(join, func(a, b task) int { return takes(a) - takes(b) })
}

func mastersFirst(tasks []task) {
	slices.SortStableFunc(tasks, func(a, b task) int {
		rank := map[bool]int{true: 0, false: 1}
		return rank[facts.RoleOf(a.machine.After).Control] - rank[facts.RoleOf(b.machine.After).Control]
	})
}

// balancersFirst reports whether HAProxy has to change before units do: API servers leave
// or move, all of them get another port, or others join the only one. While others restart it
// should find all.
func balancersFirst(pairs []diff.Pair) bool {
	moves := func(p diff.Pair) bool { return hadServer(p) && hasServer(p) && !facts.SameAddresses(p.Before, p.After) }
	return slices.ContainsFunc(pairs, hasServer) &&
		(slices.ContainsFunc(pairs, leaves) || slices.ContainsFunc(pairs, moves) || joinOnly(pairs) || slices.ContainsFunc(pairs, hadServer) && !slices.ContainsFunc(pairs, serves))
}

func hadServer(p diff.Pair) bool { return facts.Runs(p.Before, facts.APIUnit) }

func hasServer(p diff.Pair) bool { return facts.Runs(p.After, facts.APIUnit) }

// joinOnly reports whether API servers join the only one.
func joinOnly(pairs []diff.Pair) bool {
	had, join := 0, false
	for _, p := range pairs {
		if hadServer(p) {
			had++
		} else {
			join = join || hasServer(p)
		}
	}
	return had == 1 && join
}

// leaves reports whether a machine no longer has an API server.
func leaves(p diff.Pair) bool {
	return hadServer(p) && !hasServer(p)
}

// serves reports whether a machine has an API server at the same addresses and port before
// and after.
func serves(p diff.Pair) bool {
	if !hadServer(p) || !hasServer(p) {
		return false
	}
	port := func(n *node.Node) string { return facts.Flag(*n, facts.APIUnit, "--secure-port") }
	return slices.Equal(facts.OwnAddresses(p.Before), facts.OwnAddresses(p.After)) && port(p.Before) == port(p.After)
}

// placeOfBalancers is the index at which HAProxy changes: before the first member leaves,
// if one of its new API servers already serves; else after half of those that join, move
// or get another port, so that HAProxy always finds one. They may be within a task.
func placeOfBalancers(pairs []diff.Pair, tasks []task) (at int, within bool) {
	if slices.ContainsFunc(pairs, serves) && slices.ContainsFunc(pairs, leaves) {
		first := slices.IndexFunc(tasks, func(t task) bool { return t.machine != nil && leaves(*t.machine) })
		return max(first, 0), false
	}
	all := 0
	for _, t := range tasks {
		all += t.arrive
	}
	left := (all + 1) / 2
	for i, t := range tasks {
		if left -= t.arrive; left <= 0 && all > 0 {
			if t.machine == nil {
				return i, true
			}
			return i + 1, false
		}
	}
	return 0, false
}

// exchanges alternates members that join and leave, so that etcd never has many more or fewer
// members, nor two that have not started. One joins before another leaves, unless it
// needs the other's address: all members are healthy before a plan's first step. Of a member
// that is dead it is the other way round (out/review/replace; etcd FAQ, "Should I add a
// member before removing an unhealthy member?"). Joins come first and the others' leaves
// last, so that there are more members where one has to leave first.
func exchanges(leave, join []task) (tasks []task) {
	var same, rest []task
	for _, l := range leave {
		i := slices.IndexFunc(join, func(j task) bool { return overlap(l.frees, j.takes) })
		if i < 0 {
			rest = append(rest, l)
			continue
		}
		same = append(same, l, join[i])
		join = slices.Delete(join, i, i+1)
	}
	for i, j := range join {
		tasks = append(tasks, j)
		if i < len(rest) {
			tasks = append(tasks, rest[i])
		}
	}
	return slices.Concat(tasks, same, rest[min(len(join), len(rest)):])
}

// inTurn puts tasks that free an address before those that take it, and the one that boots
// a load balancer before the last former one stops.
func inTurn(tasks []task, f fronts) (ordered []task, beware []Caution) {
	for len(tasks) > 0 {
		next, seen := 0, map[int]bool{}
		for {
			seen[next] = true
			first := slices.IndexFunc(tasks, func(t task) bool { return overlap(t.frees, tasks[next].takes) })
			if first < 0 && f.endsWith(tasks[next]) {
				if first = bootsFirst(tasks); first < 0 {
					beware = append(beware, f.gap(tasks[next], tasks)...)
				}
			}
			if first < 0 || first == next {
				break
			}
			if seen[first] {
				beware = append(beware, Caution{Hosts: []string{}, Text: fmt.Sprintf("%s moves in a circle: no machine can take it before another gives it up. hagen plan refuses that: one of them needs a temporary address first, and a plan of its own",
					strings.Join(shared(tasks[first].frees, tasks[next].takes), ", "))})
				break
			}
			next = first
		}
		ordered = append(ordered, tasks[next])
		f.take(tasks[next])
		tasks = slices.Delete(slices.Clone(tasks), next, next+1)
	}
	return ordered, beware
}

// membersOf lists the members of etcd on one side.
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
