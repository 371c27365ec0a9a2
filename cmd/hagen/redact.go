package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/desk"
)

func redactCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "redact",
		Usage:     "write the twins of a rendered tree: documents that may be shown",
		ArgsUsage: "DIR",
		Description: describe("In a twin, what identifies a secret stands in its place, and what a certificate says in its.\n"+
			"hagen render --redact gives the same bytes. The tree may have been edited by hand: read its twin\n"+
			"before you show it, since a secret of a form that hagen does not know stays (docs/twins.md).",
			"hagen redact rendered/kubernetes",
			"hagen redact /srv/boot/prod -o review/prod"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the twins to `DIR` (default: the tree's name with -redacted)"},
		},
		Action: func(ctx *cli.Context) error {
			dir, err := oneDirectory("redact", ctx.Args().Slice(), "rendered/kubernetes")
			if err != nil {
				return err
			}
			return desk.Redact(ui, dir, ctx.String("output"))
		},
	}
}
