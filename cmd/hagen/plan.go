package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/out/plan"
	"hagen/pki"
)

func planCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "tell how running machines come from one cluster file to another, step by step",
		ArgsUsage: "OLD NEW",
		Description: describe("OLD and NEW are cluster files, or such a file of a git revision as REV:PATH. It tells what\n"+
			"changes, in which order, with which commands, and how to see that a machine is good before\n"+
			"the next one. Nothing is read but the two files and their lock files: no PKI, no machine.\n"+
			"Exit code 1: machines that run cannot go there, or not in one step. It says what to do instead.",
			"hagen plan HEAD:cluster.yaml cluster.yaml",
			"hagen plan --reimage old.yaml cluster.yaml",
			"hagen plan --nodes-fit old.yaml cluster.yaml    # before workers join, pods may get any ranges"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "reimage", Usage: "machines are made anew with their new documents, and keep etcd's data", DisableDefaultText: true},
			&cli.BoolFlag{Name: "nodes-fit", Usage: "every Node's pod range lies in the new podCIDRs, or there are no Nodes yet", DisableDefaultText: true},
			jsonFlag("print JSON"),
		},
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() != 2 {
				return exit.Usage("name two cluster files: hagen plan OLD NEW, each a file or REV:PATH")
			}
			return makePlan(ui, planOptions{[2]string{ctx.Args().Get(0), ctx.Args().Get(1)}, ctx.Bool("reimage"), ctx.Bool("nodes-fit"), ctx.Bool("json")})
		},
	}
}

// planOptions are what is asked of a plan.
type planOptions struct {
	files                   [2]string
	reimage, nodesFit, json bool
}

func makePlan(ui *console.UI, asked planOptions) error {
	var sides [2]planned
	for i := range sides {
		reader := ui
		if i == 0 { // nobody can end the warnings of a former file
			reader = ui.Silent()
		}
		var err error
		if sides[i], err = readPlanned(reader, asked.files[i]); err != nil {
			return err
		}
	}
	before, after := &sides[0], &sides[1]
	now, err := ui.Time()
	if err != nil {
		return err
	}
	warnings, err := decide(now, before, after)
	if err != nil {
		return err
	}
	file := after.source.Name
	if after.revision {
		file = clusterfile.Usual
	}
	if asked.nodesFit && !plan.AboutNodes(before.Side, after.Side) {
		return exit.Usage("--nodes-fit: what Nodes have is of no matter for this change; leave the flag out")
	}
	p := plan.Of(before.Side, after.Side, plan.Options{Reimage: asked.reimage, NodesFit: asked.nodesFit, File: file})
	if p.Possible {
		clusterpki.Warn(ui, warnings)
	}
	if asked.json {
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

// planned is one of the two cluster files.
type planned struct {
	source   spec.Source
	revision bool // not a file on disk
	plan.Side
}

// readPlanned reads a cluster file. One on disk goes before a revision of the
// same spelling.
func readPlanned(ui *console.UI, argument string) (planned, error) {
	p := planned{source: spec.Source{Name: argument}}
	var err error
	_, missing := os.Stat(argument)
	revision, path, is := trees.Revision(argument)
	if p.revision = is && errors.Is(missing, fs.ErrNotExist); !p.revision {
		p.Cluster, err = clusterfile.ReadLocked(ui, argument)
		if err == nil {
			p.source.Text, err = clusterfile.Text(argument)
		}
		return p, err
	}
	if p.source.Text, err = trees.File(revision, path); err != nil {
		return p, err
	}
	if p.Cluster, err = clusterfile.Valid(ui, p.source); err != nil || len(p.Cluster.Fetched()) == 0 {
		return p, err
	}
	lock := spec.Source{Name: revision + ":" + clusterfile.LockPath(path)}
	if lock.Text, err = trees.File(revision, clusterfile.LockPath(path)); err != nil {
		return p, err
	}
	if p.Cluster, err = gen.ReadLock(p.Cluster, lock); err != nil {
		return p, exit.With(exit.CodeUsage, err)
	}
	return p, nil
}

// decide decides on the machines of both sides. The certificates are made for
// this comparison and forgotten: first those of the old side, then what a
// render would issue for the new one, with the warnings that it would give.
func decide(now time.Time, before, after *planned) (warnings []pki.Warning, err error) {
	set := pki.Set{}
	for _, side := range []*planned{before, after} {
		issued, err := clusterpki.Issue(control.Requests(side.Cluster), set, now)
		if err != nil {
			return nil, err
		}
		set, warnings = issued.Set, issued.Warnings
		machines, err := gen.Render(side.Cluster, set, control.Options{}, nil, nil)
		if err != nil {
			return nil, exit.Failed("%w\nThis is a fault of hagen, not of your file.", err)
		}
		for _, m := range machines {
			side.Machines = append(side.Machines, m.Node)
		}
		side.Kubeconfig = kubeconfigOf(side.Cluster, set)
	}
	return warnings, nil
}

// kubeconfigOf is the administrator's.
func kubeconfigOf(c *cluster.Cluster, set pki.Set) []byte {
	return control.Kubeconfig(c, set[control.ClusterAuthority], set[control.Admin])
}

// refused is the answer no, with the places in the new cluster file.
func (p *planned) refused(told plan.Plan) error {
	file, _ := spec.Parse(p.source)
	var faults []spec.Fault
	remedies := told.Remedies()
	for i, r := range told.Refused {
		faults = append(faults, spec.Fault{At: fieldIn(file, r.Field), Problem: r.Problem, Remedy: remedies[i]})
	}
	return exit.With(exit.CodeNo, spec.Refuse(p.source, faults))
}

// fieldIn is where a field that is refused stands in the cluster file. An etcd
// that is not written follows from what is written of Kubernetes.
func fieldIn(file *spec.File, field string) spec.At {
	if !strings.HasPrefix(field, "metadata.") {
		field = "spec." + field
	}
	at, written := file.Find(field)
	if !written && field == "spec.etcdVersion" {
		at, _ = file.Find("spec.kubernetesVersion")
	}
	return at
}
