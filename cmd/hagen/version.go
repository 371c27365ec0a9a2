package main

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
)

// version is set by the linker (see Makefile); a plain go build leaves it as it
// is.
var version = "devel"

func versionCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print hagen's version",
		Description: describe("", "hagen version"),
		Action: func(ctx *cli.Context) error {
			fmt.Fprintf(ui.Out, "hagen %s %s/%s %s\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
			return nil
		},
	}
}
