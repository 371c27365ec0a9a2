package files

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"hagen/cmd/hagen/internal/exit"
	"hagen/out"
)

// Preflight refuses a directory that cannot be replaced as a whole. That is
// wrong usage, unless the operating system reports an error. A dash is elsewhere a
// pipe, which takes no directory.
func Preflight(dir string, keep ...string) error {
	if dir == "-" {
		return exit.Usage("-: files of a directory are not written to a pipe; for a directory of that name write ./-")
	}
	err := out.Preflight(dir, keep...)
	if _, ofSystem := errors.AsType[syscall.Errno](err); ofSystem {
		return exit.Failed("%w", err)
	}
	if err != nil {
		return exit.Usage("%w", err)
	}
	return nil
}

// IsDirectory refuses a path that is not a directory; write says how to make
// one.
func IsDirectory(dir, write string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return exit.Usage("%s: there is no such directory; %s", dir, write)
	case errors.Is(err, syscall.ENOTDIR), err == nil && !info.IsDir():
		return exit.Usage("%s: is not a directory", dir)
	case err != nil:
		return exit.Failed("%s: cannot be opened: %w", dir, exit.Reason(err))
	}
	return nil
}
