// Package plan tells how machines that run a cluster come to run what a
// changed cluster file says: what changes, in which order, with which
// commands, and how to see that a machine is good before the next one. What
// changes and the order are out/review/diff's and out/review/order's.
package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/order"
	"hagen/profiles"
)

// Side is one of the two clusters, decided with the same certificates.
type Side struct {
	Cluster    *cluster.Cluster
	Machines   []node.Node
	Kubeconfig []byte // the administrator's
}

// Options say how the plan is to be carried out.
type Options struct {
	Reimage  bool   // machines are made anew; else they take changes in place
	NodesFit bool   // no Node has a range of pods outside of the new ones
	File     string // path of the new cluster file, for commands
}

// Versions are what the machines of a cluster run.
type Versions struct {
	Kubernetes profiles.Version `json:"kubernetes"`
	Etcd       profiles.Version `json:"etcd"`
}

// Plan is the way from one cluster file to another. The JSON fields of its
// types are an interface: they are added to, never renamed.
type Plan struct {
	Cluster     string     `json:"cluster"`
	Possible    bool       `json:"possible"`
	From        Versions   `json:"from"`
	To          Versions   `json:"to"`
	Refused     []Refusal  `json:"refused"`     // why it is not possible
	UpgradePath []Versions `json:"upgradePath"` // cluster files to plan for instead, one after the other, the last being this one
	Reimage     bool       `json:"reimage"`     // machines are made anew, instead of taking changes in place
	Environment []Variable `json:"environment"`
	Prepare     []Check    `json:"prepare"` // at the desk, before the first step
	Steps       []Step     `json:"steps"`
	Verify      []Check    `json:"verify"`
	CleanUp     []Check    `json:"cleanup"` // at the desk, when no client dials what the cluster file no longer names
	order.Order
}

// Refusal is why the way cannot be gone in one step.
type Refusal struct {
	Field   string `json:"field"` // of the new cluster file
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
}

// Variable is one of the environment, for commands at the desk.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Check is a command that has to succeed.
type Check struct {
	Command
	Why string `json:"why,omitempty"`
}

// Command is run at the desk, beside the cluster file, or as root on a host.
type Command struct {
	Host string `json:"host,omitempty"` // "" is the desk
	Text string `json:"command"`
}

// Binary, or an image of some, is to be put in the place of one that is there.
type Binary struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Path    string `json:"path"`
}

// Step is about one machine. The next step is for when all its checks succeed.
type Step struct {
	Action    diff.Action `json:"action"`
	Host      string      `json:"host"`
	Unit      string      `json:"unit,omitempty"`
	Install   []Binary    `json:"install"`
	Write     []string    `json:"write"`              // files and units, as the host's new document has them
	Remove    []string    `json:"remove"`             // files and units that it does not have any more
	Document  string      `json:"document,omitempty"` // directory of those that the machine boots with
	Commands  []Command   `json:"commands"`
	WaitFor   string      `json:"waitFor,omitempty"`
	Checks    []Command   `json:"checks"`
	Note      string      `json:"note,omitempty"`
	AllAtOnce bool        `json:"allAtOnce,omitempty"` // with the steps beside it that are
}

// Of plans the way, or says why there is none.
func Of(before, after Side, options Options) Plan {
	p := Plan{
		Cluster: after.Cluster.Name, Reimage: options.Reimage, From: versions(before.Cluster), To: versions(after.Cluster),
		Refused: []Refusal{}, UpgradePath: []Versions{}, Environment: []Variable{}, Prepare: []Check{}, Steps: []Step{}, Verify: []Check{}, CleanUp: []Check{},
		Order: order.Of(before.compared(), after.compared()),
	}
	w := way{before: before, after: after, options: options, plan: &p, written: map[string]bool{}}
	p.Refused = append(p.Refused, w.refusals()...)
	p.Possible = len(p.Refused) == 0
	if !p.Possible {
		if slices.ContainsFunc(p.Refused, byRelease) {
			p.UpgradePath = append(p.UpgradePath, via(after.Cluster, p.From, p.To)...)
		}
		p.Cautions = []order.Caution{} // which say the same
		p.Order.Steps, p.ReimageSteps = []order.Step{}, []order.Step{}
		return p
	}
	if p.Same {
		return p
	}
	p.Cautions = append(p.Cautions, w.cautions()...)
	steps := p.Order.Steps
	if options.Reimage {
		steps = p.ReimageSteps
	}
	p.Environment = w.environment()
	p.Prepare = w.first(steps)
	if !options.Reimage {
		p.Steps = append(p.Steps, w.quietly()...)
	}
	for _, s := range steps {
		p.Steps = append(p.Steps, w.steps(s)...)
	}
	p.Verify, p.CleanUp = w.last(), append(p.CleanUp, w.later()...)
	return p
}

