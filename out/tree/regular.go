//go:build unix

package tree

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// OpenRegular opens a regular file for reading, through symbolic links. Unlike
// os.Open it never waits for the writer of a named pipe, and opens no device,
// where opening alone can have an effect. The error is a *fs.PathError; if the
// path is not a regular file, it is ErrNotFile.
func OpenRegular(path string) (*os.File, error) {
	return open(path, os.Stat, os.OpenFile, fs.FileMode.IsRegular)
}

// Files is os.DirFS, but opens only directories and regular files, like
// OpenRegular: whoever reads a tree of somebody else waits for nobody.
func Files(dir string) fs.FS {
	return files{os.DirFS(dir), func(name string, flag int, mode fs.FileMode) (*os.File, error) {
		return os.OpenFile(filepath.Join(dir, filepath.FromSlash(name)), flag, mode)
	}}
}

// FilesWithin is Files for a directory that no link leads out of.
func FilesWithin(root *os.Root) fs.FS { return files{root.FS(), root.OpenFile} }

// opener is os.OpenFile, or the method of an os.Root.
type opener func(name string, flag int, mode fs.FileMode) (*os.File, error)

type files struct {
	fs.FS
	open opener
}

// Open opens a directory or a regular file.
func (f files) Open(name string) (fs.File, error) {
	file, err := open(name, f.Stat, f.open, func(m fs.FileMode) bool { return m.IsDir() || m.IsRegular() })
	if err != nil {
		return nil, err // not a nil *os.File
	}
	return file, nil
}

// Stat describes a file without opening it.
func (f files) Stat(name string) (fs.FileInfo, error) { return fs.Stat(f.FS, name) }

// ReadDir lists a directory.
func (f files) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(f.FS, name) }

// open opens a file of an accepted kind. It checks before and again after
// opening: if a pipe has appeared in between, O_NONBLOCK does not wait for it.
func open(name string, stat func(string) (fs.FileInfo, error), open opener, fits func(fs.FileMode) bool) (*os.File, error) {
	look := func(info fs.FileInfo, err error) error {
		if err == nil && !fits(info.Mode()) {
			err = &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("it is %s, %w: put the file itself in its place", kind(info.Mode().Type()), ErrNotFile)}
		}
		return err
	}
	if err := look(stat(name)); err != nil {
		return nil, err
	}
	file, err := open(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := look(file.Stat()); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
