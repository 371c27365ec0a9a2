package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/compare"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

func planCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "list the steps that take running machines from one state to another",
		ArgsUsage: "OLD NEW",
		Description: describe("OLD and NEW are each a cluster file, a rendered directory, a redacted copy of one, either of them in\n"+
			"a git revision (REV:PATH), or . for what hagen render would write now. The plan says what changes, in\n"+
			"which order, with which commands, and how to check a machine before the next one. hagen asks no\n"+
			"machine, and writes nothing but the scripts that --delta asks for; only . needs the PKI. Exit code 1:\n"+
			"running machines cannot change this way, or not in one step; hagen says what to do instead.",
			"hagen plan HEAD:cluster.yaml cluster.yaml",
			"hagen plan rendered/kubernetes .                # renewed certificates, too, and what a newer hagen changes",
			"hagen plan --delta delta rendered/kubernetes .  # the files that change, and scripts that deliver them",
			"hagen plan --delta delta --undelivered rendered/kubernetes .  # renewed and rendered, but never delivered",
			"hagen plan --markdown origin/main:cluster.yaml cluster.yaml > comment.md",
			"hagen plan --reimage old.yaml cluster.yaml",
			"hagen plan --nodes-fit old.yaml cluster.yaml    # pod ranges may change before workers join",
			"hagen plan --without kubem01 old.yaml cluster.yaml  # it is off, and out of etcd"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "reimage", Usage: "re-image the machines with their new documents; they keep etcd's data", DisableDefaultText: true},
			&cli.StringFlag{Name: "delta", Usage: "write the changed files of each machine to `DIR`, with scripts that follow the plan", TakesFile: true},
			&cli.BoolFlag{Name: "verify", Usage: "only say, by the exit code, whether the directory of --delta still brings what NEW has", DisableDefaultText: true},
			&cli.BoolFlag{Name: "undelivered", Usage: "take machines' own certificates and keys in OLD for unknown: all of NEW's are delivered", DisableDefaultText: true},
			withoutFlag("the machine `HOST` is off, and a master of the others' etcd no more: plan for the others alone"),
			nodesFitFlag(),
			fileFlag(), pkiFlag(),
			jsonFlag("print JSON"), markdownFlag(),
		},
		Action: func(ctx *cli.Context) error {
			if ctx.Bool("verify") {
				if ctx.NArg() > 0 || !ctx.IsSet("delta") {
					return exit.Usage("--verify is for a directory that --delta has written, which knows its sides: hagen plan --verify --delta DIR")
				}
				if ctx.IsSet("without") {
					return exit.Usage("--verify and --without: leave --without out: the directory knows which machines its plan left out")
				}
				return compare.Verify(ui, compare.PlanOptions{Place: placeOf(ctx), Delta: ctx.String("delta")})
			}
			if err := twoSides(ctx, "name two sides: hagen plan OLD NEW, each a cluster file, a rendered directory, REV:PATH of one, or . for a fresh render"); err != nil {
				return err
			}
			return compare.Plan(ui, compare.PlanOptions{
				Place: placeOf(ctx), Sides: [2]string{ctx.Args().Get(0), ctx.Args().Get(1)}, Reimage: ctx.Bool("reimage"), NodesFit: ctx.Bool("nodes-fit"),
				JSON: ctx.Bool("json"), Markdown: ctx.Bool("markdown"), Delta: ctx.String("delta"), Undelivered: ctx.Bool("undelivered"),
				Without: ctx.StringSlice("without"),
			})
		},
	}
}

// twoSides refuses a command line that does not name two sides, with what to write, and
// flags that do not apply to them.
func twoSides(ctx *cli.Context, usage string) error {
	switch {
	case ctx.NArg() != 2:
		return exit.Usage("%s", usage)
	case ctx.Bool("json") && ctx.Bool("markdown"):
		return exit.Usage("--json and --markdown both write to stdout: leave one out")
	case !slices.Contains(ctx.Args().Slice(), compare.Fresh) && (ctx.IsSet("file") || ctx.IsSet("pki")):
		return exit.Usage("-f and --pki are for a fresh render, and neither side is one: write . for it")
	}
	return nil
}

func markdownFlag() cli.Flag {
	return &cli.BoolFlag{Name: "markdown", Usage: "print a comment for a pull request", DisableDefaultText: true}
}

// nodesFitFlag declares a fact about the cluster that no file records.
func nodesFitFlag() cli.Flag {
	return &cli.BoolFlag{Name: "nodes-fit", Usage: "declare that every Node's pod range is in the new podCIDRs, or that there are no Nodes yet", DisableDefaultText: true}
}