func (s Side) compared() diff.Side {
	return diff.Side{Machines: s.Machines, Kubeconfig: s.Kubeconfig, Systems: Systems(s.Cluster)}
}

// Systems are the operating systems of a cluster's machines.
func Systems(c *cluster.Cluster) map[string]diff.System {
	all := map[string]diff.System{}
	for _, h := range c.Hosts() {
		all[h.Name] = diff.System{Name: h.OS.Name, Family: h.OS.Family()}
	}
	return all
}

func versions(c *cluster.Cluster) Versions { return Versions{c.Kubernetes, c.Etcd} }

// way is a plan in the making.
type way struct {
	before, after Side
	options       Options
	plan          *Plan
	written       map[string]bool // host and path of files, or unit, that an earlier step has written
}

// environment is what kubectl and etcdctl need at the desk. etcd is asked
// where it is before anything is done, and where it is in the end.
func (w way) environment() []Variable {
	var endpoints []string
	for _, side := range []Side{w.before, w.after} { // one of them answers at each step, and etcdctl takes it
		for _, m := range side.Cluster.Members() {
			if url := control.EtcdURL(side.Cluster, m); !slices.Contains(endpoints, url) {
				endpoints = append(endpoints, url)
			}
		}
	}
	access := control.EtcdAccess(w.before.Cluster, w.staying())
	return []Variable{
		{"KUBECONFIG", path.Join("rendered", w.after.Cluster.Name, "admin.kubeconfig")},
		{"ETCDCTL_ENDPOINTS", strings.Join(endpoints, ",")},
		{"ETCDCTL_CACERT", path.Join("pki", access.Authority+".pem")},
		{"ETCDCTL_CERT", path.Join("pki", access.Client+".pem")},
		{"ETCDCTL_KEY", path.Join("pki", access.Client+"-key.pem")},
	}
}

// staying is a master that is there before and after, if there is one.
func (w way) staying() cluster.Host {
	for _, m := range w.before.Cluster.Members() {
		if slices.ContainsFunc(w.after.Cluster.Members(), func(h cluster.Host) bool { return h.Name == m.Name }) {
			return m
		}
	}
	return w.before.Cluster.Members()[0]
}

// host finds a host on the new side, or on the old one if it goes.
func (w way) host(name string) cluster.Host {
	for _, h := range slices.Concat(w.after.Cluster.Hosts(), w.before.Cluster.Hosts()) {
		if h.Name == name {
			return h
		}
	}
	return cluster.Host{}
}

// changed lists the files and units of a host that change, that a unit has to
// do with and no step before had; with "" those that no unit has to do anything
// for.
func (w way) changed(host, unit string) (write, remove []string) {
	for _, c := range w.plan.Changes {
		if !slices.Contains(c.Hosts, host) || c.Kind != diff.KindFile && c.Kind != diff.KindUnit || !concerns(c, unit) {
			continue
		}
		for _, name := range append([]string{c.Name}, c.KeyFiles...) {
			was, is := name, name
			if c.Kind == diff.KindUnit {
				was, is = unitFile(machine(w.before, host), name), unitFile(machine(w.after, host), name)
			}
			if w.written[host+":"+name] || w.fetchedAlike(host, name) {
				continue
			}
			w.written[host+":"+name] = true
			if was != "" && (c.How == diff.Removed || c.How != diff.Added && was != is) {
				remove = append(remove, was)
			}
			if is != "" && c.How != diff.Removed {
				write = append(write, is)
			}
		}
	}
	return write, remove
}

