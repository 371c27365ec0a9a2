package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/compare"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/media"
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
			"hagen diff rendered/kubernetes media/kubernetes    # which render were they made from?",
			"hagen diff --markdown origin/main:golden golden > comment.md"),
		Flags: []cli.Flag{
			fileFlag(), pkiFlag(),
			showFlag(),
			jsonFlag("print JSON"), markdownFlag(),
		},
		Action: func(ctx *cli.Context) error {
			if err := twoSides(ctx, "name two trees: hagen diff OLD NEW, each a rendered directory, REV:PATH, or . for a fresh render"); err != nil {
				return err
			}
			if dir, from, found, err := media.Two(ctx.Args().Get(0), ctx.Args().Get(1)); found || err != nil {
				if err != nil {
					return err
				}
				return media.Check(ui, dir, from, ctx.Bool("json"))
			}
			return compare.Diff(ui, compare.DiffOptions{Place: placeOf(ctx), Sides: [2]string{ctx.Args().Get(0), ctx.Args().Get(1)}, JSON: ctx.Bool("json"), Markdown: ctx.Bool("markdown"), Show: ctx.StringSlice("show")})
		},
	}
}
