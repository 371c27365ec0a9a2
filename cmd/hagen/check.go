package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/findings"
	"hagen/out/outside/verify"
)

func checkCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "say what does not hold within and across the machines of a rendered tree",
		ArgsUsage: "[DIR]",
		Description: describe("The tree may be hagen's, edited by hand, or a redacted twin. Without DIR it is the one cluster in\n"+
			"rendered/. Exit code 1 says that there are errors; warnings alone give 0.",
			"hagen check",
			"hagen check rendered/kubernetes --json | jq -r '.findings[].problem'",
			"hagen check --with systemd,haproxy,ignition,keepalived,cloud-init"),
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "with", Usage: "ask these `PROGRAMS`, too, where they are installed: " + strings.Join(verify.Names(), ","), KeepSpace: true},
			jsonFlag("print JSON"),
		},
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() > 1 {
				return exit.Usage("hagen check looks at one tree at a time: hagen check %s", ctx.Args().First())
			}
			return findings.Tell(ui, ctx.Args().First(), ctx.StringSlice("with"), ctx.Bool("json"))
		},
	}
}
