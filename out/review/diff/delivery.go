package diff

import (
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/review/facts"
	"hagen/profiles"
)

// Ways on which a binary comes onto a machine, as its items tell.
const (
	byImage     = "the machine's image"
	byFetching  = "a URL"
	byExtension = "a system extension"
	byContainer = "a container"
)

// compareDelivery tells how the binaries of units come onto a machine otherwise that
// has them before and after. Another way needs directories, units and files that a first
// boot makes, in an order that it knows; so does a unit that is new, unless its
// binary is there.
func compareDelivery(before, after node.Node) []Change {
	was, is := supplies(before), supplies(after)
	change := Change{Hosts: []string{after.Name}, Kind: KindDelivery, Name: KindDelivery, How: Changed, Hunks: []Hunk{},
		Effects: []Effect{{Action: Reimage, Why: "a first boot brings binaries on another way"}}}
	for _, u := range after.Units {
		from, to, name := was[u.Name], is[u.Name], strings.TrimSuffix(u.Name, ".service")
		switch {
		case from == to:
		case from != "" && to != "":
			change.Details = append(change.Details, Detail{What: name, How: Changed, From: from, To: to})
		case from == "" && to != byImage:
			change.Details = append(change.Details, Detail{What: name, How: Added, To: to})
		}
	}
	if len(change.Details) == 0 {
		return nil
	}
	return []Change{change}
}

// supplies tells of each unit on a machine how what it runs comes there.
func supplies(n node.Node) map[string]string {
	ways := map[string]string{}
	for _, u := range n.Units {
		if exec := facts.UnitOf(n, u.Name).Program(); exec != "" {
			ways[u.Name] = supply(n, exec)
		}
	}
	return ways
}

func supply(n node.Node, exec string) string {
	if exec == node.ContainerSection {
		return byContainer
	}
	for _, f := range n.Files {
		if f.Path == exec && f.Source.URL != "" {
			return byFetching
		}
	}
	for _, s := range read.StepsOf(n) {
		switch {
		case s.Does == read.Image && path.Dir(exec) == profiles.SysextBin:
			return byExtension
		case s.Does == read.Fetch && s.Place.Text == exec, s.Into == path.Dir(exec) && slices.Contains(s.Binaries, path.Base(exec)):
			return byFetching
		}
	}
	return byImage
}
