package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
)

func pkiRecoverCommand(ui *console.UI, file, dir, asJSON cli.Flag) *cli.Command {
	return &cli.Command{
		Name:      "recover",
		Usage:     "make a lost PKI directory again from documents of the cluster's machines",
		ArgsUsage: "TREE|DOCUMENT…",
		Description: describe("Documents have all keys but those of authorities. The new directory has them, with what was given to\n"+
			"users, if kubeconfigs are among what is named: hagen render writes the same documents with it.\n"+
			"Nothing can be issued before hagen pki rotate has made other authorities, which needs no former\n"+
			"key. TREE is a rendered directory, also one of --replace or --join, or one with the files of a\n"+
			"running master. What is missing is named. An existing directory is never overwritten.",
			"hagen pki recover rendered/prod",
			"hagen pki recover kubem00/config.ign kubem01/config.ign admin.kubeconfig"),
		Flags: []cli.Flag{file, dir, asJSON},
		Action: func(ctx *cli.Context) error {
			return clusterpki.Recover(ui, clusterpki.Recovery{Place: placeOf(ctx), From: ctx.Args().Slice(), JSON: ctx.Bool("json")})
		},
	}
}
