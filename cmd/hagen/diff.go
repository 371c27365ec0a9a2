package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/compare"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

func diffCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "show what changes on each machine, what that causes, and the order to apply it",
		ArgsUsage: "OLD NEW",
		Description: describe("OLD and NEW are each a rendered directory, a redacted copy of one, a directory of a git revision\n"+
			"(REV:PATH), or . for what hagen render would write now. hagen diff writes nothing, and shows secrets\n"+
			"as fingerprints, like twins (docs/twins.md). Exit code 0: nothing changes; 1: something does.",
			"hagen diff rendered/kubernetes .",
			"hagen diff HEAD:golden golden",
			"hagen diff --markdown origin/main:golden golden > comment.md"),
		Flags: []cli.Flag{
			fileFlag(), pkiFlag(),
			jsonFlag("print JSON"),
			&cli.BoolFlag{Name: "markdown", Usage: "print a comment for a pull request", DisableDefaultText: true},
		},
		Action: func(ctx *cli.Context) error {
			switch {
			case ctx.NArg() != 2:
				return exit.Usage("name two trees: hagen diff OLD NEW, each a rendered directory, REV:PATH, or . for a fresh render")
			case ctx.Bool("json") && ctx.Bool("markdown"):
				return exit.Usage("--json and --markdown both write to stdout: leave one out")
			case !slices.Contains(ctx.Args().Slice(), compare.Fresh) && (ctx.IsSet("file") || ctx.IsSet("pki")):
				return exit.Usage("-f and --pki are for a fresh render, and neither tree is one: write . for it")
			}
			return compare.Diff(ui, compare.DiffOptions{Place: placeOf(ctx), Sides: [2]string{ctx.Args().Get(0), ctx.Args().Get(1)}, JSON: ctx.Bool("json"), Markdown: ctx.Bool("markdown")})
		},
	}
}
