package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/certificates"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

func pkiListCommand(ui *console.UI, file, dir, asJSON cli.Flag) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list all certificates and keys, with their end and where machines have them",
		Description: describe("hagen reads no key and writes nothing: the keys may be elsewhere, and the directory read-only. A\n"+
			"certificate is marked when it has expired, or ends so soon that hagen render warns. --users lists who\n"+
			"was given kubeconfigs instead.",
			"hagen pki list",
			"hagen pki list --users",
			"hagen pki list --json | jq -r '.items[] | select(.state == \"expired\").name'"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "users", Usage: "list the client certificates that people were given", DisableDefaultText: true},
			file, dir, asJSON,
		},
		Action: func(ctx *cli.Context) error {
			switch {
			case ctx.Args().Present():
				return exit.Usage("hagen pki list takes no argument %q: for one certificate, hagen pki show %[1]s", ctx.Args().First())
			case ctx.Bool("users"):
				return certificates.Users(ui, placeOf(ctx), ctx.Bool("json"))
			}
			return certificates.List(ui, placeOf(ctx), ctx.Bool("json"))
		},
	}
}

func pkiShowCommand(ui *console.UI, file, dir, asJSON cli.Flag) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "show one certificate or key in full, but not the key itself",
		ArgsUsage: "NAME",
		Description: describe("NAME is a name of hagen pki list, or a file of the PKI directory.",
			"hagen pki show hosts/kubem00/apiserver",
			"hagen pki show authorities/kubernetes/ca --json | jq -r .sha256"),
		Flags: []cli.Flag{file, dir, asJSON},
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() != 1 || ctx.Args().First() == "" {
				return exit.Usage("hagen pki show takes one name: hagen pki list names all")
			}
			return certificates.Show(ui, placeOf(ctx), ctx.Args().First(), ctx.Bool("json"))
		},
	}
}

// flagsOf returns flags with those that only subcommands have: arrange takes the flags
// of all.
func flagsOf(flags []cli.Flag, below []*cli.Command) []cli.Flag {
	for _, c := range below {
		for _, f := range c.Flags {
			if findFlag(&cli.Command{Flags: flags}, "--"+f.Names()[0]) == nil {
				flags = append(flags, f)
			}
		}
	}
	return flags
}
