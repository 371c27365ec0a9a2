// Package files reads and writes single files for the command line, whole or
// not at all.
package files

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/spec"
	"hagen/out/tree"
)

// Create creates a file; flag is the flag that names it, for messages.
func Create(path string, mode fs.FileMode, flag string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, exit.Failed("%s: exists and is not overwritten; name another file with %s", path, flag)
	case errors.Is(err, fs.ErrNotExist):
		return nil, exit.Failed("%s: its directory does not exist; make it first, or name another file with %s", path, flag)
	case err != nil:
		return nil, exit.Failed("%s: cannot be written: %w; name another file with %s", path, exit.Reason(err), flag)
	}
	return file, nil
}

// Fill writes a newly created file to disk and closes it. If that fails, it
// removes the file.
func Fill(file *os.File, text []byte) error {
	_, err := file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		discard(file)
		return exit.Failed("%s: cannot be written: %w", file.Name(), exit.Reason(err))
	}
	return nil
}

// discard removes a file that could not be completed.
func discard(file *os.File) {
	_ = os.Remove(file.Name()) // the caller reports its own error
}

// Read reads a file up to one byte more than a cluster file may have.
func Read(path string) ([]byte, error) {
	f, err := tree.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, spec.MaxSize+1))
}

// MaxDocument is how many bytes of a file are read to find out whether it is
// one of hagen's documents.
const MaxDocument = 4 << 20

// ReadWhole reads a file that hagen is to replace, up to one byte more than the
// largest document.
func ReadWhole(path string) ([]byte, error) {
	file, err := tree.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, MaxDocument+1))
}
