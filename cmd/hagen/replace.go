package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out"
	"hagen/out/replace"
	"hagen/out/tree"
	"hagen/profiles"
)

// runbookPath is where the runbook of a replacement stands in its directory.
const runbookPath = "runbook.md"

// renderReplacement makes the document with which a lost master joins the
// others, and the runbook, in a directory of their own: the tree of all machines
// stays as it is, and says what they have now.
func renderReplacement(ui *ui, ctx *cli.Context, c *cluster.Cluster) error {
	rendered := ctx.String("from")
	if rendered == "" {
		rendered = filepath.Join("rendered", c.Name)
	}
	dir := ctx.String("output")
	if dir == "" {
		dir = filepath.Join("replace", c.Name)
	}
	if err := preflight(dir, ctx.String("file"), pkiDir(ctx), rendered); err != nil {
		return err
	}
	if err := apart(dir, false); err != nil {
		return err
	}
	_, err := os.Stat(filepath.Join(dir, runbookPath))
	if documents, _ := out.Holds(os.DirFS(dir)); documents && err != nil {
		return usage("%s: holds the documents of all machines: name a directory of its own for a replacement", dir)
	}
	before, err := machinesIn(ui, rendered)
	if err != nil {
		return err
	}
	plan, err := replace.Of(c, ctx.String("replace"), before)
	if err != nil {
		return usage("--replace %s: %w", ctx.String("replace"), err)
	}
	c.Joining = plan.Host.Name
	w, err := issue(ui, ctx, c, []string{c.Joining})
	if err != nil {
		return err
	}
	defer w.close()
	runbook, err := w.runbook(ctx, plan, before, rendered, dir)
	if err != nil {
		return err
	}
	w.admin = nil // is no machine's
	files := append(w.files(), tree.File{Path: runbookPath, Mode: 0o600, Data: []byte(runbook)})
	if err := w.write(ui, ctx, dir, files, out.Prepare, nil); err != nil {
		return err
	}
	if !ctx.Bool("json") {
		ui.say("\n%s", runbook)
	}
	return nil
}

// machinesIn reads what was rendered before, if anything was.
func machinesIn(ui *ui, dir string) ([]node.Node, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		ui.warn(dir + ": there is no such tree: machines are taken to be as the cluster file says; name the tree that they have with --from")
		return nil, nil
	}
	tree, err := readTree(dir, os.DirFS(dir))
	return tree.machines.Machines, err
}

// runbook writes what to do, with the names of this run.
func (w *work) runbook(ctx *cli.Context, plan replace.Plan, before []node.Node, rendered, dir string) (string, error) {
	normal := *w.cluster
	normal.Joining = ""
	after, err := control.Nodes(&normal, w.issued.Set)
	if err != nil {
		return "", failed("%w\nThis is a fault of hagen, not of your file; nothing was written.", err)
	}
	desk := replace.Desk{PKI: pkiDir(ctx), Rendered: rendered, Dir: dir, Render: "hagen render", Diff: "hagen diff"}
	for _, d := range w.machines[0].Documents {
		if d.Format == profiles.Butane {
			continue // for people
		}
		desk.Documents = append(desk.Documents, filepath.Join(dir, filepath.FromSlash(d.Path)))
	}
	desk.Diff += " " + replace.Word(rendered) + " ."
	for _, flag := range []string{"file", "pki"} {
		if ctx.IsSet(flag) {
			desk.Render += " --" + flag + " " + replace.Word(ctx.String(flag))
			desk.Diff += " --" + flag + " " + replace.Word(ctx.String(flag))
		}
	}
	if ctx.IsSet("from") {
		desk.Render += " -o " + replace.Word(rendered)
	}
	return plan.Runbook(w.cluster, desk, plan.Others(before, after)), nil
}

// replaceAlone refuses flags that say something else than --replace does.
func replaceAlone(ctx *cli.Context) error {
	if ctx.String("replace") == "" {
		if ctx.String("from") != "" {
			return usage("--from names the tree that machines had before --replace: leave it out, or name the lost master with --replace")
		}
		return nil
	}
	switch {
	case len(ctx.StringSlice("host")) > 0:
		return usage("--replace names its host itself: leave --host out")
	case ctx.Bool("redact"):
		return usage("--replace writes a document for a machine, with its keys: leave --redact out")
	case ctx.String("output") == pipe:
		return usage("--replace writes a document and a runbook: name a directory with -o, or leave it out for replace/<cluster>")
	}
	return nil
}
