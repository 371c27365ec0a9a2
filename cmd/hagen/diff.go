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
		Usage:     "tell what changes on which machine, what that does to it, and in which order",
		ArgsUsage: "OLD NEW",
		Description: describe("OLD and NEW each are a rendered directory, a redacted copy of one, a directory of a git\n"+
			"revision as REV:PATH, or . for what hagen render would make now. Nothing is written, and what is\n"+
			"shown is that of twins (docs/twins.md). The exit code is 0 if nothing changes, 1 if something does.",
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
				return exit.Usage("--json and --markdown both want stdout: leave one out")
			case !slices.Contains(ctx.Args().Slice(), compare.Fresh) && (ctx.IsSet("file") || ctx.IsSet("pki")):
				return exit.Usage("-f and --pki are for a fresh render, and neither side is one: write . for it")
			}
			return compare.Diff(ui, compare.DiffOptions{Place: placeOf(ctx), Sides: [2]string{ctx.Args().Get(0), ctx.Args().Get(1)}, JSON: ctx.Bool("json"), Markdown: ctx.Bool("markdown")})
		},
	}
}
