// Package diff compares the machines of two rendered trees: what changes in
// their files and units, what that does to a machine that runs, and in which
// order machines may take it. It shows twins only, so that no secret is in
// what it returns.
package diff

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"hagen/gen/node"
)

// Side is one of the two trees. Its machines may be twins.
type Side struct {
	Machines   []node.Node
	Systems    map[string]System // of machines by name, as far as they are known
	Kubeconfig []byte            // the administrator's; nil if the tree has none
}

// System is the operating system of a machine, as far as it is known: its name,
// its family (profiles.OS.Family), or neither.
type System struct{ Name, Family string }

// change is from one to another, if that is sure.
func (s System) change(to System) (from, into string, differs bool) {
	if s.Name != "" && to.Name != "" {
		return s.Name, to.Name, s.Name != to.Name
	}
	return s.Family, to.Family, s.Family != "" && to.Family != "" && s.Family != to.Family
}

// Diff is what changes from one tree to another. The JSON fields of its types
// are an interface: they are added to, never renamed.
type Diff struct {
	Same     bool      `json:"same"`
	Machines int       `json:"machines"` // on either side
	Changed  int       `json:"changed"`  // of them
	Changes  []Change  `json:"changes"`
	Effects  []Effects `json:"effects"`
	Order    []Step    `json:"order"`
	Reimage  []string  `json:"reimage"`       // machines that change, in the order in which they may be made anew instead
	Anew     []Step    `json:"orderReimaged"` // the order if they are
	Cautions []Caution `json:"cautions"`

	masters bool // one of Reimage is a master
}

// What a Change is about.
const (
	KindMachine    = "machine"
	KindSystem     = "operating system"
	KindDelivery   = "delivery of binaries"
	KindGroup      = "group"
	KindUser       = "user"
	KindDisk       = "disk"
	KindFilesystem = "filesystem"
	KindMount      = "mount"
	KindDirectory  = "directory"
	KindFile       = "file"
	KindLink       = "link"
	KindUnit       = "unit"
	KindKubeconfig = "kubeconfig" // the administrator's, which no machine has
)

// How something changes.
const (
	Added    = "added"
	Removed  = "removed"
	Changed  = "changed"
	Replaced = "replaced" // a key: there is nothing to be said of the old and the new one
)

// Change is one item that changes in the same way on all of Hosts.
type Change struct {
	Hosts   []string `json:"hosts"`
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	How     string   `json:"how"`
	Also    []string `json:"also,omitempty"` // keys that change with the certificate
	Details []Detail `json:"details"`
	Hunks   []Hunk   `json:"hunks"`             // as on the first host
	Context bool     `json:"context,omitempty"` // the lines around are others on other hosts
	Effects []Effect `json:"effects"`
}

// Detail is a part of a change that can be told by name.
type Detail struct {
	What    string   `json:"what"`
	How     string   `json:"how"`
	From    string   `json:"from,omitempty"`
	To      string   `json:"to,omitempty"`
	Added   []string `json:"added,omitempty"` // of a list
	Removed []string `json:"removed,omitempty"`
}

// Caution is what a reviewer should know before anything is done.
type Caution struct {
	Hosts []string `json:"hosts"`
	Text  string   `json:"text"`
}

// Of compares two trees.
func Of(before, after Side) Diff {
	before, after = asUnits(before), asUnits(after)
	d := Diff{Changes: []Change{}, Effects: []Effects{}, Order: []Step{}, Anew: []Step{}, Cautions: []Caution{}}
	c := comparison{twins: map[string]string{}}
	pairs := pair(before.Machines, after.Machines)
	var hosts []string
	var all []Change
	for i := range pairs {
		p := &pairs[i]
		hosts = append(hosts, p.name)
		c.machine(p, before.Systems[p.name], after.Systems[p.name])
		if len(p.changes) > 0 {
			d.Changed++
		}
		all = append(all, p.changes...)
	}
	if before.Kubeconfig != nil && after.Kubeconfig != nil {
		if change, differs := c.contents(before.Kubeconfig, after.Kubeconfig); differs {
			change.Kind, change.Name, change.How = KindKubeconfig, "admin.kubeconfig", Changed
			change.Effects = []Effect{{Action: Nothing, Why: "no machine has it: hand it to those who use it"}}
			all = append(all, change)
		}
	}
	d.Machines = len(pairs)
	d.Changes = append(d.Changes, fold(hosts, all)...)
	d.Same = len(d.Changes) == 0
	d.Effects = append(d.Effects, effectsOf(pairs)...)
	steps, beware := order(pairs)
	d.Order = append(d.Order, steps...)
	whole, _ := order(anew(pairs))
	d.Anew = append(d.Anew, whole...)
	d.Reimage = reimaged(whole)
	d.masters = slices.ContainsFunc(pairs, func(p machines) bool { return slices.Contains(d.Reimage, p.name) && roleOf(p.after).control })
	d.Cautions = append(d.Cautions, slices.Concat(cautions(pairs), beware, ways(before, after, pairs))...)
	return d
}

