package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

func pkiCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "pki",
		Usage:     "make a cluster's authorities, or hand its PKI directory over to the name it has now",
		ArgsUsage: "init | rename OLD NEW",
		Description: describe("init makes what machines never exchange by themselves: the authorities, the service-account\n"+
			"key and the key of Secrets. hagen render does that, too, unless anything says that the cluster\n"+
			"has some: its lock file, or what was rendered. With --again the directory that is there is\n"+
			"set aside, and the cluster begins anew: its machines have to be made anew, too.\n"+
			"rename writes down that the directory of cluster OLD belongs to NEW, as the cluster file calls it.",
			"hagen pki init",
			"hagen pki init --again    # only where nothing runs with the old keys",
			"hagen pki rename staging prod"),
		Flags: []cli.Flag{
			fileFlag(), pkiFlag(),
			&cli.BoolFlag{Name: "again", Usage: "with init: make other keys than the cluster has", DisableDefaultText: true},
			jsonFlag("print the summary as JSON on stdout"),
		},
		Action: func(ctx *cli.Context) error {
			switch words := ctx.Args().Slice(); {
			case len(words) == 1 && words[0] == "init":
				return clusterpki.Init(ui, placeOf(ctx), ctx.Bool("again"), ctx.Bool("json"))
			case len(words) > 0 && words[0] == "rename" && ctx.Bool("json"):
				return exit.Usage("--json is for hagen pki init: leave it out")
			case len(words) == 3 && words[0] == "rename" && !ctx.Bool("again"):
				return clusterpki.Rename(ui, placeOf(ctx), words[1], words[2])
			case len(words) > 0 && words[0] == "rename":
				return exit.Usage("hagen pki rename takes the name that the cluster had and the one it has: hagen pki rename OLD NEW")
			}
			return exit.Usage("say what to do: hagen pki init, or hagen pki rename OLD NEW")
		},
	}
}
