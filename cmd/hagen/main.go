// Command hagen makes machine configuration: from one cluster file the whole
// PKI and one document per machine.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

func main() {
	// A run is over before the collector has done much good: fewer rounds
	// make it a tenth faster, for five more megabytes.
	debug.SetGCPercent(200)
	os.Exit(run(os.Args, newUI(os.Stdout, os.Stderr)))
}

// Exit codes. Scripts rely on them; docs/cli.md lists them.
const (
	exitNo     = 1 // the answer is no, of a command that was asked something
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

// no, usage and failed make failures of the three kinds.
func no(format string, args ...any) error {
	return &failure{exitNo, fmt.Errorf(format, args...)}
}

func usage(format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...)}
}

func failed(format string, args ...any) error {
	return &failure{exitFailed, fmt.Errorf(format, args...)}
}

// run is main without its exit.
func run(args []string, ui *ui) int {
	err := start(newApp(ui), args[min(1, len(args)):])
	_, no := errors.AsType[differs](err)
	if (err == nil || no) && ui.out.err != nil {
		err = failed("standard output cannot be written: %w", reason(ui.out.err))
	}
	switch {
	case err == nil:
		return 0
	case err == error(differs{}):
		return exitNo
	}
	ui.fail(err)
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code
	}
	return exitFailed
}

// start hands the arguments to the command they name.
func start(app *cli.App, args []string) error {
	if len(args) > 0 && args[0] == completeWord {
		complete(app, args[1:])
		return nil
	}
	args, err := arrange(app.Commands, args)
	if err != nil {
		return err
	}
	return app.Run(append([]string{app.Name}, args...))
}

func newApp(ui *ui) *cli.App {
	app := &cli.App{
		Name:      "hagen",
		Usage:     "makes the PKI and one boot document per machine of a highly available Kubernetes control plane",
		UsageText: "hagen COMMAND [FLAG]…",
		Description: describe("One cluster file in; out come certificates, and for every machine a document (Butane, Ignition)\n"+
			"with which it configures itself at first boot. Nobody logs in.",
			"hagen init      # write cluster.yaml, the cluster to start from",
			"hagen render    # write pki/ and rendered/<cluster>/",
			"hagen diff rendered/<cluster> .    # what would the next render change?",
			"hagen render --help"),
		HideVersion:               true, // version is a command, and --version means it
		HideHelp:                  true, // help is a command like the others; see arrange for --help
		DisableSliceFlagSeparator: true, // a group may have a comma in its name
		CustomAppHelpTemplate:     appHelp,
		Writer:                    ui.out,
		ErrWriter:                 ui.err,
		ExitErrHandler:            func(*cli.Context, error) {}, // run does
		Commands: []*cli.Command{
			initCommand(ui), lockCommand(ui), sysextCommand(ui), renderCommand(ui), checkCommand(ui), diffCommand(ui), planCommand(ui), redactCommand(ui), goldenCommand(ui), kubeconfigCommand(ui), pkiCommand(ui),
			releasesCommand(ui), channelsCommand(ui), completionCommand(ui), versionCommand(ui), helpCommand(),
		},
	}
	for _, c := range app.Commands {
		c.HideHelp = true
	}
	return app
}
