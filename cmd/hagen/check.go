package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/findings"
	"hagen/cmd/hagen/internal/media"
	"hagen/out/outside/verify"
)

func checkCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "check a rendered tree for errors within and across its machines",
		ArgsUsage: "[DIR]",
		Description: describe("The tree may be as hagen wrote it, edited by hand, or redacted. Without DIR, hagen checks the one\n"+
			"cluster in rendered/. Exit code 1: there are errors. Warnings alone give 0. Of a directory of boot\n"+
			"media, it says which render each is made from.",
			"hagen check",
			"hagen check media/kubernetes",
			"hagen check rendered/kubernetes --json | jq -r '.findings[].problem'",
			"hagen check --with systemd,haproxy,ignition,keepalived,cloud-init"),
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "with", Usage: "also ask these `PROGRAMS`, where they are installed: " + strings.Join(verify.Names(), ","), KeepSpace: true},
			showFlag(),
			jsonFlag("print JSON"),
		},
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() > 1 {
				return exit.Usage("hagen check takes one tree at a time: hagen check %s", ctx.Args().First())
			}
			if dir := ctx.Args().First(); dir != "" && media.Is(dir) {
				return media.Check(ui, dir, "", ctx.Bool("json"))
			}
			err := findings.Check(ui, ctx.Args().First(), ctx.StringSlice("with"), ctx.StringSlice("show"), ctx.Bool("json"))
			media.NoteEarlier(ui, ctx.Args().First())
			return err
		},
	}
}
