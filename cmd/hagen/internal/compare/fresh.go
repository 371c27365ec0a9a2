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
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/plan"
	"hagen/pki"
)

// Fresh is the argument that stands for what hagen render would write.
const Fresh = "."

// fresh renders the cluster in memory. Certificates that a render would issue
// are issued for the comparison and discarded.
func fresh(ui *console.UI, asked DiffOptions) (trees.Tree, error) {
	c, err := clusterfile.ReadLocked(ui, asked.File)
	if err != nil {
		return trees.Tree{}, err
	}
	dir := asked.Dir()
	var compared clusterpki.Trees
	for _, tree := range asked.Sides {
		if tree != Fresh {
			compared.WithoutLock = append(compared.WithoutLock, tree, filepath.Join(tree, c.Name))
		}
	}
	if err := clusterpki.RefuseMissing(asked.Place, c, compared); err != nil {
		return trees.Tree{}, err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return trees.Tree{}, exit.Failed("%s: there is no PKI yet, and hagen diff makes none: run hagen render", dir)
	}
	keys, err := clusterpki.Open(ui, asked.Place, c, compared)
	if err != nil {
		return trees.Tree{}, err
	}
	defer keys.Close()
	c = keys.Cluster
	have := keys.Store.Set()
	for _, r := range control.Requests(c) {
		if _, there := have[r.Name]; !there && r.Kind != pki.Leaf {
			return trees.Tree{}, exit.Failed("%s: holds no %s, and hagen diff makes none: run hagen render", dir, r.Name)
		}
	}
	issued, machines, err := decide.Render(c, have, keys.Now)
	clusterpki.Warn(ui, issued.Warnings)
	if err != nil {
		return trees.Tree{}, err
	}
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
	t := trees.Tree{Cluster: c.Name, Machines: diff.Side{Kubeconfig: decide.Kubeconfig(c, issued.Set), Systems: plan.Systems(c)}}
	for _, m := range machines {
		t.Machines.Machines = append(t.Machines.Machines, m.Node)
	}
	// Sorted like a tree read from disk.
	slices.SortFunc(t.Machines.Machines, func(a, b node.Node) int { return strings.Compare(a.Name, b.Name) })
	return t, nil
}
