package compare

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/out"
	"hagen/out/review/delta"
	"hagen/out/review/plan"
	"hagen/out/tree"
)

// refuseDelta refuses sides and options that scripts cannot be made of, before anything
// is planned.
func refuseDelta(asked PlanOptions, after *planSide) error {
	switch {
	case asked.Delta == "":
		return nil
	case asked.Reimage:
		return exit.Usage("--delta and --reimage: leave one out: a machine that is re-imaged gets all by its document")
	case !asked.Undelivered && sameSides(asked.Sides):
		return exit.Usage("--delta: OLD and NEW are both %s, between which nothing changes: name as OLD what the machines were made from, a tree or its twins (those in git from before the last render)", asked.Sides[1])
	case !after.decided:
		return exit.Usage("--delta: %s is a cluster file, which has no certificates: name as NEW what machines are to get, a rendered directory, or . for what hagen render would write: %s",
			after.Name, clusterfile.Of(after.commandFile(asked.Place)).Command("plan", "--delta", asked.Delta, asked.Sides[0], Fresh))
	case len(after.trial) > 0:
		next := filepath.Join(trees.Next, after.cluster.Name)
		return exit.Usage("--delta: %s would be issued by the next hagen render, and do not exist yet. Let a render issue them that leaves the documents of the machines as they are, and plan again:\n      %s\n      %s",
			strings.Join(clusterpki.Folded(after.trial), ", "), asked.Command("render", "-o", next), asked.Command("plan", append(clusterpki.WithoutWords(asked.Without), "--delta", asked.Delta, asked.Sides[0], Fresh)...))
	}
	if places := delta.Redacted(after.Trees[0].Machines.Machines); len(places) > 0 {
		return exit.Usage("--delta: %s has no keys and certificates, but what may be shown of them (%s): name as NEW the rendered directory, or . for what hagen render would write", after.Name, places[0])
	}
	keep := []string{asked.File, asked.Dir()}
	for _, argument := range asked.Sides {
		if _, err := os.Stat(argument); err == nil && argument != Fresh {
			keep = append(keep, argument)
		}
	}
	if err := files.Preflight(asked.Delta, keep...); err != nil {
		return err
	}
	return trees.RefuseForDelta(asked.Delta)
}

// sameSides reports whether both sides are the same: of such a plan nobody learns what machines lack.
func sameSides(sides [2]string) bool {
	if sides[0] == sides[1] {
		return true
	}
	old, failed := os.Stat(sides[0])
	next, err := os.Stat(sides[1])
	return failed == nil && err == nil && sides[0] != Fresh && sides[1] != Fresh && os.SameFile(old, next)
}

// writeDelta writes the scripts of a plan; it reports whether there is something to
// deliver.
func writeDelta(ui *console.UI, asked PlanOptions, p plan.Plan, before, after *planSide, d decidedSides) (bool, error) {
	if !p.Complete {
		return false, exit.Usage("--delta: digests of files that machines fetch are not known yet: run %s, and plan again", clusterfile.Of(after.commandFile(asked.Place)).Command("lock"))
	}
	if p.CertificatesFirst {
		return false, exit.Usage("--delta: %s: %s", strings.Join(p.Cautions[0].Hosts, ", "), p.Cautions[0].Text)
	}
	if p.Same || len(p.Steps) == 0 {
		return false, noDelta(ui, asked, p.Cluster, d.after.Machines)
	}
	known := !asked.Undelivered && before.documents != "" && len(delta.Redacted(d.before.Machines)) == 0 || !asked.Undelivered && before.Name == Fresh && len(before.trial) == 0
	directory, err := workingDirectory(asked.Delta)
	if err != nil {
		return false, err
	}
	made, err := delta.Given{Plan: p, Before: d.before, After: d.after, Known: known, Directory: directory,
		Old: asked.Sides[0], New: asked.Sides[1], Fresh: asked.fresh(), Tree: after.isTree()}.Files()
	if err != nil {
		return false, exit.Failed("--delta: %w", err)
	}
	target, err := tree.Open(asked.Delta, ui.Waiting(asked.Delta))
	if err != nil {
		return false, exit.Failed("%w", err)
	}
	defer target.Close()
	former, err := recordIn(asked.Delta, target.Path(), p.Cluster)
	if err != nil {
		return false, err
	}
	if text := stillOut(asked.Delta, former, asked.Without); text != "" {
		ui.Warn(text)
	}
	if same := former != nil && former.ID == idOf(made); !same {
		if err := refuseBegun(asked.Delta, target.Path(), former); err != nil {
			return false, err
		}
	}
	var all []tree.File
	keys := false
	for _, f := range made {
		all = append(all, tree.File{Path: f.Path, Mode: 0o600, Data: f.Data})
		keys = keys || node.HoldsSecret(f.Data)
	}
	prepared, err := out.Prepare(target, all, nil)
	if err != nil {
		return false, exit.Failed("%w", err)
	}
	defer prepared.Discard()
	result, err := prepared.Commit()
	if err != nil {
		return false, exit.Failed("%w", err)
	}
	ui.WarnEach(target.Notes())
	ui.WarnEach(result.Notes)
	if asked.JSON {
		return true, nil
	}
	if result.Changed {
		ui.Say("wrote %s", asked.Delta)
	} else {
		ui.Say("nothing changed in %s", asked.Delta)
	}
	if keys {
		ui.Say("%s holds private keys: remove it when all is delivered", asked.Delta)
	}
	return true, nil
}

