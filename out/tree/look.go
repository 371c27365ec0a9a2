//go:build unix

package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Look returns a directory to read from. It locks nothing and makes nothing, so
// the directory may be a mount point, another user's or on a file system that
// cannot be written. Another process may replace it in the meantime: see
// Replaced. The error is fs.ErrNotExist if there is no such directory.
func Look(path string) (*Dir, error) {
	real, err := Resolve(path)
	if err != nil {
		return nil, err
	}
	f, err := openDir(real)
	switch {
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%s is not a directory: name another", path)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	case err != nil:
		return nil, fail("open", path, err)
	}
	return &Dir{name: path, path: real, seen: f}, nil
}

// Replaced reports whether another process has replaced a directory since Look:
// what was read from it may be of two states.
func (d *Dir) Replaced() bool { return !isAt(d.seen, d.path) }

// Has reports whether there is a file at a path inside the directory, without
// opening it.
func (d *Dir) Has(file string) bool {
	info, err := os.Lstat(filepath.Join(d.path, filepath.FromSlash(file)))
	return err == nil && info.Mode().IsRegular()
}