// unitFile is the file that a machine has a unit in; "" for one of the
// system's, of which it is only said whether it is enabled.
func unitFile(n node.Node, name string) string {
	if slices.ContainsFunc(n.Units, func(u node.Unit) bool { return u.Name == name && u.Contents == "" }) {
		return ""
	}
	return n.UnitPath(name)
}

func concerns(c diff.Change, unit string) bool {
	acts := func(e diff.Effect) bool {
		// A member of etcd ignores what etcd has to be told.
		return e.Action != diff.Nothing && e.Action != diff.ByItself && e.Action != diff.Membership
	}
	if unit == "" {
		return !slices.ContainsFunc(c.Effects, acts)
	}
	return slices.ContainsFunc(c.Effects, func(e diff.Effect) bool { return e.Unit == unit && acts(e) })
}

// quietly are steps for what changes on a machine and concerns no unit, or one
// that takes it up by itself.
func (w way) quietly() (steps []Step) {
	for _, n := range w.after.Machines {
		write, remove := w.changed(n.Name, "")
		if len(write)+len(remove) == 0 || slices.Contains(order.HostsOf(w.plan.Order.Steps, diff.Reimage), n.Name) {
			continue
		}
		step := Step{Action: diff.Nothing, Host: n.Name, Write: list(write), Remove: list(remove), Install: []Binary{}, Commands: []Command{}, Checks: []Command{}}
		if units(write, remove) {
			step.Commands = append(step.Commands, Command{n.Name, "systemctl daemon-reload"})
		}
		steps = append(steps, step)
	}
	return steps
}

func units(lists ...[]string) bool {
	return slices.ContainsFunc(slices.Concat(lists...), func(name string) bool {
		return strings.HasPrefix(name, node.UnitDir+"/") || strings.HasPrefix(name, node.QuadletDir+"/")
	})
}

func list(names []string) []string { return append([]string{}, names...) }

// steps are those of a step of the order, one for each host. Where it is done
// on all at once, all have their files before the first is told.
func (w way) steps(s order.Step) (out []Step) {
	var writes []Step
	for _, host := range s.Hosts {
		out = append(out, w.step(s, host))
	}
	for i := range out {
		if !s.AllAtOnce {
			break
		}
		one := &out[i]
		writes = append(writes, Step{Action: diff.Nothing, Host: one.Host, Unit: s.Unit, Write: one.Write, Remove: one.Remove,
			Install: []Binary{}, Commands: []Command{}, Checks: []Command{}})
		one.Write, one.Remove = []string{}, []string{}
	}
	return append(writes, out...)
}

// step is what a step of the order is on one host.
func (w way) step(s order.Step, host string) Step {
	h := w.host(host)
	out := Step{Action: s.Action, Host: host, Unit: s.Unit, WaitFor: s.WaitFor, Note: s.Note,
		AllAtOnce: s.AllAtOnce, Install: []Binary{}, Write: []string{}, Remove: []string{}, Commands: []Command{}, Checks: []Command{}}
	on := func(text string) { out.Commands = append(out.Commands, Command{host, text}) }
	switch s.Action {
	case diff.Membership:
		for _, c := range s.Commands {
			out.Commands = append(out.Commands, Command{Text: withID(c)})
		}
		if s.WaitFor != "" {
			out.Checks = memberChecks(nil)
		}
		return out
	case diff.SwitchOff:
		on("systemctl poweroff")
		return out
	case diff.Boot, diff.Reimage:
		out.Document = document("rendered", w.after.Cluster, h)
		if len(s.EtcdFlags) > 0 { // as the note says: first tells how it is made
			out.Document, out.Note = document("join", w.after.Cluster, h), ""
		}
		out.Checks = w.machineChecks(h)
		return out
	}
	write, remove := w.changed(host, s.Unit)
	out.Write, out.Remove = list(write), list(remove)
	if s.Action == diff.Restart {
		w.binaries(&out, h)
	}
	if s.Action == diff.Stop {
		on("systemctl disable --now " + s.Unit)
	}
	if units(write, remove) {
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
		out.Checks = w.unitChecks(s.Unit, h)
	}
	return out
}

// withID has etcdctl look up the number of a member that is named.
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

// document is the directory with the documents of a host, in a tree of all
// machines or of those that join.
func document(tree string, c *cluster.Cluster, h cluster.Host) string {
	return path.Join(tree, c.Name, h.Name)
}
