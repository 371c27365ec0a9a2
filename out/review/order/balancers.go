package order

import (
	"fmt"
	"slices"
	"strings"

	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// fronts are the machines that run HAProxy, as tasks are put in turn. One that comes in the
// place of the last one boots before that stops, if its address is free.
type fronts struct{ up, come []string }

func frontsOf(pairs []diff.Pair) (f fronts) {
	for _, p := range pairs {
		if facts.Runs(p.Before, facts.HAProxyUnit) {
			f.up = append(f.up, p.Name)
		} else if facts.Runs(p.After, facts.HAProxyUnit) {
			f.come = append(f.come, p.Name)
		}
	}
	return f
}

// endsWith reports whether no HAProxy runs after a task, although others are to come.
func (f fronts) endsWith(t task) bool {
	return t.machine != nil && len(f.come) > 0 && !facts.Runs(t.machine.After, facts.HAProxyUnit) && slices.Equal(f.up, []string{t.machine.Name})
}

// take takes a task.
func (f *fronts) take(t task) {
	if t.machine == nil {
		return
	}
	f.up = without(f.up, []string{t.machine.Name})
	if facts.Runs(t.machine.After, facts.HAProxyUnit) {
		f.up, f.come = append(f.up, t.machine.Name), without(f.come, []string{t.machine.Name})
	}
}

// bootsFirst is the task that boots a new load balancer at an address that no other task
// frees, -1 if there is none.
func bootsFirst(tasks []task) int {
	return slices.IndexFunc(tasks, func(t task) bool {
		if t.machine == nil || t.machine.Before != nil || !facts.Runs(t.machine.After, facts.HAProxyUnit) || facts.RoleOf(t.machine.After).Control {
			return false
		}
		return !slices.ContainsFunc(tasks, func(o task) bool { return overlap(o.frees, t.takes) })
	})
}

// gap warns of the time without a load balancer after a task. Where another one takes its
// address, handedOver does.
func (f fronts) gap(t task, rest []task) []Caution {
	if slices.ContainsFunc(rest, func(o task) bool {
		return o.machine != nil && slices.Contains(f.come, o.machine.Name) && overlap(t.frees, o.takes)
	}) {
		return nil
	}
	return []Caution{{Hosts: []string{t.machine.Name},
		Text: fmt.Sprintf("the only load balancer stops before one serves in its place (%s): clients outside the masters reach no API server in between. To avoid that, add a load balancer in a plan of its own first", strings.Join(f.come, ", "))}}
}
