package compare

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/spec"
	"hagen/out/review/plan"
)

// planSide is a side of a plan: a cluster file, a tree, or a fresh render.
type planSide struct {
	trees.Side
	source    spec.Source          // of the cluster file
	revision  bool                 // the file is not on disk
	cluster   *cluster.Cluster     // nil if the side is a tree
	decided   bool                 // its machines are; those of a cluster file are not yet
	lock      cluster.LockContents // of the cluster file
	unknown   string               // which digests the lock file does not have yet
	documents string               // the directory with the machines' documents, if it is on disk
	trial     []string             // certificates that exist for this comparison only
}

func (s *planSide) isTree() bool { return s.cluster == nil }

// readSides reads both sides, of one cluster.
func readSides(ui *console.UI, asked PlanOptions) (before, after *planSide, err error) {
	var sides [2]*planSide
	for i, argument := range asked.Sides {
		if i == 1 && argument == asked.Sides[0] && sides[0].decided {
			same := *sides[0]
			sides[1] = &same // two fresh renders would have different trial certificates
			continue
		}
		reader := ui
		if i == 0 { // the old file's warnings cannot be fixed any more
			reader = ui.Silent()
		}
		if sides[i], err = readPlanSide(reader, asked, argument); err != nil {
			return nil, nil, err
		}
	}
	before, after = sides[0], sides[1]
	before.only()
	after.only()
	pairs, err := match(before.Side, after.Side)
	if err != nil {
		return nil, nil, err
	}
	if len(pairs) != 1 {
		return nil, nil, exit.Usage("%s and %s hold several clusters (%s): plan for one at a time, and name its directories", before.Name, after.Name, strings.Join(clustersOf(pairs), ", "))
	}
	for _, s := range sides {
		dir := s.Name
		if s.Several {
			dir = filepath.Join(dir, pairs[0].cluster)
		}
		if s.isTree() && trees.HoldsDocuments(dir) {
			s.documents = dir
		}
	}
	before.Trees, after.Trees = []trees.Tree{pairs[0].before}, []trees.Tree{pairs[0].after}
	return before, after, nil
}

// only makes a directory with one cluster in it that cluster's directory: a plan compares
// the clusters that it is given, whatever their names.
func (s *planSide) only() {
	if s.Several && len(s.Trees) == 1 {
		s.Several, s.Name = false, filepath.Join(s.Name, s.Trees[0].Cluster)
	}
}

func clustersOf(pairs []treePair) (names []string) {
	for _, p := range pairs {
		names = append(names, p.cluster)
	}
	return names
}

// readPlanSide reads a side. What is on disk takes precedence over a revision with the same
// spelling.
func readPlanSide(ui *console.UI, asked PlanOptions, argument string) (*planSide, error) {
	if argument == Fresh {
		return freshSide(ui, asked)
	}
	s := &planSide{source: spec.Source{Name: argument}}
	info, missing := os.Stat(argument)
	revision, path, is := trees.Revision(argument)
	s.revision = is && errors.Is(missing, fs.ErrNotExist)
	var err error
	switch {
	case missing == nil && info.IsDir(), s.revision && trees.IsDirectory(revision, path):
		s.decided = true
		s.Side, err = trees.Read(argument)
		return s, err
	case s.revision:
		err = s.ofRevision(ui, revision, path)
	case errors.Is(missing, fs.ErrNotExist):
		err = exit.Usage("%s: there is no such file or directory; name a cluster file, a rendered directory, REV:PATH of one, or . for a fresh render", argument)
	default:
		err = s.ofFile(ui)
	}
	if err != nil {
		return s, err
	}
	s.Side = trees.Side{Name: argument, Trees: []trees.Tree{{Cluster: s.cluster.Name}}}
	return s, nil
}

// freshSide is what hagen render would write of the cluster file.
func freshSide(ui *console.UI, asked PlanOptions) (*planSide, error) {
	var directories []string
	for _, argument := range asked.Sides {
		if info, err := os.Stat(argument); err == nil && info.IsDir() {
			directories = append(directories, argument)
		}
	}
	r, err := fresh(ui, asked.Place, directories...)
	if err != nil {
		return nil, err
	}
	s := &planSide{Side: trees.Side{Name: Fresh, Trees: []trees.Tree{r.Tree}}, cluster: r.cluster, decided: true, unknown: r.unknown, trial: r.trial, source: spec.Source{Name: asked.File}}
	s.source.Text, err = clusterfile.Text(asked.File)
	return s, err
}

// ofFile reads a cluster file on disk, with its lock file.
func (s *planSide) ofFile(ui *console.UI) (err error) {
	var lock clusterfile.Lock
	if s.cluster, lock, s.unknown, err = clusterfile.ReadKnown(ui, s.source.Name); err != nil {
		return err
	}
	s.lock = lock.LockContents
	s.source.Text, err = clusterfile.Text(s.source.Name)
	return err
}

// ofRevision reads a cluster file of a revision. Its lock file may be missing.
func (s *planSide) ofRevision(ui *console.UI, revision, path string) (err error) {
	if s.source.Text, err = trees.File(revision, path); err != nil {
		return err
	}
	if s.cluster, err = clusterfile.Valid(ui, s.source); err != nil {
		return err
	}
	lock := spec.Source{Name: revision + ":" + clusterfile.LockPath(path)}
	if lock.Text, err = trees.File(revision, clusterfile.LockPath(path)); err != nil {
		lock.Text = nil
	}
	if lock.Text != nil {
		var err error
		if s.lock, err = clusterfile.ParseLock(lock); err != nil {
			return exit.With(exit.CodeUsage, err)
		}
	}
	s.cluster, s.unknown, err = clusterfile.Known(s.cluster, lock, "hagen lock")
	return err
}

// refused returns the refusals, each with its position in the new cluster file, if the
// side has one.
func (s *planSide) refused(told plan.Plan) error {
	remedies := told.Remedies()
	if s.isTree() {
		var lines []string
		for i, r := range told.Refused {
			lines = append(lines, fmt.Sprintf("%s: %s: %s\n      %s", s.Name, clusterfile.Path(r.Field), r.Problem, remedies[i]))
		}
		return exit.With(exit.CodeNo, errors.New(strings.Join(lines, "\n")))
	}
	var faults []spec.Fault
	file, _ := spec.Parse(s.source)
	for i, r := range told.Refused {
		faults = append(faults, spec.Fault{At: clusterfile.Field(file, r.Field), Problem: r.Problem, Remedy: remedies[i]})
	}
	return exit.With(exit.CodeNo, spec.Refuse(s.source, faults))
}

// placed returns the refusals for JSON, with what to do instead.
func (s *planSide) placed(told plan.Plan) []placedRefusal {
	out, remedies := []placedRefusal{}, told.Remedies()
	for i, r := range told.Refused {
		placed := placedRefusal{Refusal: r}
		placed.Remedy = remedies[i]
		if !s.isTree() {
			file, _ := spec.Parse(s.source)
			at := clusterfile.Field(file, r.Field)
			placed.File, placed.Line, placed.Column = s.source.Name, at.Line, at.Column
		}
		out = append(out, placed)
	}
	return out
}
