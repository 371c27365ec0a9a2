package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/desk"
)

func goldenCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "golden",
		Usage:     "compare committed twins with what a render gives now",
		ArgsUsage: "DIR",
		Description: describe("Exit code 0: they are the same; 1: they differ, and the difference is printed. Nothing is\n"+
			"written but twins, and those only with --update. The PKI must be at hand, and complete.",
			"hagen golden --update golden/kubernetes    # and commit it",
			"hagen golden golden/kubernetes             # in a pipeline"),
		Flags: []cli.Flag{
			fileFlag(), pkiFlag(),
			&cli.BoolFlag{Name: "update", Usage: "write the twins anew", DisableDefaultText: true},
			formatFlag(),
		},
		Action: func(ctx *cli.Context) error {
			dir, err := oneDirectory("golden", ctx.Args().Slice(), "golden/kubernetes")
			if err != nil {
				return err
			}
			return desk.Golden(ui, desk.Options{Place: placeOf(ctx), Formats: ctx.StringSlice("format")}, dir, ctx.Bool("update"))
		},
	}
}
