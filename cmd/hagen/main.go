// Command hagen makes machine configuration: from one cluster file the whole
// PKI and one document per machine.
package main

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

func main() {
	collectLate()
	os.Exit(run(os.Args, console.New(os.Stdout, os.Stderr)))
}

// collectLate lets a run have 32 MiB before the first garbage collection. Most
// are over by then, and take a seventh less time. From then on there are fewer
// collections than Go makes, which saves a tenth for half as much memory again.
func collectLate() {
	debug.SetGCPercent(800) // of 4 MiB
	runtime.AddCleanup(&struct{ collected *int }{}, func(int) { debug.SetGCPercent(200) }, 0)
}

// run is main without its exit.
func run(args []string, ui *console.UI) int {
	err := start(newApp(ui), args[min(1, len(args)):])
	_, no := errors.AsType[exit.Differs](err)
	if (err == nil || no) && ui.Out.Failed != nil {
		err = exit.Failed("standard output cannot be written: %w", exit.Reason(ui.Out.Failed))
	}
	switch {
	case err == nil:
		return 0
	case err == error(exit.Differs{}):
		return exit.Code(err)
	}
	ui.Fail(err)
	return exit.Code(err)
}

// start passes the arguments to the command that they name.
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

func newApp(ui *console.UI) *cli.App {
	app := &cli.App{
		Name:      "hagen",
		Usage:     "makes the PKI and one boot document per machine of a highly available Kubernetes control plane",
		UsageText: "hagen COMMAND [FLAG]…",
		Description: describe("From one cluster file, hagen makes certificates and a document for every machine (Ignition or\n"+
			"cloud-init), with which the machine configures itself at first boot, without a login.",
			"hagen init      # write cluster.yaml to start from",
			"hagen render    # write pki/ and rendered/<cluster>/",
			"hagen diff rendered/<cluster> .    # what would the next render change?",
			"hagen render --help"),
		HideVersion:               true, // version is a command; arrange handles --version
		HideHelp:                  true, // help is a command; arrange handles --help
		DisableSliceFlagSeparator: true, // a group may have a comma in its name
		CustomAppHelpTemplate:     appHelp,
		Writer:                    ui.Out,
		ErrWriter:                 ui.Err,
		ExitErrHandler:            func(*cli.Context, error) {}, // run does
		Commands: []*cli.Command{
			initCommand(ui), lockCommand(ui), sysextCommand(ui), renderCommand(ui), checkCommand(ui), diffCommand(ui), planCommand(ui), redactCommand(ui), goldenCommand(ui), mediaCommand(ui), kubeconfigCommand(ui), pkiCommand(ui),
			releasesCommand(ui), channelsCommand(ui), completionCommand(ui), versionCommand(ui), helpCommand(),
		},
	}
	for _, c := range app.Commands {
		c.HideHelp = true
		for _, below := range c.Subcommands {
			below.HideHelp = true
		}
	}
	return app
}
