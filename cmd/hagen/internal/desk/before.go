package desk

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen"
	"hagen/gen/node"
	"hagen/out/diff"
	"hagen/out/rendered"
	"hagen/out/tree"
)

// warnRefused warns when the documents in a tree are of machines that could not
// become those of this render while they run, as hagen plan would say. It
// looks at one master, which has what is the same on all; at none if its
// document stays as it is. What cannot be read is no reason not to render.
func (w *work) warnRefused(ui *console.UI, dir string) {
	before, after, found := w.oneMaster(tree.Files(dir))
	if !found {
		return
	}
	var texts []string
	for _, r := range diff.Risks(before, after) {
		if r.Refused {
			texts = append(texts, r.Field+": "+r.Problem)
		}
	}
	if len(texts) > 0 {
		ui.Warn("hagen plan refuses this change for machines that run, and says what to do instead: " + strings.Join(texts, "; "))
	}
}

// oneMaster is one that this render makes, and what it or another master is by
// the tree; found is false if nothing tells, or if nothing has changed.
func (w *work) oneMaster(tree fs.FS) (before, after node.Node, found bool) {
	var masters []gen.Machine
	for _, m := range w.machines {
		if isMaster(m.Node) {
			masters = append(masters, m)
		}
	}
	for _, m := range masters {
		given, err := rendered.Given(tree, m.Host.Name)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(m.Documents, func(d gen.Document) bool { return d.Format == given.Format && bytes.Equal(d.Text, given.Text) }) {
			return before, after, false
		}
		if before, err = rendered.Machine(given); err == nil {
			return before, m.Node, true
		}
	}
	if len(masters) == 0 {
		return before, after, false
	}
	// All masters are others: their documents stand in other folders.
	for _, host := range trees.Hosts(tree, ".") {
		given, err := rendered.Given(tree, host)
		if err != nil {
			continue
		}
		if before, err = rendered.Machine(given); err == nil && isMaster(before) {
			return before, masters[0].Node, true
		}
	}
	return before, after, false
}

func isMaster(n node.Node) bool {
	return slices.ContainsFunc(n.Units, func(u node.Unit) bool { return u.Name == "etcd.service" })
}
