// Package clusterfile reads the cluster file and the lock file beside it.
package clusterfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/spec"
)

// DefaultName is a cluster file's usual name.
const DefaultName = "cluster.yaml"

// Read reads and validates the cluster file and prints its warnings and
// notes.
func Read(ui *console.UI, path string) (*cluster.Cluster, error) {
	text, err := Text(path)
	if err != nil {
		return nil, err
	}
	return Valid(ui, spec.Source{Name: path, Text: text})
}

// Valid validates a cluster file and prints its warnings and notes.
func Valid(ui *console.UI, source spec.Source) (*cluster.Cluster, error) {
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

// Text reads a cluster file, up to one byte more than the parser accepts, so
// that the parser refuses a larger one.
func Text(path string) ([]byte, error) {
	if err := Refuse(path); err != nil {
		return nil, err
	}
	text, err := files.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, exit.Usage("%s: there is no such file; hagen init writes one, or name another with -f", path)
	case err != nil:
		return nil, exit.Failed("%s: cannot be opened: %w; name another file with -f", path, exit.Reason(err))
	}
	return text, nil
}

// Refuse refuses a path that cannot be a cluster file, before it is opened:
// opening a pipe would wait for its writer, and the PKI of a file from a pipe
// would be beside the pipe.
func Refuse(path string) error {
	info, err := os.Stat(path)
	clean := filepath.Clean(path)
	switch {
	case path == "-", strings.HasPrefix(clean, "/dev/"), strings.HasPrefix(clean, "/proc/"), err == nil && !info.IsDir() && !info.Mode().IsRegular():
		return exit.Usage("%s: the cluster file must be a file on disk, because the PKI is kept beside it; write one and name it with -f", path)
	case err == nil && info.IsDir():
		return exit.Usage("%s: is a directory; name the cluster file in it", path)
	}
	return nil // opening it reports other errors
}

// Path returns the whole path of a refused field.
func Path(field string) string {
	if strings.HasPrefix(field, "metadata.") {
		return field
	}
	return "spec." + field
}

// Field returns the position of a refused field in the cluster file. If
// etcdVersion is not written, the release of Kubernetes decides it.
func Field(file *spec.File, field string) spec.At {
	field = Path(field)
	at, written := file.Find(field)
	if !written && field == "spec.etcdVersion" {
		at, _ = file.Find("spec.kubernetesVersion")
	}
	return at
}
