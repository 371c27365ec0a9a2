package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// circular refuses machines that take each other's addresses: none of them can have its new
// one before another has given it up.
func circular(p planner) []Refusal {
	for _, h := range p.after.Cluster.Hosts() {
		way := p.circle([]string{h.Name})
		if way == nil {
			continue
		}
		var takes []string
		for i, name := range way {
			from := way[(i+1)%len(way)]
			takes = append(takes, fmt.Sprintf("%s takes %s from %s", name, p.taken(name, from), from))
		}
		return []Refusal{{h.field + ".addresses", strings.Join(takes, ", ") + ": none can give up its address before another has",
			fmt.Sprintf("make two plans: one to a copy of the former file in which only %s differs, with an address that no machine has, and one from that copy to this file", h.Name)}}
	}
	return nil
}

// circle goes on from the last machine of a way to one whose address it takes, and returns
// the way when it is back at the first; nil if it never is.
func (p planner) circle(way []string) []string {
	last := way[len(way)-1]
	for _, next := range p.after.Cluster.Hosts() {
		switch {
		case next.Name == last || !p.taken(last, next.Name).IsValid():
		case next.Name == way[0]:
			return way
		case !slices.Contains(way, next.Name):
			if found := p.circle(append(slices.Clone(way), next.Name)); found != nil {
				return found
			}
		}
	}
	return nil
}

// taken is an address that a machine of both sides gets, and that another one had.
func (p planner) taken(by, from string) netip.Addr {
	was, is := p.before.host(by), p.after.host(by)
	for _, a := range is.Addresses {
		if was.Name != "" && !slices.Contains(was.Addresses, a) && slices.Contains(p.before.host(from).Addresses, a) {
			return a
		}
	}
	return netip.Addr{}
}
