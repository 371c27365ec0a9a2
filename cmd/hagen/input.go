package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/spec"
	"hagen/out"
	"hagen/out/tree"
	"hagen/pki/store"
)

const (
	defaultFile = "cluster.yaml"
	pipe        = "-" // what -o names standard output with
)

// Flags that several commands share.
func fileFlag() cli.Flag {
	return &cli.StringFlag{Name: "file", Aliases: []string{"f"}, Value: defaultFile, Usage: "the cluster `FILE`"}
}

func pkiFlag() cli.Flag {
	return &cli.StringFlag{Name: "pki", Usage: "keep certificates and keys in `DIR` (default: pki beside the cluster file)"}
}

func jsonFlag(use string) cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: use, DisableDefaultText: true}
}

// placeOf is what fileFlag and pkiFlag say.
func placeOf(ctx *cli.Context) place {
	return place{File: ctx.String("file"), Named: ctx.IsSet("file"), PKI: ctx.String("pki")}
}

// readCluster reads and validates the cluster file and prints its warnings and
// notes.
func readCluster(ui *console.UI, path string) (*cluster.Cluster, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return validCluster(ui, spec.Source{Name: path, Text: text})
}

// validCluster validates a cluster file and prints its warnings and notes.
func validCluster(ui *console.UI, source spec.Source) (*cluster.Cluster, error) {
	c, err := gen.Read(source)
	if err != nil {
		return nil, exit.With(exit.CodeUsage, err)
	}
	for _, w := range c.Warnings {
		ui.Warn(source.Explain(w))
	}
	for _, n := range c.Notes {
		ui.Note(source.Explain(n))
	}
	return c, nil
}

// readFile reads a cluster file. One byte more than it may have is enough for
// the parser to refuse it.
func readFile(path string) ([]byte, error) {
	if err := refuseFile(path); err != nil {
		return nil, err
	}
	text, err := readText(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, exit.Usage("%s: there is no such file; hagen init writes one, or name another with -f", path)
	case err != nil:
		return nil, exit.Failed("%s: cannot be opened: %w; name another file with -f", path, exit.Reason(err))
	}
	return text, nil
}

// readText reads a file that is as large as a cluster file at most, and one
// byte more.
func readText(path string) ([]byte, error) {
	f, err := tree.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, spec.MaxSize+1))
}

// refuseFile refuses what cannot be a cluster file, before it is opened: to
// open a pipe would wait for its writer. One that comes from a pipe would have
// its PKI beside the pipe.
func refuseFile(path string) error {
	info, err := os.Stat(path)
	clean := filepath.Clean(path)
	switch {
	case path == "-", strings.HasPrefix(clean, "/dev/"), strings.HasPrefix(clean, "/proc/"), err == nil && !info.IsDir() && !info.Mode().IsRegular():
		return exit.Usage("%s: the cluster is described in a file on disk, since its certificates are kept beside it; write one and name it with -f", path)
	case err == nil && info.IsDir():
		return exit.Usage("%s: is a directory; name the cluster file in it", path)
	}
	return nil // what else is wrong, opening it tells
}

// preflight refuses a directory that cannot be exchanged as a whole. That is
// wrong usage, unless it is the system that stands in the way.
func preflight(dir string, keep ...string) error {
	err := out.Preflight(dir, keep...)
	if _, ofSystem := errors.AsType[syscall.Errno](err); ofSystem {
		return exit.Failed("%w", err)
	}
	if err != nil {
		return exit.Usage("%w", err)
	}
	return nil
}

// openStore opens the PKI directory and prints what it warns of.
func openStore(ui *console.UI, at place) (*store.Store, error) {
	dir := at.Dir()
	s, err := store.Open(dir, ui.Waiting(dir))
	if err != nil {
		return nil, exit.Failed("%w", err)
	}
	for _, w := range s.Warnings() {
		ui.Warn(fmt.Sprintf("%s: %s", w.Name, w.Text))
	}
	return s, nil
}
