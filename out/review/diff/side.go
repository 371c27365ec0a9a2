package diff

import (
	"slices"

	"hagen/gen/node"
)

// Side is one of the two trees. Its machines may be twins.
type Side struct {
	Machines   []node.Node
	Systems    map[string]System // of machines by name, if known
	Kubeconfig []byte            // the administrator's; nil if the tree has none
	Rights     []byte            // the manifest of rights; nil if the tree has none
	Answers    []string          // addresses at which clients reach the API servers; nil if only the machines show it
}

// AsUnits replaces containers by the units that they become.
func (s Side) AsUnits() Side {
	s.Machines = slices.Clone(s.Machines)
	for i := range s.Machines {
		s.Machines[i] = s.Machines[i].WithContainers()
	}
	return s
}

// System is what is known of a machine's operating system: its name, its family
// (profiles.OS.Family), or neither.
type System struct{ Name, Family string }

// compareSystems returns both, and whether they certainly differ.
func compareSystems(was, is System) (from, to string, differs bool) {
	if was.Name != "" && is.Name != "" {
		return was.Name, is.Name, was.Name != is.Name
	}
	return was.Family, is.Family, was.Family != "" && is.Family != "" && was.Family != is.Family
}
