package plan

import (
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
)

// planner makes a plan.
type planner struct {
	before, after Side
	options       Options
	plan          *Plan
	holders       *holders        // of virtual IPs, after the last step
	ended         ended           // what has ended on the former machines
	away          absent          // machines that take no part; before and after are without them
	whole         Side            // before, with them
	written       map[string]bool // "host:path" of files and "host:unit" of units that an earlier step has written
}

// staying returns a master that is in both clusters, or else the first of the old one.
func (p planner) staying() Host {
	for _, m := range p.before.Cluster.Members() {
		if slices.ContainsFunc(p.after.Cluster.Members(), func(h Host) bool { return h.Name == m.Name }) {
			return m
		}
	}
	return p.before.Cluster.Members()[0]
}

// host returns a host of the new side, or of the old one if only that has it.
func (p planner) host(name string) Host {
	for _, h := range slices.Concat(p.after.Cluster.Hosts(), p.before.Cluster.Hosts()) {
		if h.Name == name {
			return h
		}
	}
	return Host{}
}

// changed lists the changed files and units of a host that make a unit act and that no
// earlier step has written. With "" it lists those that make no unit act.
func (p planner) changed(host, unit string) (write, remove []string) {
	for _, c := range p.plan.Changes {
		if !slices.Contains(c.Hosts, host) || c.Kind != diff.KindFile && c.Kind != diff.KindUnit || !concerns(c, unit) {
			continue
		}
		for _, name := range append([]string{c.Name}, c.KeyFiles...) {
			was, is := name, name
			if c.Kind == diff.KindUnit {
				was, is = unitFile(p.before.machine(host), name), unitFile(p.after.machine(host), name)
			}
			if p.written[host+":"+name] || p.fetchesSameBytes(host, name) || unit == "" && p.later(host, name) {
				continue
			}
			p.written[host+":"+name] = true
			if c.How == diff.Removed && c.Kind == diff.KindFile && facts.Replaces(facts.FileAt(p.before.machine(host), name)) {
				continue // it stays: leftovers and lostNames say so
			}
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

// later reports whether a file of a host is written before a unit acts that does not read it.
func (p planner) later(host, file string) bool {
	return !p.options.Reimage && slices.ContainsFunc(p.plan.Order.Steps, func(s order.Step) bool {
		return slices.Contains(s.Hosts, host) && slices.Contains(s.Before, file)
	})
}

// early returns those of some files of a host that no earlier step has written.
func (p planner) early(host string, files []string) (write []string) {
	for _, name := range files {
		if p.changes(host, name) && !p.written[host+":"+name] {
			p.written[host+":"+name] = true
			write = append(write, name)
		}
	}
	return write
}

// unitFile returns the path of the file that holds a unit on a machine. It is "" for
// units of the system, which a document only enables or disables.
func unitFile(n node.Node, name string) string {
	if slices.ContainsFunc(n.Units, func(u node.Unit) bool { return u.Name == name && u.Contents == "" }) {
		return ""
	}
	return n.UnitPath(name)
}

// changes reports whether a file of a host changes. Contents are not compared: one side may
// be twins.
func (p planner) changes(host, file string) bool {
	return slices.ContainsFunc(p.plan.Changes, func(c diff.Change) bool {
		return c.Kind == diff.KindFile && c.Name == file && slices.Contains(c.Hosts, host)
	})
}

// concerns reports whether a change makes a unit act, or with "" whether it makes no
// unit act.
func concerns(c diff.Change, unit string) bool {
	acts := func(e diff.Effect) bool {
		// A running member ignores flags that describe etcd's membership.
		return e.Action != diff.Nothing && e.Action != diff.PickUp && e.Action != diff.Membership
	}
	if unit == "" {
		return !slices.ContainsFunc(c.Effects, acts)
	}
	return slices.ContainsFunc(c.Effects, func(e diff.Effect) bool { return e.Unit == unit && acts(e) })
}

// holdUnits reports whether one of the paths is a unit file, which systemd has to reload.
func holdUnits(lists ...[]string) bool {
	return slices.ContainsFunc(slices.Concat(lists...), func(name string) bool {
		return strings.HasPrefix(name, node.UnitDir+"/") || strings.HasPrefix(name, node.QuadletDir+"/")
	})
}

// list returns a copy that is never nil, so that JSON has a list.
func list(names []string) []string { return append([]string{}, names...) }
