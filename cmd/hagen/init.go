package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/profiles"
)

func initCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "write a commented cluster file to start from",
		Description: describe("An existing file is never overwritten.",
			"hagen init",
			"hagen init --profile classic -f classic.yaml"),
		Flags: []cli.Flag{
			fileFlag(),
			&cli.StringFlag{Name: "profile", Value: profiles.Standard, Usage: "the `PROFILE` of the cluster: " + strings.Join(clusterfile.ProfileNames(), ", ")},
		},
		Action: func(ctx *cli.Context) error {
			if err := clusterfile.Refuse(ctx.String("file")); err != nil {
				return err
			}
			profile, known := profiles.FindProfile(ctx.String("profile"))
			if !known {
				return exit.Unknown("profile", ctx.String("profile"), clusterfile.ProfileNames())
			}
			return clusterfile.WriteNew(ui, ctx.String("file"), clusterfile.New(profile))
		},
	}
}
