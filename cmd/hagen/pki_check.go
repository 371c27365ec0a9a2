package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/certificates"
	"hagen/cmd/hagen/internal/console"
)

func pkiCheckCommand(ui *console.UI, file, dir, asJSON cli.Flag) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "say which certificates have expired, or will soon",
		ArgsUsage: "[STORE|TREE|FILE…]",
		Description: describe("Without an argument, of the cluster's PKI directory. An argument is a PKI directory, a rendered\n"+
			"directory or its twins, on disk or in a git revision (REV:PATH), a document of one machine, a\n"+
			"kubeconfig, or a file with certificates. No key is needed. Exit code 1: one ends within the time; 3:\n"+
			"there is no certificate that hagen can read.",
			"hagen pki check",
			"hagen pki check --within 60d golden/kubernetes",
			"hagen pki check rendered/kubernetes/kubem00/config.ign ~/.kube/config",
			"hagen pki check --json | jq -r '.findings[].renew' | sort -u"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "within", Usage: "how long before its end a certificate is reported, a `TIME` such as 60d (default: 30d, an authority 1y, and of a short life its last third, as hagen render warns)"},
			file, dir, asJSON,
		},
		Action: func(ctx *cli.Context) error {
			return certificates.Check(ui, certificates.Asked{Place: placeOf(ctx), Within: ctx.String("within"), Sources: ctx.Args().Slice(), JSON: ctx.Bool("json")})
		},
	}
}
