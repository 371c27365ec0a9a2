package main

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/diff"
	"hagen/out/plan"
	"hagen/out/rendered"
	"hagen/out/tree"
	"hagen/pki"
	"hagen/profiles"
)

// side is one of the two that a diff compares: one cluster, or a directory of
// several.
type side struct {
	name     string // as the user wrote it
	several  bool
	clusters []clusterTree
}

func (s side) names() []string {
	var names []string
	for _, c := range s.clusters {
		names = append(names, c.cluster)
	}
	return names
}

// clusterTree is a cluster's machines.
type clusterTree struct {
	cluster  string
	machines diff.Side
	texts    map[string]texts // by host
}

// texts are a host's documents: the one that was read, and Butane's beside it.
type texts struct{ read, other string }

// freshRender is the argument that stands for what hagen render would make.
const freshRender = "."

// readSide reads what an argument names. A path on disk goes before a
// revision of the same spelling.
func readSide(ui *console.UI, asked diffOptions, argument string) (side, error) {
	if argument == freshRender {
		tree, err := fresh(ui, asked)
		return side{name: argument, clusters: []clusterTree{tree}}, err
	}
	info, err := os.Stat(argument)
	switch revision, path, isRevision := revisionPath(argument); {
	case err == nil && info.IsDir():
		return readTrees(argument, tree.Files(argument))
	case err == nil:
		return side{}, exit.Usage("%s: is a file; name the rendered directory it is in", argument)
	case isRevision:
		tree, err := gitTree(revision, path)
		if err != nil {
			return side{}, err
		}
		return readTrees(argument, tree)
	case !errors.Is(err, fs.ErrNotExist):
		return side{}, exit.Failed("%s: cannot be opened: %w", argument, exit.Reason(err))
	}
	return side{}, exit.Usage("%s: there is no such directory; name one, a directory of a revision as REV:PATH, or . for a fresh render", argument)
}

// readTrees reads a tree of one cluster, or one of each below it.
func readTrees(name string, tree fs.FS) (side, error) {
	s := side{name: name}
	below := clustersBelow(tree)
	if len(below) == 0 {
		one, err := readTree(name, tree)
		s.clusters = []clusterTree{one}
		return s, err
	}
	s.several = true
	var faults []error
	for _, cluster := range below {
		sub, err := fs.Sub(tree, cluster)
		if err != nil {
			return s, exit.Failed("%s: %w", name, err)
		}
		one, err := readTree(name+"/"+cluster, sub)
		one.cluster = cluster
		s.clusters, faults = append(s.clusters, one), append(faults, err)
	}
	return s, errors.Join(faults...)
}

// clustersBelow lists the folders with trees, if this is not a tree itself.
func clustersBelow(tree fs.FS) []string {
	if len(hostsIn(tree, ".")) > 0 {
		return nil
	}
	var clusters []string
	entries, _ := fs.ReadDir(tree, ".") // rendered tells what is wrong
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && len(hostsIn(tree, e.Name())) > 0 {
			clusters = append(clusters, e.Name())
		}
	}
	return clusters
}

// hostsIn lists the folders in which documents stand.
func hostsIn(tree fs.FS, dir string) []string {
	var hosts []string
	entries, _ := fs.ReadDir(tree, dir)
	for _, e := range entries {
		for _, format := range profiles.Formats() {
			if _, err := fs.Stat(tree, filepath.ToSlash(filepath.Join(dir, gen.Path(e.Name(), format)))); err == nil && e.IsDir() {
				hosts = append(hosts, e.Name())
				break
			}
		}
	}
	return hosts
}

func readTree(name string, tree fs.FS) (clusterTree, error) {
	read, err := rendered.ReadMachines(tree)
	if err != nil {
		return clusterTree{}, exit.Failed("%s", faultsIn(name, err))
	}
	t := clusterTree{cluster: read.Cluster, texts: map[string]texts{}}
	t.machines.Systems = map[string]diff.System{}
	for _, h := range read.Hosts {
		t.machines.Machines = append(t.machines.Machines, h.Node)
		t.machines.Systems[h.Node.Name] = diff.System{Name: h.Said, Family: h.Family()}
		text := texts{read: string(h.Documents[0].Text)}
		if len(h.Documents) > 1 {
			text.other = string(h.Documents[1].Text)
		}
		t.texts[h.Node.Name] = text
	}
	for _, f := range read.Others {
		if f.Path == gen.AdminPath {
			t.machines.Kubeconfig = f.Text
		}
	}
	return t, nil
}

// fresh is the render that hagen would make now, in memory. Leaves that it
// would issue are issued for the comparison, and forgotten.
func fresh(ui *console.UI, asked diffOptions) (clusterTree, error) {
	c, err := readLocked(ui, asked.File)
	if err != nil {
		return clusterTree{}, err
	}
	dir := asked.Dir()
	var compared trees
	for _, tree := range asked.sides {
		if tree != freshRender {
			compared.beside = append(compared.beside, tree, filepath.Join(tree, c.Name))
		}
	}
	if err := holdMissing(asked.place, c, compared); err != nil {
		return clusterTree{}, err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return clusterTree{}, exit.Failed("%s: there is no PKI yet, and a comparison makes none: hagen render does", dir)
	}
	keys, err := openPKI(ui, asked.place, c, compared)
	if err != nil {
		return clusterTree{}, err
	}
	defer keys.close()
	have, requests := keys.store.Set(), control.Requests(c)
	for _, r := range requests {
		if _, there := have[r.Name]; !there && r.Kind != pki.Leaf {
			return clusterTree{}, exit.Failed("%s: holds no %s, and a comparison makes none: hagen render does", dir, r.Name)
		}
	}
	issued, err := pki.Issue(requests, have, keys.now, pki.Generate, rand.Reader)
	if err != nil {
		return clusterTree{}, exit.Failed("%w", err)
	}
	warnAll(ui, issued.Warnings)
	var trial []string
	for _, change := range issued.Changes {
		if change.Action != pki.Kept {
			trial = append(trial, change.Name)
		}
	}
	if len(trial) > 0 {
		slices.Sort(trial)
		ui.Warn(strings.Join(folded(trial), ", ") + ": will be issued by the next hagen render; keys and times are compared with a trial")
	}
	machines, err := gen.Render(c, issued.Set, control.Options{}, nil, nil)
	if err != nil {
		return clusterTree{}, exit.Failed("%w\nThis is a fault of hagen, not of your file.", err)
	}
	t := clusterTree{cluster: c.Name, machines: diff.Side{Kubeconfig: control.Kubeconfig(c, issued.Set[control.ClusterAuthority], issued.Set[control.Admin]), Systems: plan.Systems(c)}}
	for _, m := range machines {
		t.machines.Machines = append(t.machines.Machines, m.Node)
	}
	// As a tree that is read from disk is sorted.
	slices.SortFunc(t.machines.Machines, func(a, b node.Node) int { return strings.Compare(a.Name, b.Name) })
	return t, nil
}
