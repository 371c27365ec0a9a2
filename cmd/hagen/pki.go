package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

func pkiCommand(ui *console.UI) *cli.Command {
	file, dir := fileFlag(), pkiFlag()
	all := &cli.BoolFlag{Name: "all", Usage: "with forget: all names that the cluster file no longer has; with renew: all certificates", DisableDefaultText: true}
	again := &cli.BoolFlag{Name: "again", Usage: "with init: make new keys for a cluster that has some; with compromised: others have had the host once more", DisableDefaultText: true}
	asJSON := jsonFlag("print the result as JSON on stdout")
	looking := []*cli.Command{pkiListCommand(ui, file, dir, asJSON), pkiShowCommand(ui, file, dir, asJSON), pkiCheckCommand(ui, file, dir, asJSON)}
	own := append(looking, pkiRenewCommand(ui, file, dir, asJSON, all), pkiRotateCommand(ui, file, dir, asJSON), pkiCompromisedCommand(ui, file, dir, again, asJSON),
		pkiPruneCommand(ui, file, dir, asJSON), pkiRecoverCommand(ui, file, dir, asJSON))
	return &cli.Command{
		Name:      "pki",
		Usage:     "list and renew certificates, make authorities, rename a cluster, or remove names that certificates keep",
		ArgsUsage: "COMMAND",
		Description: describe("init makes the keys that a cluster keeps for ever: those of its authorities, the service-account\n"+
			"key and the key that encrypts Secrets. hagen render makes them, too, unless the lock file or a\n"+
			"rendered tree shows that the cluster has some. --again moves the present directory aside and makes\n"+
			"new keys: every machine of the cluster must then be installed again.\n"+
			"renew issues certificates again, with new dates; rotate replaces authorities and keys; compromised\n"+
			"says what to do when somebody had a host.\n"+
			"rename records that the directory of cluster OLD belongs to NEW, its name in the cluster file.\n"+
			"forget removes names and addresses that the API servers' certificates keep for clients although the\n"+
			"cluster file no longer has them.\n"+
			"prune removes certificates and keys of hosts that are gone.\n"+
			"recover makes a lost directory again from documents.\n"+
			"list and show print no key.",
			"hagen pki list",
			"hagen pki check --within 60d",
			"hagen pki init",
			"hagen pki init --again    # only where nothing runs with the old keys",
			"hagen pki renew --expiring 30d",
			"hagen pki rename staging prod",
			"hagen pki forget lb00.example.com 10.10.10.2"),
		Flags: flagsOf([]cli.Flag{file, dir, again, all, asJSON}, own),
		Action: func(ctx *cli.Context) error {
			return exit.Usage("say what to do: hagen pki %s; hagen pki --help explains them", strings.Join(commandNames(ctx.Command.Subcommands), ", "))
		},
		Subcommands: append(own, []*cli.Command{{
			Name:  "init",
			Usage: "make the authorities of a cluster that has none, or new ones",
			Description: describe("--again moves the present directory aside.",
				"hagen pki init",
				"hagen pki init --again    # only where nothing runs with the old keys"),
			Flags: []cli.Flag{file, dir, again, asJSON},
			Action: func(ctx *cli.Context) error {
				if ctx.Args().Present() {
					return exit.Usage("hagen pki init takes no argument %q", ctx.Args().First())
				}
				return clusterpki.Init(ui, placeOf(ctx), ctx.Bool("again"), ctx.Bool("json"))
			},
		}, {
			Name:      "rename",
			Usage:     "record that the PKI directory of cluster OLD belongs to NEW",
			ArgsUsage: "OLD NEW",
			Description: describe("NEW is the cluster's name in the cluster file. Keys and certificates stay as they are.",
				"hagen pki rename staging prod"),
			Flags: []cli.Flag{file, dir},
			Action: func(ctx *cli.Context) error {
				if ctx.NArg() != 2 {
					return exit.Usage("hagen pki rename takes the cluster's old name and its new one: hagen pki rename OLD NEW")
				}
				return clusterpki.Rename(ui, placeOf(ctx), ctx.Args().Get(0), ctx.Args().Get(1))
			},
		}, {
			Name:      "forget",
			Usage:     "remove names that the API servers' certificates keep",
			ArgsUsage: "NAME… | --all",
			Description: describe("A name or address that all API servers have had in their certificates stays there when the\n"+
				"cluster file no longer has it: kubeconfigs, kubelets and pods may use it. hagen render lists\n"+
				"these names. When no client uses one any more, forget it, and render: that reissues the\n"+
				"certificates without it. --all forgets all of them: for a cluster that never ran.",
				"hagen pki forget lb00.example.com 10.10.10.2",
				"hagen pki forget --all"),
			Flags: []cli.Flag{file, dir, all, asJSON},
			Action: func(ctx *cli.Context) error {
				if ctx.Args().Present() == ctx.Bool("all") {
					return exit.Usage("hagen pki forget takes the names to remove from certificates, or --all: hagen render lists the names that they keep")
				}
				return clusterpki.Forget(ui, placeOf(ctx), ctx.Args().Slice(), ctx.Bool("json"))
			},
		}}...),
	}
}
