package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/render"
)

func redactCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "redact",
		Usage:     "write the twins of a rendered tree: documents without secrets",
		ArgsUsage: "DIR",
		Description: describe("A twin has a fingerprint instead of each secret, and a summary instead of each certificate.\n"+
			"hagen render --redact writes the same bytes. Of a tree that was edited by hand, a twin\n"+
			"counts the lines that hagen does not write (docs/twins.md).",
			"hagen redact rendered/kubernetes",
			"hagen redact /srv/boot/prod -o review/prod"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the twins to `DIR` (default: the tree's name with -redacted)"},
			showFlag(),
		},
		Action: func(ctx *cli.Context) error {
			dir, err := oneDirectory("redact", ctx.Args().Slice(), "rendered/kubernetes")
			if err != nil {
				return err
			}
			return render.Redact(ui, dir, ctx.String("output"), ctx.StringSlice("show"))
		},
	}
}
