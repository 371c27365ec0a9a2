package order

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// sharing is who shares the virtual IP. keepalived sends adverts to the machines in its
// file alone, and one that hears none takes the address. So those that stay have to know
// those that come before these boot, and those that go have to have stopped by then, unless
// the address is another one: then they hold theirs for as long as they run.
type sharing struct {
	leave, stay, come []string
	apart             bool // those that go hold no address of those that come
}

// sharingOf sorts the machines with keepalived. One whose address for adverts changes goes
// and comes. It is empty if the virtual IP is a new one or is given up.
func sharingOf(pairs []diff.Pair) (s sharing) {
	var had, has []netip.Addr
	for _, p := range pairs {
		was, is := shares(p.Before), shares(p.After)
		if was {
			had = append(had, facts.VirtualIPs(p.Before)...)
		}
		if is {
			has = append(has, facts.VirtualIPs(p.After)...)
		}
		moves := was && is && p.MovesSource()
		if was && (!is || moves) {
			s.leave = append(s.leave, p.Name)
		}
		if is && (!was || moves) {
			s.come = append(s.come, p.Name)
		}
		if was && is && !moves {
			s.stay = append(s.stay, p.Name)
		}
	}
	if len(had) == 0 || len(has) == 0 {
		return sharing{}
	}
	s.apart = !slices.ContainsFunc(had, func(a netip.Addr) bool { return slices.Contains(has, a) })
	return s
}

// changes reports whether not the same machines share the virtual IP.
func (s sharing) changes() bool { return len(s.leave)+len(s.come) > 0 }

func shares(n *node.Node) bool { return facts.VirtualIP(n) != "" }

// unheld warns of a virtual IP for which no machine stays that could hold it meanwhile.
func unheld(pairs []diff.Pair) string {
	s := sharingOf(pairs)
	if !s.changes() || len(s.stay) > 0 || s.apart {
		return ""
	}
	address := ""
	for _, p := range pairs {
		if shares(p.Before) {
			address = facts.VirtualIP(p.Before)
		}
	}
	if slices.Equal(s.leave, s.come) {
		return fmt.Sprintf("all machines that share %s get another address (%s), and those with the former ones do not hear those with the new ones: nobody holds it from when they stop keepalived until the first one is back. To avoid that, move one machine at a time, with a cluster file and a plan for each: then the others hold it",
			address, strings.Join(s.come, ", "))
	}
	return fmt.Sprintf("%s moves from %s to %s, which do not hear each other: nobody holds it from when the old ones stop keepalived until the first new one serves. To avoid that, replace one machine at a time, with a cluster file and a plan for each, where the mode stays the same",
		address, strings.Join(s.leave, ", "), strings.Join(s.come, ", "))
}