// asUnits takes containers for the units that they become.
func asUnits(s Side) Side {
	s.Machines = slices.Clone(s.Machines)
	for i := range s.Machines {
		s.Machines[i] = s.Machines[i].WithContainers()
	}
	return s
}

// machines is one host of both trees; nil where it is not.
type machines struct {
	name          string
	before, after *node.Node
	changes       []Change
	judge         *judge   // of a machine that changes
	effects       []Effect // of all changes
}

// pair puts hosts of the same name together, in the order of the new tree,
// then those that are gone.
func pair(before, after []node.Node) []machines {
	var pairs []machines
	place := map[string]int{}
	for i := range after {
		place[after[i].Name] = len(pairs)
		pairs = append(pairs, machines{name: after[i].Name, after: &after[i]})
	}
	for i := range before {
		if at, both := place[before[i].Name]; both {
			pairs[at].before = &before[i]
		} else {
			pairs = append(pairs, machines{name: before[i].Name, before: &before[i]})
		}
	}
	return pairs
}

// comparison remembers what many machines have in common.
type comparison struct {
	twins map[string]string
}

// machine compares one host.
func (c *comparison) machine(p *machines, was, is System) {
	switch {
	case p.before == nil:
		p.changes = []Change{whole(*p.after, Added)}
	case p.after == nil:
		p.changes = []Change{whole(*p.before, Removed)}
	default:
		p.changes = c.both(p)
		delivery(p)
		c.system(p, was, is)
	}
	p.effects = verdict(p.changes)
	if p.before != nil && p.after != nil {
		p.effects = inPlace(*p)
	}
}

// system compares what the machine's other items run on. On another operating
// system it is another machine: whether a file is there already says nothing
// then.
func (c *comparison) system(p *machines, was, is System) {
	from, to, differs := was.change(is)
	if !differs {
		return
	}
	p.changes = slices.DeleteFunc(p.changes, func(c Change) bool {
		return c.How == Changed && len(c.Details) == 1 && c.Details[0].What == detailExisting && len(c.Hunks) == 0
	})
	if p.judge == nil {
		p.judge = newJudge(p.before.Bare(), p.after.Bare())
	}
	p.changes = append([]Change{{Hosts: []string{p.name}, Kind: KindSystem, Name: KindSystem, How: Changed, Hunks: []Hunk{},
		Details: []Detail{{What: KindSystem, How: Changed, From: from, To: to}},
		Effects: []Effect{{Action: Reimage, Why: "another operating system"}}}}, p.changes...)
}

// both compares a host that is in both trees.
func (c *comparison) both(p *machines) []Change {
	before, after := p.before.Bare(), p.after.Bare()
	changes := slices.Concat(
		items(KindGroup, before.Groups, after.Groups, func(g node.Group) string { return g.Name }, func(node.Group) []fact { return nil }),
		items(KindUser, before.Users, after.Users, func(u node.User) string { return u.Name }, userFacts),
		items(KindDisk, before.Disks, after.Disks, func(d node.Disk) string { return d.Device }, diskFacts),
		items(KindFilesystem, before.Filesystems, after.Filesystems, func(f node.Filesystem) string { return f.Device }, filesystemFacts),
		items(KindMount, before.Mounts, after.Mounts, func(m node.Mount) string { return m.Path }, mountFacts),
		items(KindDirectory, before.Directories, after.Directories, func(d node.Directory) string { return d.Path },
			func(d node.Directory) []fact { return access(d.User, d.Group, d.Mode) }),
		c.files(before.Files, after.Files),
		items(KindLink, before.Links, after.Links, func(l node.Link) string { return l.Path },
			func(l node.Link) []fact { return []fact{{"target", l.Target}} }),
		c.units(before.Units, after.Units),
	)
	if len(changes) == 0 {
		return nil
	}
	p.judge = newJudge(before, after)
	for i := range changes {
		changes[i].Hosts = []string{p.name}
		changes[i].Effects = p.judge.effects(changes[i])
	}
	return pairKeys(changes)
}

