package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/bases"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/digests"
	"hagen/cmd/hagen/internal/exit"
)

func lockCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:  "lock",
		Usage: "find the digests of what machines fetch, and write them to the lock file",
		Description: describe("It uses a network, which no other command but hagen pki check --live does. With --from it does so only\n"+
			"for a file whose checksum file has no SHA-512 and which is not beside that. Commit the lock file with the cluster file, which it is\n"+
			"beside: render takes digests only from there.",
			"hagen lock",
			"hagen lock --from /srv/mirror",
			"hagen lock --from /srv/mirror/SHA512SUMS",
			"hagen lock --upstream    # instead of the cluster file's mirror",
			"hagen lock --base fedora-coreos-live.iso    # what hagen media may make media from"),
		Flags: []cli.Flag{
			fileFlag(),
			&cli.StringFlag{Name: "from", Usage: "read the files in a directory, or a checksum file: `DIR|FILE`"},
			&cli.BoolFlag{Name: "upstream", Usage: "ask upstream's servers, even if the cluster file names a mirror", DisableDefaultText: true},
			&cli.BoolFlag{Name: "flat", Usage: "with --upstream: the mirror has all files in one directory, not in upstream's directories", DisableDefaultText: true},
			&cli.StringSliceFlag{Name: "base", Usage: "record the image `FILE`, instead of any digests: hagen media then makes media from no others than those of the last such run", KeepSpace: true},
			&cli.StringFlag{Name: "timeout", Value: "10m", Usage: "give up after this `TIME`"},
		},
		Action: func(ctx *cli.Context) error {
			if base := ctx.StringSlice("base"); len(base) > 0 {
				for _, other := range []string{"from", "upstream", "flat", "timeout"} {
					if ctx.IsSet(other) {
						return exit.Usage("--base records images alone, and fetches nothing: leave out --%s, or run hagen lock for that by itself", other)
					}
				}
				return bases.Lock(ui, ctx.String("file"), base)
			}
			return digests.Lock(ui, digests.Options{File: ctx.String("file"), From: ctx.String("from"), Timeout: ctx.String("timeout"), Upstream: ctx.Bool("upstream"), Flat: ctx.Bool("flat"), Version: version})
		},
	}
}
