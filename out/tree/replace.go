//go:build unix

package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// noExchange makes swap rename twice where it could exchange; for tests.
var noExchange = false

// Replace changes the tree so that it holds files, with exactly their modes,
// and none of the regular files and links in remove; a directory that becomes
// empty that way is removed, too. Everything else in the tree stays. The tree
// itself gets mode 0700, and so do the directories of files.
//
// If the tree is like that already, Replace does not touch the disk and changed
// is false. Otherwise it stages the next tree beside it and exchanges the two.
// On an error with changed false the tree is as it was; with changed true it is
// the new one, but a crash of the machine may undo that.
func (d *Dir) Replace(files []File, remove []string) (changed bool, err error) {
	s, err := d.Stage(files, remove)
	if err != nil {
		return false, err
	}
	return s.Commit()
}

// Staged is the next content of a directory, complete and durable beside it.
// Commit or Discard ends it; it is for the goroutine that has the Dir.
type Staged struct {
	d      *Dir
	before []entry
	limit  int
	stage  *stage // nil if nothing changes, and after Commit or Discard
}

// Stage does everything in Replace that may fail for lack of space or
// permission, and leaves the tree as it is: of two directories to replace,
// neither changes if one cannot be replaced.
func (d *Dir) Stage(files []File, remove []string) (*Staged, error) {
	return d.stage(files, remove, false)
}

// StageShared is Stage for a tree without secrets, for example in a repository:
// the tree keeps its mode, or gets 0755 if Open made it, and so do new
// directories.
func (d *Dir) StageShared(files []File, remove []string) (*Staged, error) {
	return d.stage(files, remove, true)
}

func (d *Dir) stage(files []File, remove []string, shared bool) (*Staged, error) {
	if d.lock == nil {
		return nil, fmt.Errorf("%s is not locked any more: it was closed", d.name)
	}
	staged := &Staged{d: d, limit: maxForeign + len(files) + len(remove)}
	var err error
	if staged.before, err = d.scan(staged.limit); err != nil {
		return nil, err
	}
	p, err := d.plan(staged.before, files, remove, shared)
	if err != nil || !p.changed {
		return staged, err
	}
	if err := d.checkRemovable(staged.before); err != nil {
		return nil, err
	}
	if staged.stage, err = d.newStage(); err != nil {
		return nil, err
	}
	if err := d.build(p, staged.stage); err != nil {
		return nil, errors.Join(err, staged.Discard())
	}
	return staged, nil
}

// Changes reports whether Commit would change the tree.
func (s *Staged) Changes() bool { return s.stage != nil }

// Discard removes what was staged. After Commit it does nothing.
func (s *Staged) Discard() error {
	stage := s.stage
	s.stage = nil
	if stage == nil {
		return nil
	}
	return stage.discard()
}

// Commit puts the staged tree in the place of the present one; see Replace.
func (s *Staged) Commit() (changed bool, err error) {
	d, stage := s.d, s.stage
	if stage == nil {
		return false, nil
	}
	if err := d.checkUntouched(s.before, s.limit); err != nil {
		return false, errors.Join(err, s.Discard())
	}
	// The next tree is locked before it is at the path, and the present one
	// until it is removed: a process that waits for the present one then finds
	// that it was replaced, and waits for the next one.
	next, err := lockNew(stage.newTree())
	if err != nil {
		return false, errors.Join(fail("lock", stage.newTree(), err), s.Discard())
	}
	if err := d.swap(stage); err != nil {
		next.Close()
		return false, errors.Join(err, s.Discard())
	}
	s.stage = nil
	previous := d.lock
	d.lock = next
	defer previous.Close()
	return true, d.settle(stage)
}

