package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

func pkiPruneCommand(ui *console.UI, file, dir, asJSON cli.Flag) *cli.Command {
	return &cli.Command{
		Name:  "prune",
		Usage: "remove certificates and keys of hosts that are gone from the cluster file",
		Description: describe("A render with the cluster file has to be done before: it says what etcd needs. Authorities and what\n"+
			"a cluster keeps for ever stay. What is removed is listed, with what a copy of it can still do and\n"+
			"until when: no certificate can be revoked.\n"+
			"--retired also removes keys of Secrets that a rotation retired longer ago: snapshots from before it\n"+
			"are of no use then.",
			"hagen pki prune",
			"hagen pki prune --retired 90d"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "retired", Usage: "with prune: keys of Secrets, too, that were retired longer than this `TIME` ago, such as 90d"},
			file, dir, asJSON,
		},
		Action: func(ctx *cli.Context) error {
			if ctx.Args().Present() {
				return exit.Usage("hagen pki prune takes no argument %q: it removes what no host of the cluster file has any more", ctx.Args().First())
			}
			return clusterpki.Prune(ui, placeOf(ctx), ctx.String("retired"), ctx.Bool("json"))
		},
	}
}
