package render

import (
	"fmt"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/out"
	"hagen/out/tree"
)

// write writes the PKI, then a tree.
func (w *work) write(ui *console.UI, dir string, files []tree.File, prepare preparation, part out.Scope) error {
	target, err := tree.Open(dir, ui.Waiting(dir))
	if err != nil {
		return exit.Failed("%w", err)
	}
	defer target.Close()
	// The tree is staged first: if that fails, no certificate is issued that no
	// document holds.
	prepared, err := prepare(target, files, part)
	if err != nil {
		return exit.Failed("%w", err)
	}
	defer prepared.Discard()
	var renewed []string
	off := clusterpki.Off(w.cluster, w.issued.Set)
	if !w.asked.Redact && len(w.options.Joining) == 0 {
		renewed = slices.DeleteFunc(w.renewedOn(tree.Files(dir)), func(host string) bool { return slices.Contains(off, host) })
	}
	// The tree comes last: see Save for why a killed run can go on.
	if err := w.save(ui); err != nil {
		return err
	}
	result, err := prepared.Commit()
	if err != nil {
		w.reportPKI(ui)
		return exit.Failed("%w", err)
	}
	ui.WarnEach(target.Notes())
	if len(w.options.Joining) == 0 {
		w.membership(ui, result.Removed)
	}
	if len(renewed) > 0 {
		ui.Note(fmt.Sprintf("%s has renewed certificates of %s now: where they were not delivered yet, %s delivers them", dir, strings.Join(renewed, ", "), clusterpki.Again(w.asked.Place, dir, off...)))
	}
	w.noteRights(ui, dir, result)
	first := w.firstRights(dir, result)
	if first != "" && w.asked.JSON {
		ui.Note(first)
	}
	w.report(ui, dir, result)
	w.restoreSteps(ui, dir)
	if first != "" && !w.asked.JSON { // last, where it is read
		ui.Line("First,", " "+first)
	}
	return nil
}

// preparation stages a tree: of documents, or of twins.
type preparation func(*tree.Dir, []tree.File, out.Scope) (*out.Prepared, error)

// scope returns the part of the tree that a run writes: all of it, or the files
// of the requested hosts and of no host.
func scope(hosts []string) out.Scope {
	return func(path string) bool {
		host, _, below := strings.Cut(path, "/")
		return len(hosts) == 0 || !below || slices.Contains(hosts, host)
	}
}
