package trees

import (
	"slices"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/document"
	"hagen/gen/node"
)

// RefuseUnknown refuses items to be shown that no machine has: paths of files and
// names of units.
func RefuseUnknown(items []string, machines ...[]node.Node) error {
	has := func(item string) bool {
		if item == document.AdminPath || item == document.RightsPath {
			return true
		}
		for _, n := range slices.Concat(machines...) {
			if slices.ContainsFunc(n.Files, func(f node.File) bool { return f.Path == item }) {
				return true
			}
			if slices.ContainsFunc(n.Units, func(u node.Unit) bool {
				return u.Name == item || slices.ContainsFunc(u.DropIns, func(d node.DropIn) bool { return d.Path(u.Name) == item })
			}) {
				return true
			}
		}
		return false
	}
	for _, item := range items {
		if !has(item) {
			return exit.Usage("--show %s: no machine has a file or unit of that name; write a file's whole path, or a unit's name", item)
		}
	}
	return nil
}
