package compare

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/decide"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/out/review/plan"
	"hagen/pki"
)

// PlanOptions are the options of hagen plan.
type PlanOptions struct {
	Files    [2]string // cluster files, on disk or in revisions
	Reimage  bool
	NodesFit bool
	JSON     bool
}

// Plan prints the steps from one cluster file to another.
func Plan(ui *console.UI, asked PlanOptions) error {
	var sides [2]planned
	for i := range sides {
		reader := ui
		if i == 0 { // the old file's warnings cannot be fixed any more
			reader = ui.Silent()
		}
		var err error
		if sides[i], err = readPlanned(reader, asked.Files[i]); err != nil {
			return err
		}
	}
	before, after := &sides[0], &sides[1]
	keepNames(before, after)
	now, err := ui.Time()
	if err != nil {
		return err
	}
	warnings, err := decideBoth(now, before, after)
	if err != nil {
		return err
	}
	file := after.source.Name
	if after.revision {
		file = clusterfile.DefaultName
	}
	if asked.NodesFit && !plan.AboutNodes(before.Side, after.Side) {
		return exit.Usage("--nodes-fit: this change does not affect the pod ranges of Nodes; leave the flag out")
	}
	p := plan.Of(before.Side, after.Side, plan.Options{Reimage: asked.Reimage, NodesFit: asked.NodesFit, File: file})
	if p.Possible {
		clusterpki.Warn(ui, warnings)
	}
	if asked.JSON {
		ui.JSON(planSummary{p, console.List(ui.Warnings), console.List(ui.Notes)})
	} else if p.Possible {
		fmt.Fprint(ui.Out, p.Text(before.source.Name, after.source.Name, ui.Style()))
	}
	if !p.Possible {
		return after.refused(p)
	}
	return nil
}

// planSummary is what --json prints.
type planSummary struct {
	plan.Plan
	Warnings []string `json:"warnings"`
	Notes    []string `json:"notes"`
}

// keepNames gives both sides the names that certificates keep. A side without a lock file
// that lists them has those of the other: the running machines have one PKI. What the new
// lock file no longer lists was forgotten.
func keepNames(before, after *planned) {
	if before.names == nil {
		before.names = after.names
	}
	before.Cluster = before.Cluster.Keep(before.names)
	if after.names == nil {
		after.names = control.SharedNames(before.Cluster)
	}
	after.Cluster = after.Cluster.Keep(after.names)
}

// planned is one of the two cluster files.
type planned struct {
	source   spec.Source
	revision bool     // not a file on disk
	names    []string // in certificates, according to its lock file
	plan.Side
}

// readPlanned reads a cluster file. A file on disk takes precedence over a
// revision with the same spelling.
func readPlanned(ui *console.UI, argument string) (planned, error) {
	p := planned{source: spec.Source{Name: argument}}
	var err error
	_, missing := os.Stat(argument)
	revision, path, is := trees.Revision(argument)
	if p.revision = is && errors.Is(missing, fs.ErrNotExist); !p.revision {
		if p.Cluster, err = clusterfile.ReadLocked(ui, argument); err != nil {
			return p, err
		}
		if p.source.Text, err = clusterfile.Text(argument); err != nil {
			return p, err
		}
		lock, err := clusterfile.ReadLock(argument)
		p.names = lock.Names
		return p, err
	}
	if p.source.Text, err = trees.File(revision, path); err != nil {
		return p, err
	}
	if p.Cluster, err = clusterfile.Valid(ui, p.source); err != nil {
		return p, err
	}
	return p, p.lockOf(revision, path)
}

// lockOf reads the lock file of a revision, which may be missing if no machine
// fetches anything.
func (p *planned) lockOf(revision, path string) error {
	lock := spec.Source{Name: revision + ":" + clusterfile.LockPath(path)}
	fetches := len(p.Cluster.Fetched()) > 0
	var err error
	if lock.Text, err = trees.File(revision, clusterfile.LockPath(path)); err != nil {
		if fetches {
			return err
		}
		return nil
	}
	contents, err := clusterfile.ParseLock(lock)
	if err == nil && fetches {
		p.Cluster, err = gen.ReadLock(p.Cluster, lock)
	}
	if err != nil {
		return exit.With(exit.CodeUsage, err)
	}
	p.names = contents.Names
	return nil
}

// decideBoth decides the machines of both sides. It makes certificates for this
// comparison only: first the old side's, then those that a render would issue
// for the new one, with its warnings.
func decideBoth(now time.Time, before, after *planned) (warnings []pki.Warning, err error) {
	set := pki.Set{}
	for _, side := range []*planned{before, after} {
		issued, machines, err := decide.Render(side.Cluster, set, now)
		if err != nil {
			return nil, err
		}
		set, warnings = issued.Set, issued.Warnings
		for _, m := range machines {
			side.Machines = append(side.Machines, m.Node)
		}
		side.Kubeconfig = decide.Kubeconfig(side.Cluster, set)
	}
	return warnings, nil
}

// refused returns the refusals, each with its position in the new cluster file.
func (p *planned) refused(told plan.Plan) error {
	file, _ := spec.Parse(p.source)
	var faults []spec.Fault
	remedies := told.Remedies()
	for i, r := range told.Refused {
		faults = append(faults, spec.Fault{At: clusterfile.Field(file, r.Field), Problem: r.Problem, Remedy: remedies[i]})
	}
	return exit.With(exit.CodeNo, spec.Refuse(p.source, faults))
}
