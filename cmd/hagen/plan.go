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

// nodesFitFlag says what no file tells.
func nodesFitFlag() cli.Flag {
	return &cli.BoolFlag{Name: "nodes-fit", Usage: "every Node's pod range lies in the new podCIDRs, or there are no Nodes yet", DisableDefaultText: true}
}
