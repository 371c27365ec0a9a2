// Package diff compares the machines of two rendered trees: what changes in
// their files and units, what that does to a machine that runs, and in which
// order machines may take it. It shows twins only: what it returns has no
// secret that hagen writes, and none of the forms that docs/twins.md lists.
package diff

import (
	"fmt"
	"slices"

	"hagen/gen/node"
	"hagen/out/review/facts"
)

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
}

// Masters says whether one of Reimage is a master.
func (d Diff) Masters() bool {
	return slices.ContainsFunc(d.Anew, func(s Step) bool { return s.Action == Reimage && s.Until == untilMaster })
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
	return Change{Hosts: []string{n.Name}, Kind: KindMachine, Name: facts.RoleOf(&n).Name, How: how, Effects: []Effect{effect}, Hunks: []Hunk{},
		Details: []Detail{{What: "files", How: how, To: fmt.Sprint(len(n.Files))}, {What: "units", How: how, Added: units}}}
}
