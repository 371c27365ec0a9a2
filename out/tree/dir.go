//go:build unix

// Package tree replaces a directory as a whole: its next content is staged
// beside it and then exchanged with it, so that readers, and killed runs, see
// the old content or the new and never a mixture.
package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// maxTries limits how often Open starts again because another process changed
// the directory in between. Each time another process got its work done, so a
// file system that reaches this number does not keep the identity of inodes.
const maxTries = 1000

// Dir is a directory on disk that one process at a time may replace. Open
// returns it and Close releases it; a Dir is for one goroutine.
type Dir struct {
	name    string   // as the caller wrote it, for messages
	path    string   // absolute and free of symbolic links
	lock    *os.File // the directory that is at path now, locked; nil once closed
	seen    *os.File // instead, of a directory that is only read (Look)
	created []string // directories that Open made, outermost first
	refused error    // why the last attempt could not create the directory
	notes   []string // see Notes
}

// Open locks the directory at path for this process, until Close. It creates a
// missing directory with mode 0700 and its missing parents with 0755; it
// follows a symbolic link, so that the target is replaced and the link stays.
// It removes what a killed run left beside the directory.
//
// While another process has the directory, Open waits without limit, after
// calling waiting (which may be nil) once. A second Open by the same process
// waits as well, for itself.
//
// The error names the path and says what to do; Open has then removed the
// directories that it made.
func Open(path string, waiting func()) (*Dir, error) {
	real, err := Resolve(path)
	if err != nil {
		return nil, err
	}
	if real == filepath.Dir(real) {
		return nil, fmt.Errorf("%s cannot be replaced as a whole: name a directory below it", path)
	}
	d := &Dir{name: filepath.Clean(path), path: real}
	announced := false
	wait := func() {
		if !announced && waiting != nil {
			waiting()
		}
		announced = true
	}
	for range maxTries {
		ok, err := d.admit(wait)
		if err != nil {
			d.removeCreated()
			return nil, err
		}
		if ok {
			return d, nil
		}
	}
	d.removeCreated()
	if d.refused != nil {
		return nil, fmt.Errorf("cannot create %s: %w: the file system does not allow it; name another directory", d.name, errors.Unwrap(d.refused))
	}
	return nil, fmt.Errorf("%s was replaced again and again while hagen tried to lock it: name a directory on a local file system", d.name)
}

// admit makes one attempt to create and lock the directory. It reports false if
// another process changed it meanwhile and the caller must try again.
func (d *Dir) admit(wait func()) (bool, error) {
	if ok, err := d.ensure(wait); !ok || err != nil {
		return false, err
	}
	f, err := openDir(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return false, fmt.Errorf("%s is not a directory: move it away, or name another directory", d.name)
	case err != nil:
		return false, fail("open", d.name, err)
	}
	if _, err := lock(f, wait); err != nil {
		f.Close()
		return false, fail("lock", d.name, err)
	}
	// The previous holder of the lock may have exchanged the directory: then
	// this lock is on the old one, which is no longer at the path.
	if !isAt(f, d.path) {
		f.Close()
		d.created = slices.DeleteFunc(d.created, func(p string) bool { return p == d.path })
		return false, nil
	}
	err = d.checkPlace(f)
	if err == nil {
		err = d.sweep()
	}
	if err != nil {
		f.Close()
		return false, err
	}
	d.lock = f
	return true, nil
}

// checkPlace refuses a mount point, which cannot be exchanged with a directory
// beside it, before anything is written.
func (d *Dir) checkPlace(f *os.File) error {
	var here, above unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &here); err != nil {
		return fail("look at", d.name, err)
	}
	if err := unix.Stat(filepath.Dir(d.path), &above); err != nil {
		return fail("look at", filepath.Dir(d.path), err)
	}
	if here.Dev != above.Dev {
		return fmt.Errorf("%s is a mount point, which cannot be replaced as a whole: name a new directory below it", d.name)
	}
	return nil
}

// ensure creates the directory if it is missing, unless a killed run has moved
// it aside. It reports false if admit must start again.
func (d *Dir) ensure(wait func()) (bool, error) {
	if err := d.makeParents(); err != nil {
		return false, err
	}
	if _, err := os.Lstat(d.path); !errors.Is(err, fs.ErrNotExist) {
		return true, nil // opening it reports other errors
	}
	if again, err := d.putBack(wait); again || err != nil {
		return false, err
	}
	err := os.Mkdir(d.path, 0o700)
	d.refused = err
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fail("create", d.name, err)
	}
	d.created = append(d.created, d.path)
	return true, nil
}

// makeParents creates the directories above d.
func (d *Dir) makeParents() error {
	var missing []string
	for p := filepath.Dir(d.path); ; p = filepath.Dir(p) {
		info, err := os.Lstat(p)
		if err == nil && info.IsDir() {
			break
		}
		if err == nil {
			return fmt.Errorf("%s is not a directory: move it away, or name another place than %s", p, d.name)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fail("look at", p, err)
		}
		missing = append(missing, p)
	}
	for _, p := range slices.Backward(missing) {
		err := os.Mkdir(p, 0o755)
		switch {
		case err == nil:
			d.created = append(d.created, p)
		case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
			// Another process creates or removes the same parents: admit
			// looks again.
		default:
			return fail("create", p, err)
		}
	}
	return nil
}

// removeCreated removes the directories that Open made, as long as they are
// empty. It uses rmdir, not os.Remove, which could remove something else.
func (d *Dir) removeCreated() {
	for _, p := range slices.Backward(d.created) {
		if unix.Rmdir(p) != nil {
			return
		}
	}
}

// Close releases the directory for the next process. If Open made it and it is
// still empty, Close removes it and the parents that Open made.
func (d *Dir) Close() error {
	if d.seen != nil {
		return d.seen.Close()
	}
	if d.lock == nil {
		return nil
	}
	// The lock is still held: a process that waits for it notices that the
	// directory is gone, and starts again.
	d.removeCreated()
	err := d.lock.Close()
	d.lock = nil
	if err != nil {
		return fail("close", d.name, err)
	}
	return nil
}

// Path returns the absolute path of the directory, free of symbolic links.
func (d *Dir) Path() string { return d.path }

// Created reports whether Open made the directory.
func (d *Dir) Created() bool { return slices.Contains(d.created, d.path) }

// Show returns a path inside the directory for a message, beginning with the
// directory's name as Open got it.
func (d *Dir) Show(path string) string {
	return filepath.Join(d.name, filepath.FromSlash(path))
}
