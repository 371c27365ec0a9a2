//go:build unix

package tree

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// noExchange makes swap move twice where it could exchange; for tests.
var noExchange = false

// Replace brings the tree to hold files, with exactly their modes, and none of
// the regular files and links in remove; a directory that becomes empty
// because of that goes as well. Whatever else is in the tree stays. The tree
// itself gets mode 0700, and so do directories made for files.
//
// If the tree is like that already, nothing on disk is touched and changed is
// false. Otherwise the next tree is staged beside it and exchanged with it. On
// an error with changed false the tree is as it was; on one with changed true
// it is the new one, and what remains undone is in the error.
func (d *Dir) Replace(files []File, remove []string) (changed bool, err error) {
	if d.lock == nil {
		return false, fmt.Errorf("%s is not locked any more: it was closed", d.name)
	}
	limit := maxForeign + len(files) + len(remove)
	before, err := d.scan(limit)
	if err != nil {
		return false, err
	}
	p, err := d.plan(before, files, remove)
	if err != nil || !p.changed {
		return false, err
	}

	s, err := d.newStage()
	if err != nil {
		return false, err
	}
	if err := d.build(p, s); err != nil {
		return false, errors.Join(err, s.discard())
	}
	if err := d.checkUntouched(before, limit); err != nil {
		return false, errors.Join(err, s.discard())
	}
	// The next tree is locked before anybody can see it, and the present one
	// until its remains are gone: whoever waits for the present one then finds
	// that its place was taken and waits for the next one.
	next, err := lockNew(s.newTree())
	if err != nil {
		return false, errors.Join(fail("lock", s.newTree(), err), s.discard())
	}
	if err := d.swap(s); err != nil {
		next.Close()
		return false, errors.Join(err, s.discard())
	}
	previous := d.lock
	d.lock = next
	defer previous.Close()
	return true, d.settle(s)
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

// checkUntouched looks once more whether the tree is what the next one was
// worked out from: a file that somebody has put there since would be lost.
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

// swap puts the staged tree in the place of the present one, which ends up in
// the stage. Where the system cannot exchange two directories in one step, the
// present one is moved aside first; if that is as far as it gets, the next
// Open puts it back.
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

// settle makes the exchange durable and removes the previous tree.
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
		// A crash of the machine may still undo the exchange, and the previous
		// tree would then be needed: the next Open removes it.
		s.keep = true
		return errors.Join(fail("sync", d.name, err), s.discard())
	}
	return s.discard()
}
