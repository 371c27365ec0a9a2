package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
)

func pkiCompromisedCommand(ui *console.UI, file, dir, again, asJSON cli.Flag) *cli.Command {
	return &cli.Command{
		Name:      "compromised",
		Usage:     "say what somebody got who had a host, and what to do; mark its keys, and begin to replace them",
		ArgsUsage: "HOST…",
		Description: describe("For a master that was stolen, or whose disk, document, boot medium or user data somebody has read.\n"+
			"It lists the keys that were on it, what each gives and until when, and the steps, with their commands.\n"+
			"--write gives its certificates new keys, marks those that it shares, and begins the rotation of each\n"+
			"kind (hagen pki rotate). hagen render --replace and --join refuse marked keys.\n"+
			"The same command again changes nothing; --again is for a host that others have had once more.",
			"hagen pki compromised kubem01",
			"hagen pki compromised kubem01 --write",
			"hagen pki compromised kubem01 --write --again"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "write", Usage: "with compromised: mark keys, make new ones, begin rotations", DisableDefaultText: true},
			&cli.BoolFlag{Name: "leaves-later", Usage: "with compromised --write: certificates get new keys in phase issue of their authority, whose present key is not at hand", DisableDefaultText: true},
			again, file, dir, asJSON,
		},
		Action: func(ctx *cli.Context) error {
			return clusterpki.Compromised(ui, clusterpki.Theft{Place: placeOf(ctx), Hosts: ctx.Args().Slice(), Write: ctx.Bool("write"),
				Again: ctx.Bool("again"), LeavesLater: ctx.Bool("leaves-later"), JSON: ctx.Bool("json")})
		},
	}
}
