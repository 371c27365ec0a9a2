// Package plan turns a change of the cluster file into steps for running machines:
// what changes, in which order, with which commands, and how to see that a machine
// works before the next one. out/review/diff finds the changes, out/review/order the
// order.
package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"hagen/gen/control"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
)

// Of makes a plan, or says why there is none.
func Of(before, after Side, options Options) Plan {
	if !before.Cluster.File || !after.Cluster.File {
		before.Answers, after.Answers = nil, nil // one side would know what the other does not
	}
	before.Cluster, after.Cluster = before.Cluster.placedAs(after.Cluster), after.Cluster.placedAs(before.Cluster)
	before, unknown := before.documented(after, options.Without)
	whole := before
	before, after, away, refused := leaveOut(before, after, options)
	refused = append(unknown, refused...)
	before.Side, after.Side = diff.Shown(before.Side, after.Side) // a plan names values of machines, too
	made := Plan{
		Cluster: after.Cluster.Name, Complete: !after.unknownDigests(), Reimage: options.Reimage, Without: options.Without, From: versions(before.Cluster), To: versions(after.Cluster),
		Refused: []Refusal{}, Unknown: []string{}, UpgradePath: []Versions{}, Environment: []Variable{}, Prepare: []Check{}, Steps: []Step{}, Verify: []Check{}, CleanUp: []Check{},
		Order: order.OfShown(before.Side, after.Side),
	}
	p := planner{before: before, after: after, options: options, plan: &made, holders: holdersOf(before, after), away: away, whole: whole, written: map[string]bool{},
		ended: endedOn(before.Machines, options.Now)}
	if len(refused) == 0 {
		refused = slices.Concat(away.membership(p), p.refusals())
	}
	made.Refused = append(made.Refused, refused...)
	made.Possible = len(made.Refused) == 0
	if !made.Possible {
		if slices.ContainsFunc(made.Refused, ofRelease) {
			made.UpgradePath = append(made.UpgradePath, upgradePath(after.Cluster, made.From, made.To)...)
		}
		made.Cautions, made.ReimageCautions = []order.Caution{}, []order.Caution{} // the refusals say the same
		made.Order.Steps, made.ReimageSteps = []order.Step{}, []order.Step{}
		return made
	}
	if made.Same {
		made.Unknown = away.unchanged()
		return made
	}
	steps := made.Order.Steps
	if options.Reimage {
		steps, made.Cautions = made.ReimageSteps, slices.Clone(made.ReimageCautions)
	}
	made.Cautions = append([]order.Caution{}, slices.Concat(away.cautions(p), away.gaps(made.Cautions), p.cautions(), p.bindsCautions(), p.newInstances())...)
	made.Environment = p.environment()
	made.Prepare = append(p.prepare(steps), p.binds()...)
	var files, acts []Step
	if !options.Reimage {
		files = p.atAnyTime()
	}
	for _, s := range steps {
		acts = append(acts, p.steps(s)...)
	}
	made.Steps = append(made.Steps, p.between(files, acts)...)
	made.Verify, made.CleanUp = p.verify(), append(made.CleanUp, p.cleanUp()...)
	p.afterEnd()
	made.Verify = append(made.Verify, p.postponed(p.binds())...)
	p.dialOthers(before, made.Prepare)
	p.dialOthers(after, made.Verify)
	p.endpoints()
	return made
}

// refusals returns those of all rows. If the profile differs, others do not matter.
func (p planner) refusals() []Refusal {
	out := append([]Refusal{}, otherKeys(p)...)
	for _, g := range groups {
		for _, c := range g.changes {
			if c.refused == nil || len(out) > 0 && p.before.Cluster.Profile != p.after.Cluster.Profile {
				continue
			}
			out = append(out, c.refused(p)...)
		}
	}
	if len(out) == 0 {
		out = append(out, withoutMembers(p)...)
	}
	return out
}

// cautions returns those of all rows. out/review/order has those that follow from the
// machines alone.
func (p planner) cautions() (out []order.Caution) {
	for _, g := range groups {
		for _, c := range g.changes {
			if c.beware != nil {
				out = append(out, c.beware(p)...)
			}
		}
	}
	return out
}

// environment is what kubectl and etcdctl need on the workstation. The endpoints are those of
// before the first step; later commands have their own.
func (p planner) environment() []Variable {
	access := control.EtcdAccessOf(p.before.Cluster.Profile, p.staying().Name)
	authority := access.Authority + ".pem"
	if last := firstMaster(p.after); len(summariesAt(&last, facts.EtcdUnit, "--trusted-ca-file")) > 1 {
		authority = access.Bundle // members may show certificates of either
	}
	out := []Variable{
		{"KUBECONFIG", path.Join(p.documents(), "admin.kubeconfig")},
		{etcdEndpoints, strings.Join(answersOf(p.before, p.after).urls(), ",")},
		{"ETCDCTL_CACERT", path.Join(p.pki(), authority)},
		{"ETCDCTL_CERT", path.Join(p.pki(), access.Client+".pem")},
		{"ETCDCTL_KEY", path.Join(p.pki(), access.Client+"-key.pem")},
	}
	if control.AsksAPI3(p.before.Cluster.Etcd) {
		out = append(out, Variable{"ETCDCTL_API", "3"})
	}
	return out
}

// endpoints gives all commands of etcdctl the endpoints that answer when they are run.
func (p planner) endpoints() {
	a := answersOf(p.before, p.after)
	ask := func(checks []Check) {
		for i := range checks {
			checks[i].Command = checks[i].asking(a.urls())
		}
	}
	ask(p.plan.Prepare)
	for i := range p.plan.Steps {
		p.plan.Steps[i].Ask = p.others(a, i)
		a.through(&p.plan.Steps[i])
	}
	ask(p.plan.Verify)
}