// checkRemovable refuses a tree that could be exchanged, but not removed
// afterwards: one with another user's directory, or a file that chattr
// protects.
func (d *Dir) checkRemovable(entries []entry) error {
	var faults []error
	for _, e := range entries {
		stat, ok := e.info.Sys().(*syscall.Stat_t)
		if uid := os.Geteuid(); ok && e.info.IsDir() && uid != 0 && int(stat.Uid) != uid {
			faults = append(faults, fmt.Errorf("%s belongs to %s, but hagen runs as %s and would have to replace it: hand it over with chown -R %d %s",
				d.Show(e.path), userName(int(stat.Uid)), userName(uid), uid, d.name))
		}
		if flag := protected(filepath.Join(d.path, filepath.FromSlash(e.path))); flag != "" && e.info.Mode().Type()&fs.ModeSymlink == 0 {
			faults = append(faults, fmt.Errorf("%s is protected (chattr +%s), and hagen would have to replace it: chattr -%[2]s it first", d.Show(e.path), flag))
		}
	}
	return errors.Join(faults...)
}

func lockNew(path string) (*os.File, error) {
	f, err := openDir(path)
	if err != nil {
		return nil, err
	}
	if ok, err := tryLock(f); err != nil || !ok {
		f.Close()
		return nil, errors.Join(err, errors.New("another process has locked it"))
	}
	return f, nil
}

// checkUntouched checks whether the tree is still the one that the plan was
// computed from: a file that somebody has added since would be lost.
func (d *Dir) checkUntouched(before []entry, limit int) error {
	if !isAt(d.lock, d.path) {
		return fmt.Errorf("%s was moved or removed while hagen was writing: run again", d.name)
	}
	now, err := d.scan(limit)
	if err != nil {
		return err
	}
	for i, e := range before {
		if i >= len(now) || e.path != now[i].path {
			return fmt.Errorf("what %s holds changed while hagen was writing, at %s: run again", d.name, d.Show(e.path))
		}
		a, b := e.info, now[i].info
		if !os.SameFile(a, b) || a.Mode() != b.Mode() || !a.ModTime().Equal(b.ModTime()) {
			return fmt.Errorf("%s changed while hagen was writing: run again", d.Show(e.path))
		}
	}
	if len(now) > len(before) {
		return fmt.Errorf("%s appeared while hagen was writing: run again", d.Show(now[len(before)].path))
	}
	return nil
}

// swap puts the staged tree in the place of the present one, which moves to the
// stage. Where the system cannot exchange two directories in one step, the
// present one is moved aside first; if the run ends there, the next Open puts
// it back.
func (d *Dir) swap(s *stage) error {
	if err := atStep("exchange"); err != nil {
		return err
	}
	err := error(unix.ENOSYS)
	if !noExchange {
		err = exchange(s.newTree(), d.path)
	}
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return fail("replace", d.name, err)
	}

	if err := os.Rename(d.path, s.oldTree()); err != nil {
		return fail("replace", d.name, err)
	}
	err = atStep("aside")
	if err == nil {
		err = os.Rename(s.newTree(), d.path)
	}
	if err == nil {
		return nil
	}
	err = fail("replace", d.name, err)
	if back := os.Rename(s.oldTree(), d.path); back != nil {
		s.keep = true
		return errors.Join(err, fail(fmt.Sprintf("put %s back to", s.oldTree()), d.name, back))
	}
	return err
}

// settle syncs the exchange and removes the previous tree.
func (d *Dir) settle(s *stage) error {
	var err error
	for _, path := range []string{s.path, filepath.Dir(d.path)} {
		if err == nil {
			err = atStep("exchanged")
		}
		if err == nil {
			err = syncDir(path)
		}
	}
	if err != nil {
		// A crash of the machine may still undo the exchange and bring back the
		// previous tree: the next Open removes it.
		s.keep = true
		return errors.Join(fail("sync", d.name, err), s.discard())
	}
	d.left(s.discard())
	return nil
}

// left notes what could not be removed. The tree itself is fine.
func (d *Dir) left(err error) {
	if err != nil {
		d.notes = append(d.notes, err.Error())
	}
}

// Notes returns sentences about copies of the tree, or of parts of it, that are
// beside it and could not be removed.
func (d *Dir) Notes() []string { return slices.Clone(d.notes) }
