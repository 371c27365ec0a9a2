package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/spec"
	"hagen/pki/store"
)

// Flags that several commands share.
func fileFlag() cli.Flag {
	return &cli.StringFlag{Name: "file", Aliases: []string{"f"}, Value: "cluster.yaml", Usage: "the cluster `FILE`", TakesFile: true}
}

func pkiFlag() cli.Flag {
	return &cli.StringFlag{Name: "pki", Usage: "the `DIR`ectory of certificates and keys (default: pki beside the cluster file)", TakesFile: true}
}

// pkiDir is where certificates and keys are kept.
func pkiDir(ctx *cli.Context) string {
	if ctx.IsSet("pki") {
		return ctx.String("pki")
	}
	return filepath.Join(filepath.Dir(ctx.String("file")), "pki")
}

// readCluster reads and validates the cluster file and prints its warnings.
func readCluster(ui *ui, path string) (*cluster.Cluster, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	source := spec.Source{Name: path, Text: text}
	c, err := gen.Read(source)
	if err != nil {
		return nil, &failure{exitUsage, err}
	}
	for _, w := range c.Warnings {
		ui.warn(source.Explain(w))
	}
	return c, nil
}

// readFile reads a file that a cluster file's size bounds; one byte more is
// enough for the parser to refuse it.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("%s: there is no such file; hagen init writes one, or name another with -f", path)
	case err != nil:
		return nil, failed("%s: cannot be read: %w", path, reason(err))
	case info.IsDir():
		return nil, usage("%s: is a directory; name the cluster file in it", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, failed("%s: cannot be opened: %w", path, reason(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, spec.MaxSize+1))
	if err != nil {
		return nil, failed("%s: cannot be read: %w", path, reason(err))
	}
	return text, nil
}

// reason is an error of the operating system without the path, which the
// message has named already.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// openStore opens the PKI directory and prints what it warns of.
func openStore(ui *ui, dir string) (*store.Store, error) {
	s, err := store.Open(dir, waiting(ui, dir))
	if err != nil {
		return nil, failed("%w", err)
	}
	for _, w := range s.Warnings() {
		ui.warn(fmt.Sprintf("%s: %s", w.Name, w.Text))
	}
	return s, nil
}

func waiting(ui *ui, dir string) func() {
	return func() { ui.say("waiting for another hagen that works on %s", dir) }
}
