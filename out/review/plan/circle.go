package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// circular refuses machines that take each other's addresses: none of them can have its new
// one before another has given it up. A machine that comes in the place of one that goes
// is that one under another name: while it waits for its address, both are missing.
func circular(p planner) []Refusal {
	for _, h := range p.after.Cluster.Hosts() {
		if p.before.host(h.Name).Name == "" {
			continue // a circle without a machine that stays is of replacements, one after the other
		}
		way := p.circle([]takes{{by: h.Name}})
		if way == nil {
			continue
		}
		var texts []string
		for _, t := range way {
			texts = append(texts, t.String())
		}
		return []Refusal{{h.field + ".addresses", strings.Join(texts, ", ") + ": none can give up its address before another has",
			fmt.Sprintf("make two plans: one to a copy of the former file in which only %s differs, with an address that no machine has, and one from that copy to this file", h.Name)}}
	}
	return nil
}

// takes is a machine that gets the address of another one, which goes on under a name.
type takes struct {
	by, from, now string
	address       netip.Addr
}

func (t takes) String() string {
	text := fmt.Sprintf("%s takes %s from %s", t.by, t.address, t.from)
	if t.now != t.from {
		text += ", in whose place " + t.now + " comes"
	}
	return text
}

// circle goes on from the last machine of a way to one whose address it takes, and returns
// the way when it is back at the first; nil if it never is.
func (p planner) circle(way []takes) []takes {
	last := len(way) - 1
	for _, from := range p.before.Cluster.Hosts() {
		way[last].from, way[last].address = from.Name, p.taken(way[last].by, from)
		if from.Name == way[last].by || !way[last].address.IsValid() {
			continue
		}
		for _, next := range p.goesOn(from) {
			way[last].now = next.Name
			switch {
			case next.Name == way[0].by && last > 0:
				return way
			case !slices.ContainsFunc(way, func(t takes) bool { return t.by == next.Name }):
				if found := p.circle(append(slices.Clone(way), takes{by: next.Name})); found != nil {
					return found
				}
			}
		}
	}
	return nil
}

// goesOn lists the machines that a former one may be now: itself, or if it goes the new ones
// of its role.
func (p planner) goesOn(from Host) (all []Host) {
	stays := p.after.host(from.Name).Name != ""
	for _, h := range p.after.Cluster.Hosts() {
		if h.Name == from.Name || !stays && p.before.host(h.Name).Name == "" && h.role() == from.role() {
			all = append(all, h)
		}
	}
	return all
}

// role is the list of the cluster file that has the machine.
func (h Host) role() string { return strings.Split(h.field, "[")[0] }

// taken is an address that a machine gets, and that another one had.
func (p planner) taken(by string, from Host) netip.Addr {
	was, is := p.before.host(by), p.after.host(by)
	for _, a := range is.Addresses {
		if !slices.Contains(was.Addresses, a) && slices.Contains(from.Addresses, a) {
			return a
		}
	}
	return netip.Addr{}
}
