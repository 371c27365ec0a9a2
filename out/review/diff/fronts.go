package diff

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/review/facts"
)

// inPlace takes from the effects on a machine what cannot be had in place as
// it stands there. One that is made anew for anything has all else with that.
// And where HAProxy comes to a master or leaves it, it and the API server
// exchange a port: neither can start before the other has stopped.
func inPlace(p machines) []Effect {
	fronts := false
	for _, unit := range []string{facts.HAProxyUnit, facts.KeepalivedUnit} {
		fronts = fronts || p.does(Start, unit) || p.does(Stop, unit)
	}
	switch {
	case fronts && facts.Runs(p.after, facts.APIUnit) && p.does(Restart, facts.APIUnit):
		return p.anew("HAProxy and the API server exchange a port: neither can start before the other has stopped")
	case !facts.SameAddresses(p.before, p.after):
		return p.anew("its address is another: all that listens has the old one")
	}
	if i := slices.IndexFunc(p.effects, func(e Effect) bool { return e.Action == Reimage }); i >= 0 {
		return p.anew(p.effects[i].Why)
	}
	return p.effects
}

// anew are the effects on a machine that is made anew: etcd has to be told all
// the same, and a virtual router gets its other number before that, with those
// of the other machines.
func (p machines) anew(why string) []Effect {
	together := apart(p) != "" && facts.SameAddresses(p.before, p.after)
	told := slices.DeleteFunc(slices.Clone(p.effects), func(e Effect) bool {
		return e.Action != Membership && !(together && e.Unit == facts.KeepalivedUnit && e.Action == Reload)
	})
	return append(told, Effect{Action: Reimage, Why: why})
}

// heldTwice warns of a virtual address that moves from some machines to
// others: the two groups do not hear each other, and each holds it.
func heldTwice(pairs []machines) string {
	var from, to []string
	address := ""
	for _, p := range pairs {
		before, after := facts.VirtualIP(p.before), facts.VirtualIP(p.after)
		switch {
		case before != "" && after == "":
			from, address = append(from, p.name), before
		case before == "" && after != "":
			to = append(to, p.name)
		}
	}
	if len(from) == 0 || len(to) == 0 {
		return ""
	}
	return fmt.Sprintf("%s moves from %s to %s, who do not hear each other and would both hold it: stop keepalived on the former first",
		address, strings.Join(from, ", "), strings.Join(to, ", "))
}

// apart warns of a virtual router that gets another number: machines with
// different ones do not hear each other, and each holds the address.
func apart(p machines) string {
	if p.before == nil || p.after == nil {
		return ""
	}
	for _, was := range read.VirtualRouters([]node.Node{*p.before}) {
		for _, is := range read.VirtualRouters([]node.Node{*p.after}) {
			if was.Address == is.Address && was.ID != is.ID {
				return fmt.Sprintf("the virtual router of %s gets the number %s instead of %s: until all of its machines have it, two of them hold the address, so reload keepalived on all at once, also before they are made anew one after the other", is.Address, is.ID, was.ID)
			}
		}
	}
	return ""
}
