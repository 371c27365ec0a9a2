// Package trees recognises and reads rendered trees, on disk and of a revision.
package trees

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/document"
	"hagen/out/tree"
	"hagen/profiles"
)

// Dir is where render puts clusters unless it is told otherwise.
const Dir = "rendered"

// Only is the tree that is meant when none is named.
func Only() (string, error) {
	usual := tree.Files(Dir)
	if _, err := fs.ReadDir(usual, "."); err != nil {
		return "", exit.Usage("there is no directory %s here; name the tree that is to be checked: hagen check DIR", Dir)
	}
	var clusters []string
	for _, name := range Clusters(usual) {
		clusters = append(clusters, filepath.Join(Dir, name))
	}
	switch len(clusters) {
	case 0:
		return "", exit.Usage("%s holds no cluster; hagen render makes one, or name a tree: hagen check DIR", Dir)
	case 1:
		return clusters[0], nil
	}
	return "", exit.Usage("%s holds several clusters; name one: hagen check %s", Dir, strings.Join(clusters, ", "))
}

// Clusters lists the folders with trees.
func Clusters(dir fs.FS) []string {
	return folders(dir, func(name string) bool { return !strings.HasPrefix(name, ".") && len(Hosts(dir, name)) > 0 })
}

// Hosts lists the folders in which documents stand.
func Hosts(tree fs.FS, dir string) []string {
	var hosts []string
	entries, _ := fs.ReadDir(tree, dir) // rendered tells what is wrong
	for _, e := range entries {
		if slices.ContainsFunc(profiles.Formats(), func(format string) bool {
			_, err := fs.Stat(tree, path.Join(dir, document.Path(e.Name(), format)))
			return err == nil
		}) {
			hosts = append(hosts, e.Name())
		}
	}
	return hosts
}

// folders lists the folders of which is says yes.
func folders(dir fs.FS, is func(name string) bool) []string {
	var folders []string
	entries, _ := fs.ReadDir(dir, ".") // whoever reads or writes there tells what is wrong
	for _, e := range entries {
		if e.IsDir() && is(e.Name()) {
			folders = append(folders, e.Name())
		}
	}
	return folders
}
