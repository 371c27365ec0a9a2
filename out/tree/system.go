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

// Resolve returns path as an absolute path without symbolic links. The part
// that does not exist yet is kept as written. The error names a link whose
// target does not exist.
func Resolve(path string) (string, error) {
	if path == "" {
		return "", errors.New("the name of a directory is empty: name one")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fail("find the directory that leads to", path, err)
	}
	return resolve(abs)
}

func resolve(abs string) (string, error) {
	real, err := filepath.EvalSymlinks(abs)
	if err == nil {
		return real, nil
	}
	if _, ofSystem := errors.AsType[unix.Errno](err); !ofSystem {
		err = unix.ELOOP // EvalSymlinks's only error that is not the system's
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fail("follow", abs, err)
	}
	if info, err := os.Lstat(abs); err == nil && info.Mode().Type() == fs.ModeSymlink {
		return "", fmt.Errorf("%s is a symbolic link whose target does not exist: create the target, or remove the link", abs)
	}
	parent, err := resolve(filepath.Dir(abs))
	if err != nil {
		return "", err
	}
	return filepath.Join(parent, filepath.Base(abs)), nil
}

// openDir opens a directory, and nothing else, for locking and syncing.
func openDir(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
}

// tryLock locks f unless another process has. The lock is the kernel's: it ends
// with the process, so a killed run never leaves one.
func tryLock(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		default:
			return err == nil, err
		}
	}
}

// lock locks f. It calls wait if it has to wait, and reports whether it did.
func lock(f *os.File, wait func()) (waited bool, err error) {
	if ok, err := tryLock(f); ok || err != nil {
		return false, err
	}
	wait()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			return true, err
		}
	}
}

// isAt reports whether path names the open file f.
func isAt(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(open, named)
}

// syncDir makes a directory's entries durable.
func syncDir(path string) error {
	f, err := openDir(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return syncOpenDir(f)
}

// syncFile is os.File.Sync; a test records what is synced, and when.
var syncFile = (*os.File).Sync

func syncOpenDir(f *os.File) error {
	err := syncFile(f)
	// Some file systems (of virtual machines, of user space) cannot sync a
	// directory at all: hagen uses them all the same.
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return err
}

// removeAll removes path and everything below it. It first makes directories
// writable that their owner may not write to.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	filepath.WalkDir(path, func(p string, e fs.DirEntry, _ error) error {
		if e != nil && e.IsDir() {
			os.Chmod(p, 0o700) // RemoveAll reports errors
		}
		return nil
	})
	return os.RemoveAll(path)
}

// fail formats an error of the operating system for a user: the action, the
// path once, the reason, and what to do about it.
func fail(doing, path string, err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("cannot %s %s: %w", doing, path, err)
	}
	return fmt.Errorf("cannot %s %s: %w%s", doing, path, errno, advice(errno))
}

func advice(errno unix.Errno) string {
	switch errno {
	case unix.ENOSPC, unix.EDQUOT:
		return ": free some space and run again"
	case unix.EACCES, unix.EPERM:
		return ": check the owner and the permissions, or name another directory"
	case unix.EROFS:
		return ": name a directory that can be written to"
	case unix.EXDEV, unix.EBUSY:
		return ": a mount point, or a directory of a container's image, cannot be replaced; name a new directory"
	case unix.ENOTDIR:
		return ": move away what is there instead of a directory"
	case unix.EBADF, unix.ENOLCK, unix.ENOSYS, unix.ENOTSUP:
		return ": this may be a network file system; name a directory on a local one"
	case unix.EMFILE, unix.ENFILE:
		return ": raise the limit on open files (ulimit -n) and run again"
	case unix.EFBIG:
		return ": raise the limit on the size of files (ulimit -f) and run again"
	case unix.ELOOP:
		return ": symbolic links there form a circle; remove one"
	case unix.ENAMETOOLONG:
		return ": choose a shorter name"
	}
	return ""
}
