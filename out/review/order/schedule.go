package order

import (
	"slices"

	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

type pace struct{ unit, until string }

// paces are rows: a unit, in the order in which units are restarted, and what
// to wait for before the next machine. docs/failover.md holds what was measured.
var paces = []pace{
	{facts.EtcdUnit, "every member is healthy again (etcdctl endpoint health --cluster)"},
	{facts.APIUnit, "its /readyz answers"},
	{"kube-controller-manager.service", "it is active; another one leads meanwhile"},
	{"kube-scheduler.service", "it is active; another one leads meanwhile"},
	{facts.HAProxyUnit, "it answers at /alive on its own machine"},
	{facts.KeepalivedUnit, "it is active; the virtual IP may move"},
}

// What to wait for when a whole machine has been dealt with.
const (
	untilMember = "every member is healthy (etcdctl endpoint health --cluster)"
	untilMaster = "every member of etcd is healthy and its /readyz answers"
	untilOther  = "it serves"
)

// schedule makes steps of tasks.
type schedule struct {
	pairs  []diff.Pair
	etcd   []facts.Member  // those that etcd has at this point
	done   map[string]bool // units, and hosts whose etcd, that are dealt with
	steps  []Step
	beware []Caution
}

// machine adds a step about a whole machine, or the machine to the step before
// if that is the same.
func (s *schedule) machine(p *diff.Pair, action diff.Action) {
	step := Step{Action: action, Hosts: []string{p.Name}}
	switch {
	case action == diff.SwitchOff:
	case facts.RoleOf(p.After).Control:
		step.WaitFor = untilMaster
		if action == diff.Reimage {
			step.Note = KeepData
		}
	default:
		step.WaitFor = untilOther
	}
	if last := len(s.steps) - 1; last >= 0 && s.steps[last].Action == action && s.steps[last].WaitFor == step.WaitFor && s.steps[last].Note == step.Note {
		s.steps[last].Hosts = append(s.steps[last].Hosts, p.Name)
		s.steps[last].OneAtATime = action != diff.SwitchOff
		return
	}
	s.steps = append(s.steps, step)
}

func (s *schedule) boot(p *diff.Pair) { s.machine(p, diff.Boot) }

func (s *schedule) reimage(p *diff.Pair) { s.machine(p, diff.Reimage) }

func (s *schedule) switchOff(p *diff.Pair) { s.machine(p, diff.SwitchOff) }

// balancers has HAProxy told, on all machines.
func (s *schedule) balancers(*diff.Pair) {
	i := slices.IndexFunc(paces, func(p pace) bool { return p.unit == facts.HAProxyUnit })
	s.unit(paces[i], "so that it leads nobody to a machine that leaves or moves")
}

// units restarts, reloads, starts and stops unit by unit, on all machines.
func (s *schedule) units(*diff.Pair) {
	rows := slices.Clone(paces)
	for _, p := range s.pairs { // units that are not hagen's
		for _, e := range p.Effects {
			if e.Unit != "" && !slices.ContainsFunc(rows, func(t pace) bool { return t.unit == e.Unit }) {
				rows = append(rows, pace{e.Unit, "it is active"})
			}
		}
	}
	for _, row := range rows {
		s.unit(row, "")
	}
}

// unit adds the steps about one unit, once.
func (s *schedule) unit(row pace, note string) {
	if s.done[row.unit] {
		return
	}
	s.done[row.unit] = true
	for _, action := range []diff.Action{diff.Stop, diff.Reload, diff.Restart, diff.Start} {
		hosts := slices.DeleteFunc(hostsWith(s.pairs, action, row.unit), func(host string) bool { return row.unit == facts.EtcdUnit && s.done[host] })
		if len(hosts) == 0 {
			continue
		}
		step := Step{Action: action, Unit: row.unit, Hosts: hosts, Note: note}
		if action != diff.Reload && action != diff.Stop {
			step.WaitFor = row.until
		}
		if row.unit == facts.KeepalivedUnit && len(hosts) > 1 && (action == diff.Reload || action == diff.Restart) &&
			slices.ContainsFunc(s.pairs, renumbered) {
			step.AllAtOnce, step.Note = true, "on all of them at once, and only then look: while their virtual routers have different numbers, two hold the address"
		}
		step.OneAtATime = action != diff.Reload && len(hosts) > 1 && !step.AllAtOnce
		s.steps = append(s.steps, step)
	}
}

// renumbered says whether a machine has a virtual router that gets another number.
func renumbered(p diff.Pair) bool {
	_, _, found := p.Renumbered()
	return found
}

func hostsWith(pairs []diff.Pair, action diff.Action, unit string) []string {
	var hosts []string
	for _, p := range pairs {
		if p.Does(action, unit) {
			hosts = append(hosts, p.Name)
		}
	}
	return hosts
}
