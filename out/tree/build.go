//go:build unix

package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// writers is how many files are written and synced at a time. A sync waits for
// the disk, and a journal can commit several at once.
const writers = 8

// build makes the next tree in the stage, and syncs it.
func (d *Dir) build(p *plan, s *stage) error {
	var write []string
	dirs := []string{"."}
	// A path sorts after its parents' paths, which are its prefixes.
	for _, path := range slices.Sorted(maps.Keys(p.nodes)) {
		n := p.nodes[path]
		if n.write != nil {
			write = append(write, path)
			continue
		}
		if n.isDir() {
			dirs = append(dirs, path)
		}
		if err := d.bring(n, path, s.inNew(path)); err != nil {
			return err
		}
	}
	err := inParallel(write, func(path string) error {
		f := p.nodes[path].write
		if err := atStep("write"); err != nil {
			return err
		}
		return d.write(*f, s.inNew(path))
	})
	if err != nil {
		return err
	}
	// Deepest first: with its mode, a directory may make everything below it
	// unreachable.
	slices.Reverse(dirs)
	for _, path := range dirs {
		if err := finishDir(p.dirMode(path), s.inNew(path)); err != nil {
			return fail("write", d.Show(path), err)
		}
	}
	return nil
}

func (s *stage) inNew(path string) string {
	return filepath.Join(s.newTree(), filepath.FromSlash(path))
}

// bring makes a directory in the next tree, or takes over a file or a link of
// the present one.
func (d *Dir) bring(n node, path, to string) error {
	if err := atStep("bring"); err != nil {
		return fail("keep", d.Show(path), err)
	}
	switch {
	case n.isDir():
		if err := os.Mkdir(to, 0o700); err != nil {
			return fail("create", d.Show(path), err)
		}
		return keepOwner(n, to, d.Show(path))
	case n.now.info.Mode().IsRegular():
		return d.bringFile(*n.now, to)
	default:
		if err := os.Symlink(n.now.link, to); err != nil {
			return fail("keep the symbolic link", d.Show(path), err)
		}
		return keepOwner(n, to, d.Show(path))
	}
}

// keepOwner gives a file or directory that is taken over its present owner.
// Only root meets other owners there, since nobody else could replace their
// files.
func keepOwner(n node, to, shown string) error {
	if n.now == nil || os.Geteuid() != 0 {
		return nil
	}
	if stat, ok := n.now.info.Sys().(*syscall.Stat_t); ok {
		if err := os.Lchown(to, int(stat.Uid), int(stat.Gid)); err != nil {
			return fail("keep the owner of", shown, err)
		}
	}
	return nil
}

// bringFile links a file into the next tree, so that it stays the same file, or
// copies it where that is not possible (another user's file, a file system
// without links).
func (d *Dir) bringFile(e entry, to string) error {
	err := link(filepath.Join(d.path, filepath.FromSlash(e.path)), to)
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("%s is on another file system, which is mounted there: unmount it, or name another directory", d.Show(e.path))
	}
	from, err := d.OpenFile(e.path)
	if err != nil {
		return err
	}
	defer from.Close()
	err = writeNew(to, func(f *os.File) error {
		if _, err := io.Copy(f, from); err != nil {
			return err
		}
		return f.Chmod(e.info.Mode() & modeBits)
	})
	if err == nil {
		err = os.Chtimes(to, time.Time{}, e.info.ModTime())
	}
	if err != nil {
		return fail("copy", d.Show(e.path), err)
	}
	return nil
}

// link is os.Link; tests replace it.
var link = os.Link

// write writes a file into the next tree.
func (d *Dir) write(f File, to string) error {
	fill := f.Fill
	if fill == nil {
		fill = func(w *os.File) error {
			_, err := w.Write(f.Data)
			return err
		}
	}
	err := writeNew(to, func(w *os.File) error {
		if err := fill(w); err != nil {
			return err
		}
		return w.Chmod(f.Mode) // regardless of the umask
	})
	if err != nil {
		return fail("write", d.Show(f.Path), err)
	}
	return nil
}

// writeNew creates a file that nobody else can read until fill has written it
// and set its mode, and syncs it.
func writeNew(path string, fill func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = fill(f)
	if err == nil {
		err = atStep("written")
	}
	if err == nil {
		err = syncFile(f)
	}
	// Some file systems report a full disk only here.
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// dirMode returns the mode of a directory of the next tree.
func (p *plan) dirMode(path string) fs.FileMode {
	switch n := p.nodes[path]; {
	case path == ".":
		return p.root
	case n.now != nil && !n.ours:
		return n.now.info.Mode() & modeBits
	}
	return p.made
}

// finishDir sets the mode of a directory of the next tree, and syncs it.
func finishDir(mode fs.FileMode, path string) error {
	f, err := openDir(path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Chmod(mode)
	if err == nil {
		err = atStep("sync")
	}
	if err != nil {
		return err
	}
	return syncOpenDir(f)
}

// inParallel calls do for each of paths, several at a time. It stops after the
// first error and returns it.
func inParallel(paths []string, do func(path string) error) error {
	todo := make(chan string)
	failed := make(chan error, writers)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for path := range todo {
				if err := do(path); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
	for _, path := range paths {
		select {
		case todo <- path:
			continue
		case err = <-failed:
		}
		break
	}
	close(todo)
	wg.Wait()
	if err == nil && len(failed) > 0 {
		err = <-failed
	}
	return err
}
