package order

import (
	"slices"

	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/profiles"
)

type pace struct{ unit, until string }

// paces are rows: the units in the order in which they restart, and what to wait for
// before the next machine. docs/failover.md has measurements.
var paces = []pace{
	{facts.EtcdUnit, "every member is healthy again (etcdctl endpoint health --cluster)"},
	{facts.APIUnit, "its /readyz answers"},
	{"kube-controller-manager.service", "its /healthz answers, and a leader stays; meanwhile another one leads"},
	{"kube-scheduler.service", "its /healthz answers, and a leader stays; meanwhile another one leads"},
	{facts.HAProxyUnit, "it answers at /alive on its machine"},
	{facts.KeepalivedUnit, "it keeps running, and the virtual IP answers, which may move"},
}

// What to wait for after a step on a whole machine.
const (
	untilMember = "every member is healthy (etcdctl endpoint health --cluster)"
	untilMaster = "every member of etcd is healthy and its /readyz answers"
	untilOther  = "it serves"

	// UntilLearns is of a machine whose API server is not ready before its member of etcd
	// is promoted.
	UntilLearns = "its etcd has started, as a learner"
)

// schedule turns tasks into steps.
type schedule struct {
	pairs  []diff.Pair
	etcd   []facts.Member  // the members that etcd has at this point
	shared bool            // share has added its steps
	done   map[string]bool // units that have their steps, on all machines or on one (host:unit)
	steps  []Step
	beware []Caution
}

// machine adds a step on a whole machine, or adds the machine to the previous step if that
// is the same.
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

// balancers adds the steps of HAProxy on all machines. Until then units leaves it alone.
func (s *schedule) balancers(*diff.Pair) {
	delete(s.done, facts.HAProxyUnit)
	s.unit(paceOf(facts.HAProxyUnit), "so that it always finds an API server")
}

// halfOfServers adds the steps of etcd, and those of half of the API servers.
func (s *schedule) halfOfServers(*diff.Pair) {
	s.unit(paceOf(facts.EtcdUnit), "")
	hosts := hostsWith(s.pairs, diff.Restart, facts.APIUnit)
	s.restartServers(hosts[:(len(hosts)+1)/2])
}

// share adds, once, the steps after which machines may come that share the virtual IP:
// those that go stop keepalived, unless they are already off or re-imaged or hold another
// address, and those that stay get their new configuration.
func (s *schedule) share() {
	group := sharingOf(s.pairs)
	if s.shared || !group.changes() {
		return
	}
	s.shared = true
	off := slices.Concat(HostsOf(s.steps, diff.SwitchOff), HostsOf(s.steps, diff.Reimage))
	stop := slices.DeleteFunc(slices.Clone(group.leave), func(host string) bool { return slices.Contains(off, host) })
	if len(stop) > 0 && !group.apart {
		s.steps = append(s.steps, Step{Action: diff.Stop, Unit: facts.KeepalivedUnit, Hosts: stop,
			Note: "before the others leave it out: then it would hear none of them, and hold the virtual IP, too"})
		for _, host := range stop {
			s.done[host+":"+facts.KeepalivedUnit] = true
		}
	}
	s.unit(paceOf(facts.KeepalivedUnit), "")
}

// restartServers adds the steps of the API servers on some machines. Where others of the
// machine have to dial another URL then, their restarts follow before the next machine: else
// one machine after the other would be without them.
func (s *schedule) restartServers(hosts []string) {
	var alone []string
	for _, p := range s.pairs {
		if !slices.Contains(hosts, p.Name) || s.done[p.Name+":"+facts.APIUnit] {
			continue
		}
		dialers := dialersOf(p)
		if len(dialers) == 0 {
			alone = append(alone, p.Name)
			continue
		}
		server := s.restart(paceOf(facts.APIUnit), p.Name)
		for _, d := range dialers {
			s.steps[server].Before = append(s.steps[server].Before, d.file)
			s.restart(d.pace, p.Name)
		}
	}
	if len(alone) > 0 {
		s.restart(paceOf(facts.APIUnit), alone...)
	}
}

// restart adds the step of a unit on some machines, and returns its index.
func (s *schedule) restart(row pace, hosts ...string) int {
	s.steps = append(s.steps, Step{Action: diff.Restart, Unit: row.unit, Hosts: hosts, WaitFor: row.until, OneAtATime: len(hosts) > 1})
	for _, host := range hosts {
		s.done[host+":"+row.unit] = true
	}
	return len(s.steps) - 1
}

