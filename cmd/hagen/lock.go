package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/digests"
)

func lockCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:  "lock",
		Usage: "find the digests of what machines fetch, and write them to a lock file",
		Description: describe("hagen's one command that uses a network; with --from only for files of which a checksum file has the\n"+
			"SHA-256 alone, and which are not beside it. The lock file stands beside the cluster file and belongs\n"+
			"with it: render takes digests from there alone.",
			"hagen lock",
			"hagen lock --from /srv/mirror",
			"hagen lock --from /srv/mirror/SHA512SUMS",
			"hagen lock --upstream    # not the cluster file's mirror"),
		Flags: []cli.Flag{
			fileFlag(),
			&cli.StringFlag{Name: "from", Usage: "read the files in a directory, or a checksum file: `DIR|FILE`"},
			&cli.BoolFlag{Name: "upstream", Usage: "ask upstream's servers where the cluster file names a mirror", DisableDefaultText: true},
			&cli.BoolFlag{Name: "flat", Usage: "with --upstream: the mirror has all files in one directory, not in upstream's", DisableDefaultText: true},
			&cli.StringFlag{Name: "timeout", Value: "10m", Usage: "give up after this `TIME`"},
		},
		Action: func(ctx *cli.Context) error {
			return digests.Lock(ui, digests.Options{File: ctx.String("file"), From: ctx.String("from"), Timeout: ctx.String("timeout"), Upstream: ctx.Bool("upstream"), Flat: ctx.Bool("flat"), Version: version})
		},
	}
}
