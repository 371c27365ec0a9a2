package clusterpki

import (
	"path/filepath"
	"slices"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/trees"
)

// TreesOf returns the trees of a cluster that its machines may have been made from: beside its
// cluster file, and where a render without -o writes.
func TreesOf(at clusterfile.Place, cluster string) (found []string) {
	if cluster == "" {
		return nil
	}
	for _, dir := range []string{filepath.Join(filepath.Dir(at.File), trees.Dir, cluster), filepath.Join(trees.Dir, cluster)} {
		same := func(other string) bool { return sameDir(dir, other) }
		if trees.HoldsDocuments(dir) && !slices.ContainsFunc(found, same) {
			found = append(found, dir)
		}
	}
	return found
}

func sameDir(one, other string) bool {
	a, failed := filepath.Abs(one)
	b, err := filepath.Abs(other)
	return failed == nil && err == nil && a == b
}

// TreeOf returns the first of these trees; where a render writes, if there is none.
func TreeOf(at clusterfile.Place, cluster string) string {
	if found := TreesOf(at, cluster); len(found) > 0 {
		return found[0]
	}
	return filepath.Join(trees.Dir, cluster)
}

// Delivery returns what to type so that machines get what was renewed. Their present files are known
// only from the tree that they were made from, which a render replaces: so that comes first only if
// there is none. Hosts that are off get nothing.
func Delivery(at clusterfile.Place, tree string, off ...string) string {
	if !trees.HoldsDocuments(tree) {
		return at.Command("render")
	}
	return DeliveryFrom(at, tree, off...)
}

// DeliveryFrom is Delivery from what a machine was made from: a tree, or its twins.
func DeliveryFrom(at clusterfile.Place, tree string, off ...string) string {
	return at.Command("plan", planWords(tree, off)...) + script
}

// Again returns what to type if a tree has what was renewed, but the machines may not have it.
func Again(at clusterfile.Place, tree string, off ...string) string {
	return at.Command("plan", planWords(tree, off, "--undelivered")...) + script
}

// old stands in commands for a tree that hagen does not know: what machines were made from.
const old = "OLD"

// planWords are the words of the plan of a delivery.
func planWords(tree string, off []string, flags ...string) []string {
	return slices.Concat([]string{"--delta", "delta"}, flags, WithoutWords(off), []string{tree, "."})
}

// script is the script that such a plan writes.
const script = " && sh delta/deliver.sh"
