package compare

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/document"
	"hagen/out/review/delta"
	"hagen/out/tree"
)

// fresh is the command with which deliver.sh finds out whether NEW has changed; $here is the
// delta.
func (o PlanOptions) fresh() string {
	words := []string{"plan", "--verify"}
	if o.Sides[1] != Fresh {
		return "hagen " + strings.Join(words, " ") + ` --delta "$here"`
	}
	return o.Command(words[0], words[1:]...) + ` --delta "$here"`
}

// Verify finds out whether what a delta brings is what NEW has now.
func Verify(ui *console.UI, asked PlanOptions) error {
	record, err := recordAt(asked.Delta, asked.Delta)
	if err != nil {
		return err
	}
	if record == nil {
		return exit.Usage("%s: holds no scripts of a plan", asked.Delta)
	}
	asked.Sides = [2]string{record.Old, record.New}
	side, err := readPlanSide(ui.Silent(), asked, record.New)
	if err != nil {
		return err
	}
	for _, t := range side.Trees {
		if t.Cluster != record.Cluster {
			continue
		}
		if len(record.Without) > 0 {
			ui.Note(leftOut(asked.Delta, record))
		}
		if hosts := record.Stale(t.Machines.Machines); len(hosts) > 0 {
			return exit.No("%s is of an earlier plan: since then, what %s has for %s has changed. Plan again: %s",
				asked.Delta, record.New, strings.Join(hosts, ", "), asked.Command("plan", append(clusterpki.WithoutWords(record.Without), "--delta", asked.Delta, record.Old, record.New)...))
		}
		return nil
	}
	return exit.No("%s is of an earlier plan: %s no longer has the cluster %s", asked.Delta, record.New, record.Cluster)
}

// leftOut says which machines lack what a delta brings.
func leftOut(dir string, r *delta.Record) string {
	return fmt.Sprintf("%s left %s out, which was off: it lacks what that brings, unless it has booted with a newer document since", dir, strings.Join(r.Without, ", "))
}

// stillOut names the machines that a former delta in a directory left out, and this plan does not.
func stillOut(dir string, r *delta.Record, without []string) string {
	if r == nil {
		return ""
	}
	left := *r
	left.Without = slices.DeleteFunc(slices.Clone(r.Without), func(host string) bool { return slices.Contains(without, host) })
	if len(left.Without) == 0 {
		return ""
	}
	return leftOut(dir, &left) + ": then leave it out of this plan, too (--without), or boot it with its new document first"
}

// refuseBegun refuses to plan beside a delta that some machines have, and others do not:
// what the machines have is on neither side.
func refuseBegun(dir, at string, r *delta.Record) error {
	if r == nil {
		return nil
	}
	p := delivered(at, r)
	if !p.Begun || p.Done {
		return nil
	}
	return exit.Usage("--delta: the delivery of %[1]s has begun, and is not done: some machines have what it brings, and others do not. Finish it, and plan then:\n      sh %[2]s/deliver.sh --from %[3]d\nTo give it up, move %[1]s away, and name as OLD what the machines have: it is not %[4]s, if a render has replaced that",
		dir, clusterfile.Word(dir), p.Next, r.Old)
}

// delivered is how far a delta at a path has been delivered. A file that cannot be read is as
// one that says nothing finished.
func delivered(at string, r *delta.Record) delta.Progress {
	text, err := fs.ReadFile(tree.Files(at), delta.ProgressPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return delta.Progress{Begun: true, Next: 1}
	}
	return r.Progress(text)
}

// idOf is the ID of a delta that is to be written.
func idOf(made []delta.File) string {
	for _, f := range made {
		if f.Path == document.DeltaPath {
			if r, err := delta.ReadRecord(f.Data); err == nil {
				return r.ID
			}
		}
	}
	return ""
}
