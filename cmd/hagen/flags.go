package main

import (
	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/clusterfile"
)

// Flags that several commands share.
func fileFlag() cli.Flag {
	return &cli.StringFlag{Name: "file", Aliases: []string{"f"}, Value: clusterfile.DefaultName, Usage: "the cluster `FILE`"}
}

func pkiFlag() cli.Flag {
	return &cli.StringFlag{Name: "pki", Usage: "keep certificates and keys in `DIR` (default: pki beside the cluster file)"}
}

// showFlag names items of which all lines are shown, also those that are not hagen's.
func showFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "show", Usage: "show all lines of a file or unit, but its keys, by `PATH` or unit's name", KeepSpace: true}
}

// withoutFlag names machines that are off.
func withoutFlag(use string) cli.Flag {
	return &cli.StringSliceFlag{Name: "without", Usage: use, KeepSpace: true}
}

func jsonFlag(use string) cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: use, DisableDefaultText: true}
}

// placeOf returns the values of fileFlag and pkiFlag.
func placeOf(ctx *cli.Context) clusterfile.Place {
	return clusterfile.Place{File: ctx.String("file"), Named: ctx.IsSet("file"), PKI: ctx.String("pki")}
}
