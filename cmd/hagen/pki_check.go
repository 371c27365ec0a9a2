package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/certificates"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

func pkiCheckCommand(ui *console.UI, file, dir, asJSON cli.Flag) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "say which certificates have expired, or will soon",
		ArgsUsage: "[STORE|TREE|FILE…]",
		Description: describe("Without an argument, of the cluster's PKI directory. An argument is a PKI directory, a rendered\n"+
			"directory or its twins, on disk or in a git revision (REV:PATH), a document of one machine, a\n"+
			"kubeconfig, or a file with certificates. No key is needed. Exit code 1: one ends within the time; 3:\n"+
			"one of them, or the cluster's tree, cannot be read.\n"+
			"--live asks the servers of the cluster file by a TLS handshake, without credentials, and compares what\n"+
			"they show with the PKI directory, or the tree that is named: it finds what was renewed and never\n"+
			"delivered. Exit code 1, too, if one does not answer. Nothing else of hagen but lock uses a network.",
			"hagen pki check",
			"hagen pki check --within 60d golden/kubernetes",
			"hagen pki check rendered/kubernetes/kubem00/config.ign ~/.kube/config",
			"hagen pki check --live --timeout 10s rendered/kubernetes",
			"hagen pki check --json | jq -r '.findings[].renew' | sort -u | sh"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "within", Usage: "how long before its end a certificate is reported, a `TIME` such as 60d (default: 30d, an authority 1y, and of a short life its last third, as hagen render warns)"},
			&cli.BoolFlag{Name: "live", Usage: "also ask API servers, etcd and load balancers which certificates they show", DisableDefaultText: true},
			withoutFlag("with --live: the machine `HOST` is off: do not ask its servers"),
			&cli.StringFlag{Name: "timeout", Value: "5s", Usage: "with --live: give up after this `TIME`"},
			file, dir, asJSON,
		},
		Action: func(ctx *cli.Context) error {
			if ctx.IsSet("timeout") && !ctx.Bool("live") {
				return exit.Usage("--timeout is for --live: add that, or leave it out")
			}
			if ctx.IsSet("without") && !ctx.Bool("live") {
				return exit.Usage("--without is for --live: add that, or leave it out")
			}
			return certificates.Check(ui, certificates.Asked{Place: placeOf(ctx), Within: ctx.String("within"), Sources: ctx.Args().Slice(),
				Live: ctx.Bool("live"), Timeout: ctx.String("timeout"), Without: ctx.StringSlice("without"), JSON: ctx.Bool("json")})
		},
	}
}
