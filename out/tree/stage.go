//go:build unix

package tree

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// What a stage may contain. One with anything else is not hagen's.
const (
	markerName = "made-by-hagen" // says that the stage may be removed
	newName    = "new"           // the next tree; after an exchange, the previous one
	oldName    = "old"           // the previous tree, where trees cannot be exchanged
)

const markerText = "hagen prepares the directory beside this one here.\n" +
	"When no hagen is running, this is a leftover: the next run removes it.\n"

// stageRandom is the number of random bytes in a stage's name.
const stageRandom = 8

// atStep is called at each step of a replacement, by several goroutines; tests
// end the process there or return an error.
var atStep = func(step string) error { return nil }

// stage is a directory beside the one to replace, hence on the same file
// system, named .<base>.hagen-<16 hex digits>. The tree is inside it, so that
// the marker never gets into the tree. Its maker keeps it locked, which
// distinguishes a stage in use from one that a killed process left.
type stage struct {
	path string
	lock *os.File
	keep bool // it has the only copy of the tree: discard must not remove it
}

func (s *stage) marker() string  { return filepath.Join(s.path, markerName) }
func (s *stage) newTree() string { return filepath.Join(s.path, newName) }
func (s *stage) oldTree() string { return filepath.Join(s.path, oldName) }

func (d *Dir) stagePrefix() string { return "." + filepath.Base(d.path) + ".hagen-" }

// newStage makes a stage with an empty tree in it.
func (d *Dir) newStage() (*stage, error) {
	random := make([]byte, stageRandom)
	rand.Read(random) // never fails
	name := d.stagePrefix() + hex.EncodeToString(random)
	s := &stage{path: filepath.Join(filepath.Dir(d.path), name)}
	if err := os.Mkdir(s.path, 0o700); err != nil {
		return nil, fail("prepare the new content in", s.path, err)
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(fail("prepare the new content in", s.path, err), s.discard())
	}
	return s, nil
}

func (s *stage) prepare() error {
	var err error
	if s.lock, err = openDir(s.path); err != nil {
		return err
	}
	if ok, err := tryLock(s.lock); err != nil {
		return err
	} else if !ok {
		return errors.New("another process has locked it: run again")
	}
	if err := atStep("stage"); err != nil {
		return err
	}
	// The marker is the first thing inside and the last to go.
	if err := os.WriteFile(s.marker(), []byte(markerText), 0o600); err != nil {
		return err
	}
	if err := atStep("marker"); err != nil {
		return err
	}
	return os.Mkdir(s.newTree(), 0o700)
}

// discard removes the stage and releases its lock.
func (s *stage) discard() error {
	if s.lock != nil {
		defer s.lock.Close()
	}
	if s.keep {
		return nil
	}
	for _, path := range []string{s.newTree(), s.oldTree()} {
		if err := removeAll(path); err != nil {
			return s.stuck(err)
		}
	}
	if err := atStep("cleanup"); err != nil {
		return err
	}
	if err := os.Remove(s.marker()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.stuck(err)
	}
	if err := atStep("unmarked"); err != nil {
		return err
	}
	if err := unix.Rmdir(s.path); err != nil {
		return s.stuck(err)
	}
	return nil
}

// stuck returns the error for a stage that cannot be removed and may hold keys.
func (s *stage) stuck(err error) error {
	reason := err
	var errno unix.Errno
	if errors.As(err, &errno) {
		reason = errno
	}
	return fmt.Errorf("cannot remove %s: %w; it is an unneeded copy that may hold secrets: remove it yourself", s.path, reason)
}

// remains examines a stage: ours is false if it contains something that hagen
// did not put there; interrupted is true if its process was killed after it had
// moved the tree aside and before the new one took its place.
func (s *stage) remains() (ours, interrupted bool, err error) {
	entries, err := os.ReadDir(s.path)
	if err != nil {
		return false, false, fail("read", s.path, err)
	}
	has := map[string]bool{}
	for _, e := range entries {
		has[e.Name()] = e.IsDir() == (e.Name() != markerName)
	}
	// A stage that was killed before it got its marker, or after it lost it,
	// is empty, and nothing is lost with an empty directory.
	ours = len(entries) == 0 || has[markerName]
	for name, rightKind := range has {
		known := name == markerName || name == newName || name == oldName
		ours = ours && known && rightKind
	}
	return ours, ours && has[newName] && has[oldName], nil
}

// stages lists the directories beside d with names of its stages.
func (d *Dir) stages() ([]string, error) {
	parent, err := os.Open(filepath.Dir(d.path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // another Open removed it
	}
	if err != nil {
		return nil, fail("look for leftovers in", filepath.Dir(d.path), err)
	}
	defer parent.Close()
	names, err := parent.Readdirnames(-1)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fail("look for leftovers in", filepath.Dir(d.path), err)
	}
	var paths []string
	for _, name := range names {
		random, ok := strings.CutPrefix(name, d.stagePrefix())
		if raw, err := hex.DecodeString(random); ok && err == nil && len(raw) == stageRandom {
			paths = append(paths, filepath.Join(filepath.Dir(d.path), name))
		}
	}
	return paths, nil
}

// sweep removes the stages that killed processes left. The caller holds the
// lock on d.
func (d *Dir) sweep() error {
	paths, err := d.stages()
	if err != nil {
		return err
	}
	for _, path := range paths {
		f, err := openDir(path)
		if err != nil {
			continue // gone, no directory, or another user's: not ours
		}
		s := &stage{path: path, lock: f}
		if ok, err := tryLock(f); err != nil || !ok {
			f.Close() // in use
			continue
		}
		ours, interrupted, err := s.remains()
		switch {
		case err != nil || !ours:
			f.Close()
		case interrupted:
			f.Close()
			return fmt.Errorf("%s holds what was in %s when a run was interrupted, and %s exists again: move one of the two away",
				s.oldTree(), d.name, d.name)
		default:
			d.left(s.discard())
		}
	}
	return nil
}

// putBack handles a missing directory: it waits for a process that is replacing
// it, or puts the old tree back if that process was killed halfway. It reports
// whether to look again.
func (d *Dir) putBack(wait func()) (again bool, err error) {
	paths, err := d.stages()
	if err != nil {
		return false, err
	}
	for _, path := range paths {
		again, err := d.putBackFrom(&stage{path: path}, wait)
		if again || err != nil {
			return again, err
		}
	}
	return false, nil
}

func (d *Dir) putBackFrom(s *stage, wait func()) (again bool, err error) {
	f, err := openDir(s.path)
	if err != nil {
		return false, nil // gone, no directory, or another user's: not ours
	}
	defer f.Close()
	if waited, err := lock(f, wait); waited || err != nil {
		return waited, nil
	}
	if _, interrupted, err := s.remains(); err != nil || !interrupted {
		return false, nil
	}
	if err := os.Rename(s.oldTree(), d.path); err != nil {
		return false, fail(fmt.Sprintf("put %s back to", s.oldTree()), d.name, err)
	}
	return true, nil
}
