package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/images"
	"hagen/out/outside/sysext"
)

func sysextCommand(ui *console.UI) *cli.Command {
	const ask = "say what to do: hagen sysext build --from DIR"
	flags := []cli.Flag{
		fileFlag(),
		&cli.StringFlag{Name: "from", Usage: "take the binaries in `DIR`, in any directory there"},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: ".", Usage: "write the images to `DIR`"},
		&cli.StringFlag{Name: "format", Usage: "`FORMAT` of the images: " + strings.Join(sysext.Formats(), ", ") + " (default: squashfs, or erofs where SELinux needs labels)"},
		&cli.StringFlag{Name: "for", Value: sysext.Any, Usage: "the operating system that the images are for, as os-release names it: `ID[:VERSION_ID]`"},
	}
	return &cli.Command{
		Name:      "sysext",
		Usage:     "build the images that systemd-sysext merges, from binaries in a directory",
		ArgsUsage: "build",
		Description: describe("Versions and architecture come from the cluster file. The same binaries give the same bytes.\n"+
			"etcd may be in upstream's archive.",
			"hagen sysext build --from /srv/binaries -o /srv/mirror",
			"hagen lock --from /srv/mirror"),
		Flags:  flags,
		Action: func(*cli.Context) error { return exit.Usage(ask) },
		Subcommands: []*cli.Command{{
			Name:  "build",
			Usage: "build the images that the cluster's machines merge",
			Description: describe("An existing image with the same content stays as it is.",
				"hagen sysext build --from /srv/binaries -o /srv/mirror"),
			Flags: flags,
			Action: func(ctx *cli.Context) error {
				switch {
				case ctx.Args().Present():
					return exit.Usage(ask)
				case ctx.String("from") == "":
					return exit.Usage("name the directory with the binaries: hagen sysext build --from DIR")
				case ctx.IsSet("format") && !slices.Contains(sysext.Formats(), ctx.String("format")):
					return exit.Unknown("format", ctx.String("format"), sysext.Formats())
				}
				return images.Build(ui, images.Options{File: ctx.String("file"), From: ctx.String("from"), Output: ctx.String("output"), Format: ctx.String("format"), For: ctx.String("for")})
			},
		}},
	}
}
