package compare

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/decide"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/plan"
	"hagen/pki"
)

// Fresh is the argument that stands for what hagen render would write.
const Fresh = "."

// rendered is what hagen render would write.
type rendered struct {
	trees.Tree
	cluster *cluster.Cluster
	unknown string   // which digests its lock file does not have yet
	trial   []string // certificates that a render would issue
}

// fresh renders the cluster in memory, for a comparison with trees. Certificates that a
// render would issue are issued for the comparison and discarded.
func fresh(ui *console.UI, at clusterfile.Place, with ...string) (r rendered, err error) {
	c, _, unknown, err := clusterfile.ReadKnown(ui, at.File)
	if err != nil {
		return r, err
	}
	dir := at.Dir()
	var compared clusterpki.Trees
	for _, tree := range with {
		if tree != Fresh {
			compared.WithoutLock = append(compared.WithoutLock, tree, filepath.Join(tree, c.Name))
		}
	}
	if err := clusterpki.RefuseMissing(at, c, compared); err != nil {
		return r, err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return r, exit.Failed("%s: there is no PKI yet, and a comparison makes none: run %s", dir, at.Command("render"))
	}
	keys, err := clusterpki.Open(ui, at, c, compared)
	if err != nil {
		return r, err
	}
	defer keys.Close()
	c = keys.Cluster
	have := keys.Store.Set()
	for _, r := range control.Requests(c) {
		if _, there := have[r.Name]; !there && r.Kind != pki.Leaf {
			return rendered{}, exit.Failed("%s: holds no %s, and a comparison makes none: run %s", dir, r.Name, at.Command("render"))
		}
	}
	issued, machines, err := decide.Render(c, have, keys.Now)
	clusterpki.Warn(ui, at, clusterpki.TreeOf(at, c.Name), clusterpki.Off(c, have), issued.Warnings)
	if err != nil {
		return r, clusterpki.Unsigned(at, err)
	}
	ui.WarnEach(keys.Compromised(issued.Set, at))
	var trial []string
	for _, change := range issued.Changes {
		if change.Action != pki.Kept {
			trial = append(trial, change.Name)
		}
	}
	if len(trial) > 0 {
		slices.Sort(trial)
		ui.Warn(strings.Join(clusterpki.Folded(trial), ", ") + ": the next hagen render issues new ones; this comparison uses trial ones, with other keys and times")
	}
	r = rendered{cluster: c, unknown: unknown, trial: trial}
	r.Tree = trees.Tree{Cluster: c.Name, Machines: diff.Side{Kubeconfig: decide.Kubeconfig(c, issued.Set), Rights: control.Rights(c), Systems: plan.Systems(c)}}
	for _, m := range machines {
		r.Machines.Machines = append(r.Machines.Machines, m.Node)
	}
	// Sorted like a tree read from disk.
	slices.SortFunc(r.Machines.Machines, func(a, b node.Node) int { return strings.Compare(a.Name, b.Name) })
	return r, nil
}
