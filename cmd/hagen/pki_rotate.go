package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

func pkiRotateCommand(ui *console.UI, file, dir, asJSON cli.Flag) *cli.Command {
	return &cli.Command{
		Name:      "rotate",
		Usage:     "replace a key that all machines share, in phases, while the cluster runs",
		ArgsUsage: "service-account|secrets [--to trust|issue|retire]",
		Description: describe("For a key that somebody may have read. In phase trust machines accept the next key, in phase\n"+
			"issue they use it, and in phase retire they refuse the former one. Between two phases all masters\n"+
			"get documents: hagen render, in the order of hagen plan. No server shows these keys, so you say\n"+
			"with --delivered that all masters have them. Without --to it says where the rotation stands and\n"+
			"what comes next.",
			"hagen pki rotate service-account",
			"hagen pki rotate service-account --to trust",
			"hagen pki rotate service-account --to issue --delivered",
			"hagen pki rotate secrets --to retire --delivered --rewritten"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "with rotate: the `PHASE` to begin: trust, issue, retire"},
			&cli.BoolFlag{Name: "delivered", Usage: "with rotate: all masters have the documents of the phase before", DisableDefaultText: true},
			&cli.BoolFlag{Name: "rewritten", Usage: "with rotate secrets --to retire: all Secrets were written again with the new key", DisableDefaultText: true},
			file, dir, asJSON,
		},
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() > 1 {
				return exit.Usage("hagen pki rotate takes one kind of key, and the phase with --to: leave %q out", ctx.Args().Get(1))
			}
			return clusterpki.Rotate(ui, clusterpki.Rotation{Place: placeOf(ctx), Kind: ctx.Args().First(), To: ctx.String("to"),
				Delivered: ctx.Bool("delivered"), Rewritten: ctx.Bool("rewritten"), JSON: ctx.Bool("json")})
		},
	}
}
