package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/exit"
)

func helpCommand() *cli.Command {
	return &cli.Command{
		Name:        "help",
		Usage:       "explain hagen, or one command",
		ArgsUsage:   "[COMMAND]",
		Description: describe("", "hagen help", "hagen help render"),
		Action: func(ctx *cli.Context) error {
			switch name := ctx.Args().First(); {
			case ctx.NArg() > 1:
				return exit.Usage("help explains one command at a time: hagen help %s", name)
			case name == "":
				return cli.ShowAppHelp(ctx)
			case ctx.App.Command(name) == nil:
				return exit.Unknown("command", name, commandNames(ctx.App.Commands))
			default:
				cli.HelpPrinter(ctx.App.Writer, commandHelp, ctx.App.Command(name))
				return nil
			}
		},
	}
}

// describe writes the text of a help page with its examples.
func describe(text string, examples ...string) string {
	if text != "" {
		text += "\n\n"
	}
	return text + "Examples:\n  " + strings.Join(examples, "\n  ")
}

// The help pages: shorter than cli/v2's own, in the manner of the tools they
// stand beside.
const (
	appHelp = `{{.Name}} {{.Usage}}

Usage: {{.UsageText}}

{{.Description}}

Commands:{{range .VisibleCommands}}
  {{.Name}}{{"\t"}}{{.Usage}}{{end}}

hagen COMMAND --help explains a command and its flags.
`
	commandHelp = `hagen {{.Name}}: {{.Usage}}

Usage: hagen {{.Name}} [FLAG]…{{with .ArgsUsage}} {{.}}{{end}}

{{.Description}}

Flags:{{range .VisibleFlags}}
  {{.}}{{end}}
  --help, -h{{"\t"}}show this page
`
)
