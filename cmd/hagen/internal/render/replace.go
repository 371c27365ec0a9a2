package render

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out"
	"hagen/out/review/diff"
	"hagen/out/review/order"
	"hagen/out/review/replace"
	"hagen/out/tree"
	"hagen/profiles"
)

// renderReplacement writes the document with which a replacement of a lost
// master joins the others, and the runbook, to a separate directory: the tree
// of all machines stays as it is, and shows what they have now.
func renderReplacement(ui *console.UI, asked Options, c *cluster.Cluster) error {
	dir, rendered, before, err := separateDir(ui, asked, c, trees.ReplaceDir)
	if err != nil {
		return err
	}
	plan, err := replace.Of(c, asked.Replace, before)
	if err != nil {
		return exit.Usage("--replace %s: %w", asked.Replace, err)
	}
	keys, err := clusterpki.OpenToRender(ui, asked.Place, c, clusterpki.Trees{Always: []string{rendered, dir}})
	if err != nil {
		return err
	}
	w, err := issue(ui, asked, keys, control.Options{Joining: control.Joining{plan.Host.Name: ""}}, []string{plan.Host.Name})
	if err != nil {
		return err
	}
	defer w.close()
	if err := keys.RefuseMarked(w.issued.Set, asked.Place, []string{plan.Host.Name}); err != nil {
		return err
	}
	if err := w.refuseForRunning(ui, before, rendered); err != nil {
		return err
	}
	if err := w.writeSeparate(ui, dir, w.runbook(plan, before, rendered, dir)); err != nil {
		return err
	}
	return keys.Replaced(ui, plan.Host.Name)
}

// renderJoining writes the documents with which new masters join the others, in
// the order of a plan: each expects the members that are there by then.
func renderJoining(ui *console.UI, asked Options, c *cluster.Cluster) error {
	dir, rendered, before, err := separateDir(ui, asked, c, trees.JoinDir)
	if err != nil {
		return err
	}
	keys, err := clusterpki.OpenToRender(ui, asked.Place, c, clusterpki.Trees{Always: []string{rendered, dir}})
	if err != nil {
		return err
	}
	var hosts []string
	w, err := issueFor(ui, asked, keys, control.Options{}, func(w *work) ([]string, error) {
		hosts, w.options.Joining = order.Joining(order.Of(diff.Side{Machines: before}, diff.Side{Machines: w.decided.Nodes}).Steps)
		if len(hosts) == 0 {
			return nil, exit.Usage("--join: no master is new: the cluster file has the masters of %s; leave --join out, or name the tree that machines have now with --from", rendered)
		}
		return hosts, nil
	})
	if err != nil {
		return err
	}
	defer w.close()
	if err := keys.RefuseMarked(w.issued.Set, asked.Place, hosts); err != nil {
		return err
	}
	if err := w.refuseForRunning(ui, before, rendered); err != nil {
		return err
	}
	if err := w.writeSeparate(ui, dir, replace.Joining(c.Name, dir, hosts)); err != nil {
		return err
	}
	return keys.Replaced(ui, hosts...) // one may have the name of a machine that is gone
}

// separateDir returns the separate directory for the documents, and the tree with
// the present machines.
func separateDir(ui *console.UI, asked Options, c *cluster.Cluster, kind string) (dir, rendered string, before []node.Node, err error) {
	dir, rendered = asked.Output, asked.From
	if rendered == "" {
		rendered = filepath.Join(trees.Dir, c.Name)
	}
	if dir == "" {
		dir = filepath.Join(kind, c.Name)
	}
	if err := files.Preflight(dir, asked.File, asked.Dir(), rendered); err != nil {
		return "", "", nil, err
	}
	if err := trees.RefuseNested(dir, false); err != nil {
		return "", "", nil, err
	}
	_, missing := os.Stat(filepath.Join(dir, runbookPath))
	if documents, _ := out.Holds(tree.Files(dir)); documents && missing != nil {
		return "", "", nil, exit.Usage("%s: holds the documents of all machines: name another directory with -o", dir)
	}
	before, err = machinesIn(ui, rendered)
	return dir, rendered, before, err
}

// writeSeparate writes documents that no normal render makes, and a runbook for
// them.
func (w *work) writeSeparate(ui *console.UI, dir, runbook string) error {
	w.others = nil
	files := append(w.files(), tree.File{Path: runbookPath, Mode: 0o600, Data: []byte(runbook)})
	if err := w.write(ui, dir, files, out.Prepare, nil); err != nil {
		return err
	}
	if !w.asked.JSON {
		ui.Say("\n%s", runbook)
	}
	return nil
}

// machinesIn reads the machines of a tree, if there is one.
func machinesIn(ui *console.UI, dir string) ([]node.Node, error) {
	// A tree with only kubeconfigs says nothing about machines either.
	_, err := os.Stat(dir)
	if documents, _ := out.Holds(tree.Files(dir)); errors.Is(err, fs.ErrNotExist) || documents && len(trees.Hosts(tree.Files(dir), ".")) == 0 {
		ui.Warn(dir + ": there is no such tree: hagen assumes that machines are as the cluster file says; name the tree that they have now with --from")
		return nil, nil
	}
	read, err := trees.ReadTree(dir, tree.Files(dir))
	return read.Machines.Machines, err
}

// runbook returns the runbook, with the names of this run.
func (w *work) runbook(plan replace.Plan, before []node.Node, rendered, dir string) string {
	etcd := w.issued.Set[control.EtcdAccess(w.cluster, w.cluster.Members()[0]).Authority]
	workstation := replace.Workstation{PKI: w.asked.Dir(), Bundle: len(etcd.Trusted()) > 1, Rendered: rendered, Dir: dir, Render: w.asked.Command("render"), Diff: w.asked.Command("diff", rendered, ".")}
	for _, d := range w.machines[0].Documents {
		if d.Format == profiles.Butane {
			continue // for people
		}
		workstation.Documents = append(workstation.Documents, filepath.Join(dir, filepath.FromSlash(d.Path)))
	}
	if w.asked.From != "" {
		workstation.Render += " -o " + replace.Word(rendered)
	}
	return plan.Runbook(w.cluster, workstation, plan.Others(before, w.decided.Nodes))
}
