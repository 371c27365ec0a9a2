package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/compare"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

func planCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "list the steps that take running machines from one cluster file to another",
		ArgsUsage: "OLD NEW",
		Description: describe("OLD and NEW are cluster files, on disk or in a git revision (REV:PATH). The plan says what changes,\n"+
			"in which order, with which commands, and how to check a machine before the next one. hagen reads\n"+
			"only the two files and their lock files: no PKI, no machine. Exit code 1: running machines cannot\n"+
			"change this way, or not in one step; hagen says what to do instead.",
			"hagen plan HEAD:cluster.yaml cluster.yaml",
			"hagen plan --reimage old.yaml cluster.yaml",
			"hagen plan --nodes-fit old.yaml cluster.yaml    # pod ranges may change before workers join"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "reimage", Usage: "re-image the machines with their new documents; they keep etcd's data", DisableDefaultText: true},
			nodesFitFlag(),
			jsonFlag("print JSON"),
		},
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() != 2 {
				return exit.Usage("name two cluster files: hagen plan OLD NEW, each a file or REV:PATH")
			}
			return compare.Plan(ui, compare.PlanOptions{Files: [2]string{ctx.Args().Get(0), ctx.Args().Get(1)}, Reimage: ctx.Bool("reimage"), NodesFit: ctx.Bool("nodes-fit"), JSON: ctx.Bool("json")})
		},
	}
}

// nodesFitFlag declares a fact about the cluster that no file records.
func nodesFitFlag() cli.Flag {
	return &cli.BoolFlag{Name: "nodes-fit", Usage: "declare that every Node's pod range is in the new podCIDRs, or that there are no Nodes yet", DisableDefaultText: true}
}
