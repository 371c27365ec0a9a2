// Command hagen makes machine configuration: from one cluster file the whole
// PKI and one document per machine.
package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func main() {
	os.Exit(run(os.Args, newUI(os.Stdout, os.Stderr)))
}

// Exit codes. Scripts rely on them; docs/cli.md lists them.
const (
	exitNo     = 1 // the answer is no
	exitUsage  = 2 // wrong usage, or a cluster file that was refused
	exitFailed = 3 // it could not be done
)

// failure is an error with its exit code.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usage and failed make failures of the two kinds.
func usage(format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...)}
}

func failed(format string, args ...any) error {
	return &failure{exitFailed, fmt.Errorf(format, args...)}
}

// run is main without its exit.
func run(args []string, ui *ui) int {
	app := newApp(ui)
	err := app.Run(reorder(app, args))
	if err == nil {
		return 0
	}
	ui.fail(err)
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	return exitFailed
}

func newApp(ui *ui) *cli.App {
	app := &cli.App{
		Name:  "hagen",
		Usage: "makes the PKI and one boot document per machine of a highly available Kubernetes control plane",
		Description: "One cluster file in; out come certificates, and for every machine a document (Butane, Ignition)\n" +
			"with which it configures itself at first boot. Nothing is fetched, nobody logs in.\n\n" +
			"   hagen init                 write cluster.yaml, the cluster to start from\n" +
			"   hagen render               write pki/ and rendered/<cluster>/\n" +
			"   hagen render --host kubem00 --format ignition -o - | …",
		HideVersion:            true,
		HideHelpCommand:        true,
		EnableBashCompletion:   true,
		Suggest:                false,
		UseShortOptionHandling: false,
		Writer:                 ui.out,
		ErrWriter:              ui.err,
		ExitErrHandler:         func(*cli.Context, error) {}, // run does
		OnUsageError:           usageError,
		Commands: []*cli.Command{
			initCommand(ui), renderCommand(ui), kubeconfigCommand(ui),
			releasesCommand(ui), completionCommand(ui), versionCommand(ui),
		},
		Action: func(ctx *cli.Context) error {
			if ctx.Args().Present() {
				return unknown("command", ctx.Args().First(), commandNames(ctx.App.Commands))
			}
			return usage("name what to do: %s; hagen --help explains", strings.Join(commandNames(ctx.App.Commands), ", "))
		},
	}
	for _, c := range app.Commands {
		c.OnUsageError = usageError
		c.HideHelpCommand = true
	}
	return app
}

func commandNames(commands []*cli.Command) []string {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return names
}

// usageError puts the flag package's words into ours.
func usageError(_ *cli.Context, err error, _ bool) error {
	text := err.Error()
	switch {
	case strings.HasPrefix(text, "flag provided but not defined: "):
		return usage("there is no flag %s; --help lists those there are", strings.TrimPrefix(text, "flag provided but not defined: "))
	case strings.HasPrefix(text, "flag needs an argument: "):
		return usage("flag %s needs a value", strings.TrimPrefix(text, "flag needs an argument: "))
	case strings.HasPrefix(text, "invalid boolean value "):
		return usage("a flag that is on or off got another value; write it without one")
	}
	return usage("the flags cannot be read; --help explains them")
}

// noArguments refuses words that are no flags.
func noArguments(ctx *cli.Context) error {
	if ctx.Args().Present() {
		return usage("hagen %s takes no argument %q; --help lists its flags", ctx.Command.Name, ctx.Args().First())
	}
	return nil
}

// unknown refuses a word and lists those that are known.
func unknown(what, word string, known []string) error {
	return usage("there is no %s %q; known: %s", what, word, strings.Join(known, ", "))
}

// reorder puts a command's flags before its arguments: cli/v2 stops reading
// flags at the first argument. What stands after -- is left alone.
func reorder(app *cli.App, args []string) []string {
	i := slices.IndexFunc(args[min(1, len(args)):], func(a string) bool { return !strings.HasPrefix(a, "-") })
	if i < 0 || slices.Contains(args, "--generate-bash-completion") {
		return args
	}
	i++ // the command's place in args
	command := app.Command(args[i])
	if command == nil {
		return args
	}
	head, flags, words := args[:i+1], []string{}, []string{}
	for rest := args[i+1:]; len(rest) > 0; rest = rest[1:] {
		word := rest[0]
		if word == "--" {
			words = append(words, rest...)
			break
		}
		if !strings.HasPrefix(word, "-") || word == "-" {
			words = append(words, word)
			continue
		}
		flags = append(flags, word)
		if takesValue(command, word) && len(rest) > 1 {
			rest = rest[1:]
			flags = append(flags, rest[0])
		}
	}
	return slices.Concat(head, flags, words)
}

// takesValue says whether the word after a flag is its value.
func takesValue(command *cli.Command, word string) bool {
	name := strings.TrimLeft(word, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range command.Flags {
		if slices.Contains(f.Names(), name) {
			_, onOff := f.(*cli.BoolFlag)
			return !onOff
		}
	}
	return false
}
