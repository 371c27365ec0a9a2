package diff

import (
	"fmt"
	"slices"

	"hagen/gen/node"
	"hagen/out/review/facts"
)

// machine compares one host.
func machine(p *Pair, was, is System) {
	switch {
	case p.Before == nil:
		p.Changes = []Change{whole(p.After, Added)}
	case p.After == nil:
		p.Changes = []Change{whole(p.Before, Removed)}
	default:
		changes := both(p)
		p.Changes = append(compareDelivery(*p.Before, *p.After), changes...)
		p.system(was, is)
	}
	var effects []Effect
	for _, change := range p.Changes {
		effects = merge(effects, change.Effects...)
	}
	p.Effects = withoutNothing(effects)
	if p.Stays() {
		p.Effects = p.inPlace()
	}
}

// system compares the operating systems. On another one, whether the system brings a
// file itself does not matter.
func (p *Pair) system(was, is System) {
	from, to, differs := compareSystems(was, is)
	if !differs {
		return
	}
	p.Changes = slices.DeleteFunc(p.Changes, func(c Change) bool { return c.only(detailExisting) })
	if p.readers == nil {
		p.readers = newReaders(p.Before.Bare(), p.After.Bare())
	}
	p.Changes = append([]Change{{Hosts: []string{p.Name}, Kind: KindSystem, Name: KindSystem, How: Changed, Hunks: []Hunk{},
		Details: []Detail{{What: KindSystem, How: Changed, From: from, To: to}},
		Effects: []Effect{{Action: Reimage, Why: "another operating system"}}}}, p.Changes...)
}

// both compares a host that both trees have.
func both(p *Pair) []Change {
	before, after := p.Before.Bare(), p.After.Bare()
	changes := slices.Concat(
		items(KindGroup, before.Groups, after.Groups, func(g node.Group) string { return g.Name }, func(node.Group) []property { return nil }),
		items(KindUser, before.Users, after.Users, func(u node.User) string { return u.Name }, userProperties),
		items(KindDisk, before.Disks, after.Disks, func(d node.Disk) string { return d.Device }, diskProperties),
		items(KindFilesystem, before.Filesystems, after.Filesystems, func(f node.Filesystem) string { return f.Device }, filesystemProperties),
		items(KindMount, before.Mounts, after.Mounts, func(m node.Mount) string { return m.Path }, mountProperties),
		items(KindDirectory, before.Directories, after.Directories, func(d node.Directory) string { return d.Path },
			func(d node.Directory) []property { return access(d.User, d.Group, d.Mode) }),
		files(before.Files, after.Files),
		items(KindLink, before.Links, after.Links, func(l node.Link) string { return l.Path },
			func(l node.Link) []property { return []property{{"target", l.Target}} }),
		units(before.Units, after.Units),
	)
	if len(changes) == 0 {
		return nil
	}
	p.readers = newReaders(before, after)
	for i := range changes {
		changes[i].Hosts = []string{p.Name}
		changes[i].Effects = p.readers.effects(changes[i])
	}
	return pairKeys(changes)
}

// whole is the change of a machine that is added or removed.
func whole(n *node.Node, how string) Change {
	var units []string
	for _, u := range n.Bare().Units {
		units = append(units, u.Name)
	}
	effect := Effect{Action: Boot, Why: "a new machine"}
	if how == Removed {
		effect = Effect{Action: SwitchOff, Why: "the new tree does not have it"}
	}
	return Change{Hosts: []string{n.Name}, Kind: KindMachine, Name: facts.RoleOf(n).Name, How: how, Effects: []Effect{effect}, Hunks: []Hunk{},
		Details: []Detail{{What: "files", How: how, To: fmt.Sprint(len(n.Files))}, {What: "units", How: how, Added: units}}}
}