// withServer reports whether a unit of a machine restarts with the API server, not with the
// same unit of other machines.
func (s *schedule) withServer(host, unit string) bool {
	return slices.ContainsFunc(s.pairs, func(p diff.Pair) bool {
		return p.Name == host && slices.ContainsFunc(dialersOf(p), func(d dialer) bool { return d.unit == unit })
	})
}

// paceOf returns the row of a unit that has one.
func paceOf(unit string) pace {
	return paces[slices.IndexFunc(paces, func(p pace) bool { return p.unit == unit })]
}

// units adds the steps of all units, one unit after the other, on all machines.
func (s *schedule) units(*diff.Pair) {
	rows := slices.Clone(paces)
	if slices.ContainsFunc(s.pairs, goesBack) {
		controllers := slices.IndexFunc(rows, func(p pace) bool { return p.unit == facts.HAProxyUnit })
		slices.Reverse(rows[:controllers])
	}
	if slices.ContainsFunc(s.pairs, dialsThrough) {
		i := slices.IndexFunc(rows, func(p pace) bool { return p.unit == facts.HAProxyUnit })
		rows = slices.Insert(slices.Delete(rows, i, i+1), 0, paceOf(facts.HAProxyUnit))
	}
	for _, p := range s.pairs { // units without a row
		for _, e := range p.Effects {
			if e.Unit != "" && !slices.ContainsFunc(rows, func(t pace) bool { return t.unit == e.Unit }) {
				rows = append(rows, pace{e.Unit, "it keeps running"})
			}
		}
	}
	for _, row := range rows {
		if row.unit == facts.KeepalivedUnit {
			s.share()
		}
		s.unit(row, "")
	}
}

// goesBack reports whether a machine's API server goes back to an older release. Then
// those that dial others are the first: none may be newer than what it dials.
func goesBack(p diff.Pair) bool {
	if p.Before == nil || p.After == nil {
		return false
	}
	from, ok := profiles.ParseVersion(facts.Versions(*p.Before)["kube-apiserver"])
	to, ok2 := profiles.ParseVersion(facts.Versions(*p.After)["kube-apiserver"])
	return ok && ok2 && to.Compare(from) < 0
}

// unit adds the steps of one unit, once.
func (s *schedule) unit(row pace, note string) {
	if s.done[row.unit] {
		return
	}
	s.done[row.unit] = true
	for _, action := range []diff.Action{diff.Stop, diff.Reload, diff.Restart, diff.Start} {
		hosts := slices.DeleteFunc(hostsWith(s.pairs, action, row.unit), func(host string) bool {
			return s.done[host+":"+row.unit] || action == diff.Restart && s.withServer(host, row.unit)
		})
		if len(hosts) == 0 {
			continue
		}
		if row.unit == facts.APIUnit && action == diff.Restart {
			s.restartServers(hosts)
			continue
		}
		step := Step{Action: action, Unit: row.unit, Hosts: hosts, Note: note}
		if action != diff.Reload && action != diff.Stop {
			step.WaitFor = row.until
		}
		if row.unit == facts.HAProxyUnit {
			step.Before = scripts(s.pairs, hosts)
		}
		if row.unit == facts.KeepalivedUnit && len(hosts) > 1 && (action == diff.Reload || action == diff.Restart) &&
			slices.ContainsFunc(s.pairs, renumbered) {
			step.AllAtOnce, step.Note = true, "on all of them at once, and check only then: while their virtual routers have different IDs, two hold the address"
		}
		step.OneAtATime = action != diff.Reload && len(hosts) > 1 && !step.AllAtOnce
		s.steps = append(s.steps, step)
	}
}

// renumbered reports whether the ID of a machine's virtual router changes.
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

// scripts lists those with which keepalived asks HAProxy. One that asks at another port than
// HAProxy has would take the virtual IP away, so they change together, on one machine after the other.
func scripts(pairs []diff.Pair, hosts []string) (files []string) {
	for _, p := range pairs {
		if slices.Contains(hosts, p.Name) {
			files = append(files, without(p.Scripts(), files)...)
		}
	}
	return files
}