// noDelta says what an earlier delta is good for when there is nothing to deliver.
func noDelta(ui *console.UI, asked PlanOptions, cluster string, machines []node.Node) error {
	dir := asked.Delta
	record, err := recordIn(dir, dir, cluster)
	if err != nil {
		return err
	}
	if err := refuseBegun(dir, dir, record); err != nil {
		return err
	}
	if !asked.JSON {
		ui.Say("no machine gets anything: nothing was written to %s", dir)
	}
	switch {
	case record == nil:
	case delivered(dir, record).Done && len(record.Without) > 0:
		ui.Note(fmt.Sprintf("%s has been delivered; %s: remove it when that has a newer document", dir, leftOut(dir, record)))
	case delivered(dir, record).Done:
		ui.Note(fmt.Sprintf("%s has been delivered: remove it", dir))
	case record.Brings(machines):
		ui.Note(fmt.Sprintf("%s brings what NEW has: if it has not been delivered to all machines yet, go on with it (sh %s/deliver.sh), else remove it", dir, clusterfile.Word(dir)))
	default:
		ui.Warn(fmt.Sprintf("%s is of an earlier plan, and brings what NEW no longer has: do not deliver it, remove it", dir))
	}
	return nil
}

// recordIn reads the record of the delta in a directory, at its path; nil if there is none. It
// refuses that of another cluster.
func recordIn(name, at, cluster string) (*delta.Record, error) {
	record, err := recordAt(name, at)
	if err == nil && record != nil && record.Cluster != cluster {
		return nil, exit.Usage("%s: holds the scripts of a plan for the cluster %s: name another directory", name, record.Cluster)
	}
	return record, err
}

func recordAt(name, at string) (*delta.Record, error) {
	text, err := fs.ReadFile(tree.Files(at), document.DeltaPath)
	place := filepath.Join(name, document.DeltaPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, exit.Failed("%s: cannot be read: %w", place, exit.Reason(err))
	}
	record, err := delta.ReadRecord(text)
	if err != nil {
		return nil, exit.Failed("%s: %w: move its directory away", place, err)
	}
	return &record, nil
}

// workingDirectory is where the plan's commands run, relative to a directory in it, so that
// both may move.
func workingDirectory(dir string) (string, error) {
	here, err := tree.Resolve(".")
	if err != nil {
		return "", exit.Failed("%w", err)
	}
	from, err := tree.Resolve(dir)
	if err != nil {
		return "", exit.Failed("%w", err)
	}
	relative, err := filepath.Rel(from, here)
	if err == nil && strings.Trim(relative, "./") == "" {
		return filepath.ToSlash(relative), nil
	}
	return here, nil
}
