package trees

import (
	"io/fs"
	"path/filepath"
	"strings"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/document"
	"hagen/out"
	"hagen/out/tree"
)

// RefuseNested refuses a directory for one cluster's documents if it holds boot media,
// directories of clusters, or is inside one: the hosts of several clusters would be
// mixed for good. twins says which kind the files are; package out refuses to mix the
// kinds.
func RefuseNested(dir string, twins bool) error {
	switch {
	case holdsList(dir, document.MediaPath):
		return exit.Usage("%s: holds boot media, which would be removed: name another directory", dir)
	case holdsList(dir, document.DeltaPath):
		return exit.Usage("%s: holds the scripts of a plan, which would be removed: name another directory", dir)
	}
	return refuseNested(dir, twins)
}

// RefuseDocuments is RefuseNested for a directory for boot media: it refuses one that
// holds documents.
func RefuseDocuments(dir string, twins bool) error {
	return refuseOthers(dir, document.MediaPath, twins)
}

// RefuseForDelta is RefuseNested for a directory for the scripts of a plan.
func RefuseForDelta(dir string) error { return refuseOthers(dir, document.DeltaPath, false) }

// refuseOthers refuses a directory that hagen wrote for something else than what has a list
// of that name.
func refuseOthers(dir, list string, twins bool) error {
	if documents, shown := out.Holds(tree.Files(dir)); (documents || shown) && !holdsList(dir, list) {
		return exit.Usage("%s: holds rendered documents, which would be removed: name another directory", dir)
	}
	return refuseNested(dir, twins)
}

// holdsList reports whether a directory has the list of what else than documents is in it:
// boot media, or the scripts of a plan.
func holdsList(dir, list string) bool {
	info, err := fs.Stat(tree.Files(dir), list)
	return err == nil && info.Mode().IsRegular()
}

func refuseNested(dir string, twins bool) error {
	kind := "documents"
	if twins {
		kind = "twins"
	}
	holds := func(dir string) bool {
		documents, shown := out.Holds(tree.Files(dir))
		return documents && !twins || shown && twins
	}
	full, err := filepath.Abs(dir)
	if err != nil {
		return exit.Failed("%s: %w", dir, err)
	}
	for parent := filepath.Join(dir, ".."); full != filepath.Dir(full); parent, full = filepath.Join(parent, ".."), filepath.Dir(full) {
		if !holds(parent) {
			continue
		}
		return exit.Usage("%s: is among the %s of one cluster, which %s holds: name a directory beside that", dir, kind, filepath.Clean(parent))
	}
	if holds(dir) {
		return nil
	}
	var below []string
	for _, name := range folders(tree.Files(dir), func(name string) bool { return holds(filepath.Join(dir, name)) }) {
		below = append(below, filepath.Join(dir, name))
	}
	if len(below) == 0 {
		return nil
	}
	return exit.Usage("%s: its directories each hold the %s of a cluster (%s): name one of them, or a new one beside them", dir, kind, strings.Join(below, ", "))
}
