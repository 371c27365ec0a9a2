package files

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"hagen/cmd/hagen/internal/exit"
	"hagen/out/tree"
)

// Staged is the next content of a file, written beside it: readers see the old
// content or the new, and a failure to write shows before anything else is
// written.
type Staged struct {
	path  string // as the user wrote it
	place string // without links: a link stays one
	was   []byte // its content now; nil if there is none
	file  *os.File
}

// Stage creates a file beside one whose content is was. The caller fills and
// puts it, or discards it.
func Stage(path string, was []byte, mode fs.FileMode) (*Staged, error) {
	refused := func(err error) error {
		return exit.Failed("%s: cannot be written: %w; nothing was written", path, exit.Reason(err))
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, refused(errors.New("it is not a regular file"))
	}
	place, err := tree.Resolve(path)
	if err != nil {
		return nil, refused(err)
	}
	dir, prefix := filepath.Dir(place), "."+filepath.Base(place)+".hagen-"
	sweep(dir, prefix)
	file, err := os.CreateTemp(dir, prefix+"*")
	if err != nil {
		return nil, refused(err)
	}
	// The lock shows other runs that this is not the leftover of a killed one.
	if err := errors.Join(unix.Flock(int(file.Fd()), unix.LOCK_EX), file.Chmod(mode)); err != nil {
		discard(file)
		return nil, refused(err)
	}
	return &Staged{path, place, was, file}, nil
}

// sweep removes the files that killed runs left in a directory.
func sweep(dir, prefix string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		file, err := tree.OpenRegular(path)
		if err != nil {
			continue
		}
		if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.Remove(path) // one that stays does no harm
		}
		file.Close()
	}
}

// Fill writes the new content to disk: after it, no lack of space can make Put
// fail.
func (s *Staged) Fill(text []byte) error {
	_, err := s.file.Write(text)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return exit.Failed("%s: cannot be written: %w; nothing was written", s.path, exit.Reason(err))
	}
	return nil
}

// Put replaces the file, which must not have changed since.
func (s *Staged) Put() error {
	defer s.Discard()
	now, err := ReadWhole(s.place)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return exit.Failed("%s: cannot be read: %w", s.path, exit.Reason(err))
	case !bytes.Equal(now, s.was) || (err != nil) != (s.was == nil):
		return exit.Failed("%s changed while hagen was working: run again", s.path)
	}
	if err := os.Rename(s.file.Name(), s.place); err != nil {
		return exit.Failed("%s: cannot be written: %w", s.path, exit.Reason(err))
	}
	return nil
}

// Write is Fill and Put.
func (s *Staged) Write(text []byte) error {
	if err := s.Fill(text); err != nil {
		s.Discard()
		return err
	}
	return s.Put()
}

// Discard removes what was staged. After Put it does nothing.
func (s *Staged) Discard() {
	discard(s.file)
	s.file.Close()
}
