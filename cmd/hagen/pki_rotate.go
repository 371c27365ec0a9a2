package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/certificates"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/control"
)

func pkiRotateCommand(ui *console.UI, file, dir, asJSON cli.Flag) *cli.Command {
	return &cli.Command{
		Name:      "rotate",
		Usage:     "replace an authority, or a key that machines share, in phases, while the cluster runs",
		ArgsUsage: "KIND [--to trust|issue|retire]",
		Description: describe("For a key that somebody may have read. KIND is "+strings.Join(control.RotatedKinds(), ", ")+".\n"+
			"In phase trust machines accept the next key, in phase issue they use it, and in phase retire they\n"+
			"refuse the former one. Between two phases all machines get documents: hagen render, in the order of\n"+
			"hagen plan. You say with --delivered that they have them; before phase issue of an authority --live\n"+
			"can ask the servers. Without --to it says where the rotation stands and what comes next. The former\n"+
			"key of an authority is not needed; if it is here, it signs the next one, for those who trust only\n"+
			"the former one.",
			"hagen pki rotate kubernetes",
			"hagen pki rotate kubernetes --to trust",
			"hagen pki rotate kubernetes --to issue --live",
			"hagen pki rotate kubernetes --to retire --delivered",
			"hagen pki rotate secrets --to retire --delivered --rewritten"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "with rotate: the `PHASE` to begin: trust, issue, retire"},
			&cli.BoolFlag{Name: "delivered", Usage: "with rotate: all machines have the documents of the phase before", DisableDefaultText: true},
			&cli.BoolFlag{Name: "live", Usage: "with rotate: ask the servers whether they have the documents of the phase before", DisableDefaultText: true},
			withoutFlag("with rotate --delivered or --live: the machine `HOST` is off, and has not got these documents"),
			&cli.BoolFlag{Name: "rewritten", Usage: "with rotate secrets --to retire: all Secrets were written again with the new key", DisableDefaultText: true},
			&cli.BoolFlag{Name: "waited", Usage: "with rotate service-account --to retire: nobody uses tokens of the former key any more", DisableDefaultText: true},
			file, dir, asJSON,
		},
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() > 1 {
				return exit.Usage("hagen pki rotate takes one kind of key, and the phase with --to: leave %q out", ctx.Args().Get(1))
			}
			return clusterpki.Rotate(ui, clusterpki.Rotation{Place: placeOf(ctx), Kind: ctx.Args().First(), To: ctx.String("to"),
				Delivered: ctx.Bool("delivered"), Live: ctx.Bool("live"), Without: ctx.StringSlice("without"), Rewritten: ctx.Bool("rewritten"), Waited: ctx.Bool("waited"), JSON: ctx.Bool("json"), Refusing: certificates.Refusing})
		},
	}
}