// whole is a machine that is new or gone.
func whole(n node.Node, how string) Change {
	var units []string
	for _, u := range n.Bare().Units {
		units = append(units, u.Name)
	}
	effect := Effect{Action: Boot, Why: "a new machine"}
	if how == Removed {
		effect = Effect{Action: SwitchOff, Why: "in the new tree it is none of the cluster's"}
	}
	return Change{Hosts: []string{n.Name}, Kind: KindMachine, Name: roleOf(&n).name, How: how, Effects: []Effect{effect}, Hunks: []Hunk{},
		Details: []Detail{{What: "files", How: how, To: fmt.Sprint(len(n.Files))}, {What: "units", How: how, Added: units}}}
}

// role is a row: what a machine is called that has one of these units.
type role struct {
	name    string
	units   []string
	control bool // it has a part of the control plane
}

var roles = []role{
	{"master", []string{etcdUnit, apiUnit}, true},
	{"load balancer", []string{haproxyUnit}, false},
}

// roleOf gives the first row of which a machine has a unit.
func roleOf(n *node.Node) role {
	for _, r := range roles {
		if slices.ContainsFunc(r.units, func(unit string) bool { return runs(n, unit) }) {
			return r
		}
	}
	return role{name: "machine"}
}

// fact is a property of an item with few of them.
type fact struct{ name, value string }

func userFacts(u node.User) []fact {
	return []fact{
		{"primary group", u.Primary}, {"groups", strings.Join(u.Groups, ", ")}, {"home", u.Home}, {"shell", u.Shell},
		{"system account", fmt.Sprint(u.System)}, {"SSH keys", strings.Join(u.SSHKeys, ", ")},
	}
}

func access(user, group string, mode fs.FileMode) []fact {
	return []fact{{"owner", cmp.Or(user, "root")}, {"group", cmp.Or(group, "root")}, {"mode", fmt.Sprintf("%04o", mode)}}
}

// existing is what happens to a file of that path that the system brings: at a
// first boot it is replaced, or Ignition fails.
func existing(f *node.File) fact {
	if f.Overwrite {
		return fact{detailExisting, "replaced"}
	}
	return fact{detailExisting, "kept, and a fault"}
}

// compareFacts gives a detail for each fact that differs.
func compareFacts(before, after []fact) []Detail {
	details := []Detail{}
	for i := range after {
		if before[i].value == after[i].value {
			continue
		}
		d := Detail{What: after[i].name, How: Changed, From: before[i].value, To: after[i].value}
		switch {
		case d.From == "":
			d.How = Added
		case d.To == "":
			d.How = Removed
		default:
			d.Added, d.Removed = listChange(d.From, d.To, ", ")
		}
		details = append(details, d)
	}
	return details
}

// items compares items that a few facts describe, by their names.
func items[T any](kind string, before, after []T, name func(T) string, facts func(T) []fact) []Change {
	var changes []Change
	add := func(name, how string, details []Detail) {
		changes = append(changes, Change{Kind: kind, Name: name, How: how, Details: details, Hunks: []Hunk{}})
	}
	each(before, after, name, func(b, a *T) {
		switch {
		case b == nil:
			add(name(*a), Added, shown(facts(*a), kind))
		case a == nil:
			add(name(*b), Removed, []Detail{})
		default:
			if details := compareFacts(facts(*b), facts(*a)); len(details) > 0 {
				add(name(*a), Changed, details)
			}
		}
	})
	return changes
}

// shown is what is said of a new item: owner and mode of a directory or file,
// and of a user all that is not left to the system.
func shown(facts []fact, kind string) []Detail {
	details := []Detail{}
	for _, f := range facts {
		if f.value != "" && (kind != KindUser || f.value != "false") {
			details = append(details, Detail{What: f.name, How: Added, To: f.value})
		}
	}
	return details
}

// each calls do for every name of two sorted lists; nil stands for none.
func each[T any](before, after []T, name func(T) string, do func(b, a *T)) {
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && name(before[0]) < name(after[0]):
			do(&before[0], nil)
			before = before[1:]
		case len(before) == 0 || name(after[0]) < name(before[0]):
			do(nil, &after[0])
			after = after[1:]
		default:
			do(&before[0], &after[0])
			before, after = before[1:], after[1:]
		}
	}
}
