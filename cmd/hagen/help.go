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
			words := ctx.Args().Slice()
			if len(words) == 0 {
				return cli.ShowAppHelp(ctx)
			}
			command := ctx.App.Command(words[0])
			path, rest := words[0], words[1:]
			if command != nil && len(rest) > 0 && command.Command(rest[0]) != nil {
				command, path, rest = command.Command(rest[0]), path+" "+rest[0], rest[1:]
			}
			switch {
			case len(rest) > 0:
				return exit.Usage("help explains one command at a time: hagen help %s", path)
			case command == nil:
				return exit.Unknown("command", path, commandNames(ctx.App.Commands))
			}
			cli.HelpPrinter(ctx.App.Writer, commandHelp, page{command, path})
			return nil
		},
	}
}

// page is the data of a command's help page.
type page struct {
	*cli.Command
	Path string // the command's name, after its parent's
}

// describe returns the text of a help page with its examples.
func describe(text string, examples ...string) string {
	if text != "" {
		text += "\n\n"
	}
	return text + "Examples:\n  " + strings.Join(examples, "\n  ")
}

// The help pages: shorter than cli/v2's own, in the style of kubectl and
// kubeadm.
const (
	appHelp = `{{.Name}} {{.Usage}}

Usage: {{.UsageText}}

{{.Description}}

Commands:{{range .VisibleCommands}}
  {{.Name}}{{"\t"}}{{.Usage}}{{end}}

hagen COMMAND --help explains a command and its flags.
`
	commandHelp = `hagen {{.Path}}: {{.Usage}}

Usage: hagen {{.Path}} [FLAG]…{{with .ArgsUsage}} {{.}}{{end}}

{{.Description}}
{{if .Subcommands}}
Commands:{{range .Subcommands}}
  {{.Name}}{{"\t"}}{{.Usage}}{{end}}
{{end}}
Flags:{{range .VisibleFlags}}
  {{.}}{{end}}
  --help, -h{{"\t"}}show this page
`
)