// atAnyTime returns steps for files that no unit has to restart or reload for.
func (p planner) atAnyTime() (steps []Step) {
	for _, n := range p.after.Machines {
		write, remove := p.changed(n.Name, "")
		if len(write)+len(remove) == 0 && !p.loses(n.Name) || slices.Contains(order.HostsOf(p.plan.Order.Steps, diff.Reimage), n.Name) {
			continue
		}
		step := newStep(diff.Nothing, n.Name, "")
		step.Write, step.Remove = list(write), list(remove)
		if p.loses(n.Name) {
			step.Commands = append(step.Commands, p.ownHosts(n.Name))
		}
		if holdUnits(write, remove) {
			step.Commands = append(step.Commands, onHost(n.Name, "systemctl daemon-reload"))
		}
		if step.Checks = append(step.Checks, p.servedChecks(p.before, n.Name, step.Write)...); len(step.Checks) > 0 {
			step.WaitFor = "it shows its new certificate"
		}
		steps = append(steps, step)
	}
	return steps
}

// steps turns a step of the order into one for each host. If units of several hosts
// act all at once, every host has its files before the first unit acts.
func (p planner) steps(s order.Step) (out []Step) {
	var writes []Step
	for _, host := range p.ended.first(s.Hosts) {
		out = append(out, p.step(s, host))
	}
	for i := range out {
		if !s.AllAtOnce {
			break
		}
		one := &out[i]
		write := newStep(diff.Nothing, one.Host, s.Unit)
		write.Write, write.Remove = one.Write, one.Remove
		writes = append(writes, write)
		one.Write, one.Remove = []string{}, []string{}
	}
	return append(writes, out...)
}

// step turns a step of the order into that of one host.
func (p planner) step(s order.Step, host string) Step {
	h := p.host(host)
	out := newStep(s.Action, host, s.Unit)
	out.WaitFor, out.Note, out.AllAtOnce = s.WaitFor, s.Note, s.AllAtOnce
	on := func(text string) { out.Commands = append(out.Commands, onHost(host, text)) }
	p.holders.through(s.Action, host, s.Unit, p.after.machine(host))
	switch s.Action {
	case diff.Membership:
		for _, c := range s.Commands {
			c = withID(c)
			if s.Promotes() { // etcd refuses it until the learner has most of the data, and when it votes
				c = fmt.Sprintf("for i in $(seq 300); do etcdctl member list | grep -q ', %s, .*, false$' && break; %s; sleep 2; done", host, c)
			}
			out.Commands = append(out.Commands, onWorkstation(c))
		}
		switch {
		case s.Promotes():
			out.Checks = p.machineChecks(h)
		case s.WaitFor != "":
			out.Checks = memberChecks()
		}
		return out
	case diff.SwitchOff:
		if h.balances && !p.stillLeads(h) { // clients need another way first
			out.Commands = append(out.Commands, ready("kubectl", APIReady))
		}
		on("systemctl poweroff")
		return out
	case diff.Boot, diff.Reimage:
		out.Document = path.Join(p.documents(), h.Name)
		if len(s.EtcdFlags) > 0 { // prepare has the command that makes this document
			out.Document, out.Note = path.Join("join", p.after.Cluster.Name, h.Name), ""
		}
		if out.Checks = p.machineChecks(h); s.WaitFor == order.UntilLearns {
			out.Checks = p.learnerChecks(h)
		}
		return out
	}
	var write, remove []string
	if n := p.after.machine(host); s.Action != diff.Stop || !facts.Runs(&n, s.Unit) { // one that stops for a time starts with a new document
		write, remove = p.changed(host, s.Unit)
	}
	out.Write, out.Remove = append(list(write), p.early(host, s.Before)...), list(remove)
	if s.Action == diff.Restart {
		p.binaries(&out, h)
	}
	if s.Action == diff.Stop {
		on("systemctl disable --now " + s.Unit)
	}
	if holdUnits(write, remove) {
		on("systemctl daemon-reload")
	}
	switch s.Action {
	case diff.Reload:
		on("systemctl reload " + s.Unit)
	case diff.Restart:
		on("systemctl restart " + s.Unit)
	case diff.Start:
		on("systemctl enable --now " + s.Unit)
	}
	if s.Action != diff.Stop {
		out.Checks = append(p.unitChecks(s.Unit, h), p.servedChecks(p.after, host, out.Write)...)
	}
	return out
}

// stillLeads reports whether the new endpoint leads to a machine until it is switched off:
// asking there would ask the machine itself.
func (p planner) stillLeads(h Host) bool {
	own := slices.Concat(h.Addresses, h.VirtualIPs)
	return slices.Contains(own, p.after.Cluster.Endpoint.dialled) || slices.ContainsFunc(p.after.Cluster.hosts, func(other Host) bool {
		return slices.ContainsFunc(other.VirtualIPs, func(a netip.Addr) bool { return slices.Contains(h.VirtualIPs, a) })
	})
}

// withID makes a command look up the ID of the member that it names.
func withID(command string) string {
	before, rest, named := strings.Cut(command, order.IDOf)
	if !named {
		return command
	}
	name, rest, more := strings.Cut(rest, " ")
	if more {
		rest = " " + rest
	}
	return fmt.Sprintf(`%s$(etcdctl member list | awk -F', ' '$3 == "%s" { print $1 }')%s`, before, name, rest)
}

// pki is the directory with certificates and keys.
func (p planner) pki() string {
	return cmp.Or(p.options.PKI, path.Join(path.Dir(p.options.File), "pki"))
}

// documents is the directory with the documents of the new machines.
func (p planner) documents() string {
	return cmp.Or(p.options.Documents, path.Join("rendered", p.after.Cluster.Name))
}
