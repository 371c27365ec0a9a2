// Package trees recognises and reads rendered trees, on disk and in git
// revisions.
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

// Dir is where render writes clusters by default.
const Dir = "rendered"

// Where render writes, by default, the documents of machines that join others.
const (
	ReplaceDir = "replace"
	JoinDir    = "join"
)

// Next is where a plan has a render write that only issues certificates: what machines have stays where it is, and
// nobody delivers documents from there.
const Next = "next"

// Only returns the one tree in Dir, for a command without an argument.
func Only() (string, error) {
	usual := tree.Files(Dir)
	if _, err := fs.ReadDir(usual, "."); err != nil {
		return "", exit.Usage("there is no directory %s here; name the tree to check: hagen check DIR", Dir)
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

// Clusters lists the directories that hold a tree.
func Clusters(dir fs.FS) []string {
	return folders(dir, func(name string) bool { return !strings.HasPrefix(name, ".") && len(Hosts(dir, name)) > 0 })
}

// Hosts lists the directories that hold documents.
func Hosts(tree fs.FS, dir string) []string {
	var hosts []string
	entries, _ := fs.ReadDir(tree, dir) // package rendered reports errors
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

// folders lists the directories for which is returns true.
func folders(dir fs.FS, is func(name string) bool) []string {
	var folders []string
	entries, _ := fs.ReadDir(dir, ".") // reading or writing there reports errors
	for _, e := range entries {
		if e.IsDir() && is(e.Name()) {
			folders = append(folders, e.Name())
		}
	}
	return folders
}
