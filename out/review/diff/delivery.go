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

// Deliveries of a binary, as the items of a machine show them.
const (
	ByImage     = "the machine's image"
	ByFetching  = "a URL"
	ByExtension = "a system extension"
	ByContainer = "a container"
)

// Delivery returns how the binary of a unit gets onto a machine; "" if the unit runs
// none.
func Delivery(n node.Node, unit string) string {
	exec := facts.UnitOf(n, unit).Program()
	if exec == "" {
		return ""
	}
	return delivery(n, exec)
}

// compareDelivery compares how the binaries of units get onto a machine. Another delivery
// needs directories, units and files that only a first boot makes in the right order. So
// does a new unit, unless its binary is in the image.
func compareDelivery(before, after node.Node) []Change {
	was, is := deliveries(before), deliveries(after)
	change := Change{Hosts: []string{after.Name}, Kind: KindDelivery, Name: KindDelivery, How: Changed, Hunks: []Hunk{},
		Effects: []Effect{{Action: Reimage, Why: "only a first boot changes how binaries get onto the machine"}}}
	for _, u := range after.Units {
		from, to, name := was[u.Name], is[u.Name], strings.TrimSuffix(u.Name, ".service")
		switch {
		case from == to:
		case from != "" && to != "":
			change.Details = append(change.Details, Detail{What: name, How: Changed, From: from, To: to})
		case from == "" && to != ByImage:
			change.Details = append(change.Details, Detail{What: name, How: Added, To: to})
		}
	}
	if len(change.Details) == 0 {
		return nil
	}
	return []Change{change}
}

// deliveries returns for each unit of a machine how its binary gets there.
func deliveries(n node.Node) map[string]string {
	found := map[string]string{}
	for _, u := range n.Units {
		if by := Delivery(n, u.Name); by != "" {
			found[u.Name] = by
		}
	}
	return found
}

func delivery(n node.Node, exec string) string {
	if exec == node.ContainerSection {
		return ByContainer
	}
	for _, f := range n.Files {
		if f.Path == exec && f.Source.URL != "" {
			return ByFetching
		}
	}
	for _, s := range read.StepsOf(n) {
		switch {
		case s.Does == read.Image && path.Dir(exec) == profiles.SysextBin:
			return ByExtension
		case s.Does == read.Fetch && s.Place.Text == exec, s.Into == path.Dir(exec) && slices.Contains(s.Binaries, path.Base(exec)):
			return ByFetching
		}
	}
	return ByImage
}
