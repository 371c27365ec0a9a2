// Package replace plans how a master that lost etcd's data is replaced: which machine
// takes its place, and what an operator does, in which order. It uses the documents
// rendered before and the cluster file of now; it asks no machine.
package replace

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// Plan is one replacement.
type Plan struct {
	Lost      string         // name of the lost member
	LostURL   string         // its peer URLs
	HostURL   string         // peer URL of its replacement
	Host      cluster.Host   // the replacement; the same machine unless the cluster file says otherwise
	Survivors []cluster.Host // the other masters
	Known     bool           // what was rendered before is known
}

// Moved reports whether the replacement has another name or address.
func (p Plan) Moved() bool { return p.Lost != p.Host.Name || p.LostURL != p.HostURL }

// Of plans the replacement of a member. The cluster file may already have the replacement
// in its place. Before has the machines as they were rendered, none if that is not known.
// The error is a sentence for the user.
func Of(c *cluster.Cluster, lost string, before []node.Node) (Plan, error) {
	members := facts.Members(before)
	if len(members) == 0 {
		for _, m := range c.Members() {
			members = append(members, facts.Member{Name: m.Name, Host: m.Name, PeerURLs: control.EtcdPeerURL(c, m)})
		}
	}
	i := slices.IndexFunc(members, func(m facts.Member) bool { return m.Name == lost })
	if i < 0 {
		return Plan{}, noMember(c, lost, members)
	}
	if n := len(members); n < 3 {
		return Plan{}, few(lost, n)
	}
	p := Plan{Lost: lost, LostURL: members[i].PeerURLs, Known: len(before) > 0}
	var fresh []cluster.Host
	var moved []string
	for _, m := range c.Members() {
		known := slices.IndexFunc(members, func(k facts.Member) bool { return k.Name == m.Name })
		switch {
		case m.Name == lost:
			p.Host = m
		case known < 0:
			fresh = append(fresh, m)
		case members[known].PeerURLs != control.EtcdPeerURL(c, m):
			moved = append(moved, fmt.Sprintf("%s from %s to %s", m.Name, members[known].PeerURLs, control.EtcdPeerURL(c, m)))
		default:
			p.Survivors = append(p.Survivors, m)
		}
	}
	if len(moved) > 0 {
		return Plan{}, fmt.Errorf("the cluster file moves other masters, too: %s; change one master at a time", strings.Join(moved, ", "))
	}
	if err := p.choose(fresh, len(members)); err != nil {
		return p, err
	}
	p.HostURL = control.EtcdPeerURL(c, p.Host)
	return p, nil
}

// choose finds the replacement of a member that the cluster file no longer has.
func (p *Plan) choose(fresh []cluster.Host, members int) error {
	if p.Host.Name == "" && len(fresh) == 1 {
		p.Host, fresh = fresh[0], nil
	}
	switch gone := members - 1 - len(p.Survivors); {
	case p.Host.Name == "" && len(fresh) == 0:
		return fmt.Errorf("the cluster file has no master in the place of %s: write one, or keep its line", p.Lost)
	case len(fresh) > 0:
		return fmt.Errorf("the cluster file has other new masters: %s: change one master at a time", hostNames(fresh))
	case gone > 0:
		return fmt.Errorf("the cluster file removes other members than %s, too: change one master at a time", p.Lost)
	}
	return nil
}

// noMember explains why a name is not that of a member of etcd.
func noMember(c *cluster.Cluster, name string, members []facts.Member) error {
	var known []string
	for _, m := range members {
		known = append(known, m.Name)
	}
	list := strings.Join(known, ", ")
	switch i := slices.IndexFunc(c.Hosts(), func(h cluster.Host) bool { return h.Name == name }); {
	case i >= 0 && !c.Hosts()[i].Role.Runs("etcd"):
		return fmt.Errorf("%s is a %s and keeps no data: boot it with the document that hagen render wrote", name, c.Hosts()[i].Role)
	case i >= 0:
		return fmt.Errorf("%s is new in the cluster file: name the lost member; known: %s", name, list)
	}
	return fmt.Errorf("there is no member %q; known: %s", name, list)
}

// few explains why etcd takes no change: a majority of one or two members is all of them.
func few(lost string, n int) error {
	if n == 1 {
		return fmt.Errorf("%s is the only master: without its data there is no cluster to join; restore the cluster from a snapshot", lost)
	}
	return fmt.Errorf("a majority of two members is both: without %s etcd takes no change of its members; restore the cluster from a snapshot", lost)
}

func hostNames(hosts []cluster.Host) string {
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	return strings.Join(names, ", ")
}

// Change is what changes in the document of another machine.
type Change struct {
	Host  string
	Items []string // changed files and units
}

// Others lists the other machines whose documents change with the replacement.
func (p Plan) Others(before, after []node.Node) []Change {
	if !p.Known {
		return nil
	}
	all := diff.Of(diff.Side{Machines: before}, diff.Side{Machines: after}).Changes
	var changes []Change
	for _, n := range after {
		if n.Name == p.Host.Name {
			continue
		}
		change := Change{Host: n.Name}
		for _, c := range all {
			if slices.Contains(c.Hosts, n.Name) && !slices.Contains(change.Items, c.Name) {
				change.Items = append(change.Items, c.Name)
			}
		}
		if len(change.Items) > 0 {
			changes = append(changes, change)
		}
	}
	return changes
}
