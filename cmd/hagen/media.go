package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/media"
	"hagen/profiles"
)

func mediaCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "media",
		Usage:     "make boot media from a rendered tree: volumes, initrds, and what else machines boot from",
		ArgsUsage: "[DIR]",
		Description: describe("The tree must be as hagen wrote it. Its documents are put onto media as they are; no PKI is needed.\n"+
			"Twins give media that may be shown. media.json says which document is on which medium.",
			"hagen media",
			"hagen media rendered/kubernetes -o /srv/media/kubernetes",
			"hagen media --host kubem00 --kind seed",
			"hagen media --base fedora-coreos-live.iso",
			"hagen media --json | jq -r '.media[] | [.host, .kind, .file] | @tsv'"),
		Flags: []cli.Flag{
			fileFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the media to `DIR` (default: media/<cluster>)"},
			&cli.StringSliceFlag{Name: "host", Usage: "make media of the host `NAME` alone", KeepSpace: true},
			&cli.StringSliceFlag{Name: "kind", Usage: "make this `KIND` alone: " + strings.Join(profiles.KindNames(), ", "), KeepSpace: true},
			&cli.StringSliceFlag{Name: "base", Usage: "make media from the image `FILE`: a live ISO of Fedora CoreOS, or a raw image of a disk", KeepSpace: true},
			jsonFlag("print the summary as JSON on stdout"),
		},
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() > 1 {
				return exit.Usage("hagen media takes one tree at a time: hagen media %s", ctx.Args().First())
			}
			return media.Make(ui, media.Options{
				File: ctx.String("file"), Tree: ctx.Args().First(), Output: ctx.String("output"),
				Hosts: ctx.StringSlice("host"), Kinds: ctx.StringSlice("kind"), Bases: ctx.StringSlice("base"), JSON: ctx.Bool("json"),
			})
		},
	}
}
