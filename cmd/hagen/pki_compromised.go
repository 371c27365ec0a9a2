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
			"A host that others have had goes: it gets nothing until another machine is in its place. With --runs-on\n"+
			"nobody was on it, and it goes on. pki/ is the PKI directory, with all that is in it.\n"+
			"The same command again changes nothing; --again is for a host that others have had once more.",
			"hagen pki compromised kubem01",
			"hagen pki compromised kubem01 --write",
			"hagen pki compromised kubem01 --write --runs-on  # its document was read, or its boot medium",
			"hagen pki compromised pki/ --write               # the workstation with the PKI directory",
			"hagen pki compromised kubem01 --write --again"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "write", Usage: "with compromised: mark keys, make new ones, begin rotations", DisableDefaultText: true},
			&cli.BoolFlag{Name: "leaves-later", Usage: "with compromised --write: certificates get new keys in phase issue of their authority, whose present key is not at hand", DisableDefaultText: true},
			&cli.BoolFlag{Name: "runs-on", Usage: "with compromised: nobody was on the hosts themselves, whose document, medium or user data was read: they go on", DisableDefaultText: true},
			&cli.StringFlag{Name: "from", Usage: "with compromised: the tree `DIR` that machines were made from, if it is not in rendered/", TakesFile: true},
			again, file, dir, asJSON,
		},
		Action: func(ctx *cli.Context) error {
			return clusterpki.Compromised(ui, clusterpki.Theft{Place: placeOf(ctx), Hosts: ctx.Args().Slice(), Write: ctx.Bool("write"),
				Again: ctx.Bool("again"), LeavesLater: ctx.Bool("leaves-later"), RunsOn: ctx.Bool("runs-on"), From: ctx.String("from"), JSON: ctx.Bool("json")})
		},
	}
}
