package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/out/plan"
	"hagen/pki"
)

func planCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "tell how running machines come from one cluster file to another, step by step",
		ArgsUsage: "OLD NEW",
		Description: describe("OLD and NEW are cluster files, or such a file of a git revision as REV:PATH. It tells what\n"+
			"changes, in which order, with which commands, and how to see that a machine is good before\n"+
			"the next one. Nothing is read but the two files and their lock files: no PKI, no machine.\n"+
			"Exit code 1: the way cannot be gone in one step, since a minor release is left out or it leads back.",
			"hagen plan HEAD:cluster.yaml cluster.yaml",
			"hagen plan --reimage old.yaml cluster.yaml"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "reimage", Usage: "machines are made anew with their new documents, and keep etcd's data", DisableDefaultText: true},
			jsonFlag("print JSON"),
		},
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() != 2 {
				return usage("name two cluster files: hagen plan OLD NEW, each a file or REV:PATH")
			}
			return makePlan(ui, ctx)
		},
	}
}

func makePlan(ui *ui, ctx *cli.Context) error {
	var sides [2]planned
	for i := range sides {
		var err error
		if sides[i], err = readPlanned(ui, ctx.Args().Get(i)); err != nil {
			return err
		}
	}
	before, after := &sides[0], &sides[1]
	if err := sameCluster(before, after); err != nil {
		return err
	}
	if err := decide(ui, before, after); err != nil {
		return err
	}
	file := after.source.Name
	if after.revision {
		file = defaultFile
	}
	p := plan.Of(before.Side, after.Side, plan.Options{Reimage: ctx.Bool("reimage"), File: file})
	if ctx.Bool("json") {
		ui.json(planSummary{p, list(ui.warnings)})
	} else if p.Possible {
		fmt.Fprint(ui.out, p.Text(before.source.Name, after.source.Name, ui.style()))
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
}

// planned is one of the two cluster files.
type planned struct {
	source   spec.Source
	revision bool // not a file on disk
	plan.Side
}

// readPlanned reads a cluster file. One on disk goes before a revision of the
// same spelling.
func readPlanned(ui *ui, argument string) (planned, error) {
	p := planned{source: spec.Source{Name: argument}}
	var err error
	_, missing := os.Stat(argument)
	revision, path, is := revisionPath(argument)
	if p.revision = is && errors.Is(missing, fs.ErrNotExist); !p.revision {
		p.Cluster, err = readLocked(ui, argument)
		if err == nil {
			p.source.Text, err = readFile(argument)
		}
		return p, err
	}
	if p.source.Text, err = gitFile(revision, path); err != nil {
		return p, err
	}
	if p.Cluster, err = validCluster(ui, p.source); err != nil || len(p.Cluster.Fetched()) == 0 {
		return p, err
	}
	lock := spec.Source{Name: revision + ":" + lockPath(path)}
	if lock.Text, err = gitFile(revision, lockPath(path)); err != nil {
		return p, err
	}
	if err := gen.ReadLock(p.Cluster, lock); err != nil {
		return p, &failure{exitUsage, err}
	}
	return p, nil
}

// sameCluster refuses two files between which there is no way.
func sameCluster(before, after *planned) error {
	old, new := before.Cluster, after.Cluster
	switch {
	case old.Name != new.Name:
		return usage("%s is of cluster %s and %s of %s: a plan is for two files of one cluster", before.source.Name, old.Name, after.source.Name, new.Name)
	case old.Profile.Name != new.Profile.Name:
		return usage("%s has profile %s and %s %s: machines of one cannot become those of the other, so begin a new cluster", before.source.Name, old.Profile.Name, after.source.Name, new.Profile.Name)
	}
	return nil
}

// decide decides on the machines of both sides. The certificates are made for
// this comparison and forgotten: first those of the old side, then what a
// render would issue for the new one.
func decide(ui *ui, before, after *planned) error {
	set := pki.Set{}
	now, err := ui.time()
	if err != nil {
		return err
	}
	for _, side := range []*planned{before, after} {
		issued, err := pki.Issue(control.Requests(side.Cluster), set, now, pki.Generate, rand.Reader)
		if err != nil {
			return failed("%w", err)
		}
		set = issued.Set
		machines, err := gen.Render(side.Cluster, set, nil, nil)
		if err != nil {
			return failed("%w\nThis is a fault of hagen, not of your file.", err)
		}
		for _, m := range machines {
			side.Machines = append(side.Machines, m.Node)
		}
		side.Kubeconfig = kubeconfigOf(side.Cluster, set)
		if side == after {
			warnAll(ui, issued.Warnings)
		}
	}
	return nil
}

// kubeconfigOf is the administrator's.
func kubeconfigOf(c *cluster.Cluster, set pki.Set) []byte {
	return control.Kubeconfig(c, set[control.ClusterAuthority], set[control.Admin])
}

// refused is the answer no, with the places in the new cluster file.
func (p *planned) refused(told plan.Plan) error {
	file, _ := spec.Parse(p.source)
	places := map[string]spec.At{"kubernetesVersion": file.Spec.KubernetesVersion.At, "etcdVersion": file.Spec.EtcdVersion.At}
	var faults []spec.Fault
	remedies := told.Remedies()
	for i, r := range told.Refused {
		at := places[r.Field]
		if !at.Written() { // it follows from what is written of the other, or from nothing
			at = places["kubernetesVersion"]
		}
		faults = append(faults, spec.Fault{At: at, Problem: r.Problem, Remedy: remedies[i]})
	}
	return &failure{exitNo, spec.Refuse(p.source, faults)}
}
