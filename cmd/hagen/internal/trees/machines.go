package trees

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/document"
	"hagen/out"
	"hagen/out/review/diff"
	"hagen/out/review/rendered"
	"hagen/out/tree"
)

// Side is one side of a diff: one cluster, or a directory of several.
type Side struct {
	Name    string // as the user wrote it
	Several bool
	Trees   []Tree
}

// Names returns the names of the clusters.
func (s Side) Names() []string {
	var names []string
	for _, c := range s.Trees {
		names = append(names, c.Cluster)
	}
	return names
}

// Tree holds a cluster's machines.
type Tree struct {
	Cluster  string
	Machines diff.Side
	Texts    map[string]Texts // by host
}

// Texts are a host's documents: the one that was read, and the Butane document
// beside it.
type Texts struct{ Read, Other string }

// Read reads the tree that an argument names. A path on disk takes precedence
// over a revision with the same spelling.
func Read(argument string) (Side, error) {
	info, err := os.Stat(argument)
	switch revision, path, isRevision := Revision(argument); {
	case err == nil && info.IsDir():
		return readTrees(argument, tree.Files(argument))
	case err == nil:
		return Side{}, exit.Usage("%s: is a file; name the rendered directory it is in", argument)
	case isRevision:
		tree, err := revisionTree(revision, path)
		if err != nil {
			return Side{}, err
		}
		return readTrees(argument, tree)
	case !errors.Is(err, fs.ErrNotExist):
		return Side{}, exit.Failed("%s: cannot be opened: %w", argument, exit.Reason(err))
	}
	return Side{}, exit.Usage("%s: there is no such directory; name one, a directory of a revision as REV:PATH, or . for a fresh render", argument)
}

// HoldsDocuments reports whether a directory on disk holds the documents of one cluster,
// not twins.
func HoldsDocuments(dir string) bool {
	documents, _ := out.Holds(tree.Files(dir))
	return documents
}

// readTrees reads the tree of one cluster, or of each cluster below it.
func readTrees(name string, tree fs.FS) (Side, error) {
	s := Side{Name: name}
	below := Clusters(tree)
	if len(Hosts(tree, ".")) > 0 || len(below) == 0 {
		one, err := ReadTree(name, tree)
		s.Trees = []Tree{one}
		return s, err
	}
	s.Several = true
	var faults []error
	for _, cluster := range below {
		sub, err := fs.Sub(tree, cluster)
		if err != nil {
			return s, exit.Failed("%s: %w", name, err)
		}
		one, err := ReadTree(name+"/"+cluster, sub)
		one.Cluster = cluster
		s.Trees, faults = append(s.Trees, one), append(faults, err)
	}
	return s, errors.Join(faults...)
}

// ReadTree reads the tree of one cluster.
func ReadTree(name string, tree fs.FS) (Tree, error) {
	read, err := rendered.ReadMachines(tree)
	if err != nil {
		return Tree{}, exit.Failed("%s", FaultsIn(name, err))
	}
	t := Tree{Cluster: read.Cluster, Texts: map[string]Texts{}}
	t.Machines.Systems = map[string]diff.System{}
	for _, h := range read.Hosts {
		t.Machines.Machines = append(t.Machines.Machines, h.Node)
		t.Machines.Systems[h.Node.Name] = diff.System{Name: h.Said, Family: h.Family()}
		text := Texts{Read: string(h.Documents[0].Text)}
		if len(h.Documents) > 1 {
			text.Other = string(h.Documents[1].Text)
		}
		t.Texts[h.Node.Name] = text
	}
	for _, f := range read.Others {
		switch f.Path {
		case document.AdminPath:
			t.Machines.Kubeconfig = f.Text
		case document.RightsPath:
			t.Machines.Rights = f.Text
		}
	}
	return t, nil
}

// FaultsIn formats the faults of a tree, each on its own line with the whole
// path.
func FaultsIn(dir string, err error) string {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var texts []string
		for _, one := range several.Unwrap() {
			texts = append(texts, FaultsIn(dir, one))
		}
		return strings.Join(texts, "\n")
	}
	if fault, ok := errors.AsType[rendered.Fault](err); ok {
		return filepath.Join(dir, filepath.FromSlash(fault.Path)) + ": " + fault.Problem
	}
	return dir + ": " + err.Error()
}
