package diff

import (
	"slices"

	"hagen/out/review/facts"
)

// Step is a part of the order in which machines may take a change.
type Step struct {
	Action     Action   `json:"action"`
	Unit       string   `json:"unit,omitempty"`
	Hosts      []string `json:"hosts"`
	OneAtATime bool     `json:"oneAtATime"`
	AtOnce     bool     `json:"atOnce,omitempty"`   // on all hosts, which must not differ for long
	Until      string   `json:"until,omitempty"`    // what to wait for before the next host or step
	Commands   []string `json:"commands,omitempty"` // for etcd
	Flags      []string `json:"flags,omitempty"`    // that etcd has to be started with, and the document does not say
	Note       string   `json:"note,omitempty"`
}

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

// KeepData is what a master needs when its root is made anew.
const KeepData = "a master that keeps /var/lib/etcd rejoins by itself; for one that does not, etcd has to remove the member and add it again"

// order tells what comes after what: members leave, join and move one by one,
// with what else happens to their machines; new machines boot; then unit by
// unit; machines that cannot take it in place; and what is gone is switched
// off at last, or where another takes its address, before that.
func order(pairs []machines) ([]Step, []Caution) {
	turns, beware := inTurn(turnsOf(pairs))
	o := ordering{pairs: pairs, etcd: members(pairs), done: map[string]bool{}, beware: beware}
	for _, t := range turns {
		o.take(t)
	}
	if !slices.ContainsFunc(pairs, func(p machines) bool { return p.before != nil }) {
		for i := range o.steps {
			o.steps[i].OneAtATime, o.steps[i].Until = false, ""
			if i == 0 {
				o.steps[i].Note = "a new cluster: in any order, at any time"
			}
		}
	}
	return o.steps, o.beware
}

// ordering makes steps of turns.
type ordering struct {
	pairs  []machines
	etcd   []facts.Member  // those that etcd has at this point
	done   map[string]bool // hosts whose etcd has had its turn
	steps  []Step
	beware []Caution
}

func (o *ordering) take(t turn) {
	switch t.kind {
	case turnLeave:
		o.leave(t)
	case turnJoin:
		o.join(t)
	case turnMove:
		o.move(t)
	case turnRenew:
		o.renew(t)
	case turnFronts:
		i := slices.IndexFunc(paces, func(p pace) bool { return p.unit == facts.HAProxyUnit })
		o.unit(paces[i], "so that it leads nobody to a machine that leaves or moves")
	case turnBoot:
		o.machine(t, Boot)
	case turnUnits:
		o.units()
	case turnReimage:
		o.machine(t, Reimage)
	case turnSwitchOff:
		o.machine(t, SwitchOff)
	}
}

// machine adds a step about a whole machine, or the machine to the step before
// if that is the same.
func (o *ordering) machine(t turn, action Action) {
	step := Step{Action: action, Hosts: []string{t.machine.name}}
	switch {
	case action == SwitchOff:
	case facts.RoleOf(t.machine.after).Control:
		step.Until = untilMaster
		if action == Reimage {
			step.Note = KeepData
		}
	default:
		step.Until = untilOther
	}
	if last := len(o.steps) - 1; last >= 0 && o.steps[last].Action == action && o.steps[last].Until == step.Until && o.steps[last].Note == step.Note {
		o.steps[last].Hosts = append(o.steps[last].Hosts, t.machine.name)
		o.steps[last].OneAtATime = action != SwitchOff
		return
	}
	o.steps = append(o.steps, step)
}

// units restarts, reloads, starts and stops unit by unit.
func (o *ordering) units() {
	rows := slices.Clone(paces)
	for _, p := range o.pairs { // units that are not hagen's
		for _, e := range p.effects {
			if e.Unit != "" && !slices.ContainsFunc(rows, func(t pace) bool { return t.unit == e.Unit }) {
				rows = append(rows, pace{e.Unit, "it is active"})
			}
		}
	}
	for _, row := range rows {
		o.unit(row, "")
	}
}

// unit adds the steps about one unit; a unit has its turn once.
func (o *ordering) unit(row pace, note string) {
	if o.done[row.unit] {
		return
	}
	o.done[row.unit] = true
	for _, action := range []Action{Stop, Reload, Restart, Start} {
		hosts := slices.DeleteFunc(hostsWith(o.pairs, action, row.unit), func(host string) bool { return row.unit == facts.EtcdUnit && o.done[host] })
		if len(hosts) == 0 {
			continue
		}
		step := Step{Action: action, Unit: row.unit, Hosts: hosts, Note: note}
		if action != Reload && action != Stop {
			step.Until = row.until
		}
		if row.unit == facts.KeepalivedUnit && len(hosts) > 1 && (action == Reload || action == Restart) &&
			slices.ContainsFunc(o.pairs, func(p machines) bool { return apart(p) != "" }) {
			step.AtOnce, step.Note = true, "on all of them at once, and only then look: while their virtual routers have different numbers, two hold the address"
		}
		step.OneAtATime = action != Reload && len(hosts) > 1 && !step.AtOnce
		o.steps = append(o.steps, step)
	}
}

func hostsWith(pairs []machines, action Action, unit string) []string {
	var hosts []string
	for _, p := range pairs {
		if p.does(action, unit) {
			hosts = append(hosts, p.name)
		}
	}
	return hosts
}

// anew are machines that are made anew where they change, instead of taking it
// in place.
func anew(pairs []machines) []machines {
	pairs = slices.Clone(pairs)
	for i, p := range pairs {
		if p.before == nil || p.after == nil || len(p.changes) == 0 {
			continue
		}
		pairs[i].effects = p.anew("instead of what it does in place")
	}
	return pairs
}

// reimaged lists the machines that steps make anew.
func reimaged(steps []Step) []string {
	hosts := []string{}
	for _, s := range steps {
		if s.Action == Reimage {
			hosts = append(hosts, s.Hosts...)
		}
	}
	return hosts
}
