package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/render"
)

func goldenCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "golden",
		Usage:     "compare committed twins with what hagen render would write now",
		ArgsUsage: "DIR",
		Description: describe("Exit code 0: they are the same; 1: they differ, and the difference is printed. Only --update writes\n"+
			"anything: the twins. The PKI must be present and complete.",
			"hagen golden --update golden/kubernetes    # and commit it",
			"hagen golden golden/kubernetes             # in a pipeline"),
		Flags: []cli.Flag{
			fileFlag(), pkiFlag(),
			&cli.BoolFlag{Name: "update", Usage: "rewrite the twins", DisableDefaultText: true},
			formatFlag(), showFlag(),
		},
		Action: func(ctx *cli.Context) error {
			dir, err := oneDirectory("golden", ctx.Args().Slice(), "golden/kubernetes")
			if err != nil {
				return err
			}
			return render.Golden(ui, render.Options{Place: placeOf(ctx), Formats: ctx.StringSlice("format")}, dir, ctx.Bool("update"), ctx.StringSlice("show"))
		},
	}
}
