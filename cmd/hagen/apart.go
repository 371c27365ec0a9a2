package main

import (
	"os"
	"path/filepath"
	"strings"

	"hagen/cmd/hagen/internal/exit"
	"hagen/out"
	"hagen/out/tree"
)

// apart refuses a directory for one cluster's files that holds directories of
// clusters, or that lies in one of a cluster: the hosts of one would stand
// among the others, and nobody could tell them apart again. twins says of which
// kind the files are; out refuses to mix those with documents.
func apart(dir string, twins bool) error {
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
		return exit.Usage("%s: lies among the %s of one cluster, which %s holds: name a directory beside that", dir, kind, filepath.Clean(parent))
	}
	if holds(dir) {
		return nil
	}
	below := clustersIn(dir, holds)
	if len(below) == 0 {
		return nil
	}
	return exit.Usage("%s: its directories hold the %s of a cluster each (%s): name one of them, or a new one beside them", dir, kind, strings.Join(below, ", "))
}

// clustersIn lists the directories in a directory of which holds says yes.
func clustersIn(dir string, holds func(dir string) bool) []string {
	entries, _ := os.ReadDir(dir) // whoever writes there tells what is wrong
	var below []string
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); e.IsDir() && holds(path) {
			below = append(below, path)
		}
	}
	return below
}
