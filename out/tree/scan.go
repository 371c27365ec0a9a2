//go:build unix

package tree

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxForeign is how many files, directories and links a directory may hold
// besides those passed to Replace. A directory with more is taken for
// somebody's home, not one of hagen's. It is a variable for tests.
var maxForeign = 10_000

// ErrNotFile is the error of OpenFile for a path that exists, but is a
// directory, a symbolic link or a special file, or is below one of these.
var ErrNotFile = errors.New("not a regular file")

// modeBits are the bits of a mode that chmod sets.
const modeBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// File is a regular file in the tree.
type File struct {
	Path string      // relative, slash separated
	Mode fs.FileMode // permission bits
	Data []byte

	// Fill writes the contents instead of Data, into an empty file: for what is too large
	// for memory. Sum is then their SHA-256.
	Fill func(*os.File) error
	Sum  [sha256.Size]byte
}

// Hash returns the SHA-256 of the contents.
func (f File) Hash() [sha256.Size]byte {
	if f.Fill != nil {
		return f.Sum
	}
	return sha256.Sum256(f.Data)
}

// entry is a file, directory or link in the tree on disk.
type entry struct {
	path string // as in File; "." is the tree itself
	info fs.FileInfo
	link string // what a symbolic link names
}

// CheckPath returns an error if path cannot be a file's path in a tree: it is
// empty, absolute, not in its shortest form, leads outside with "..", or has a
// control character or a backslash.
func CheckPath(path string) error {
	odd := strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' })
	if !fs.ValidPath(path) || path == "." || odd {
		return fmt.Errorf("%q is not the path of a file inside the directory: it must be relative, without \"..\", backslashes and control characters", path)
	}
	return nil
}

// scan lists the tree: itself first, and parents before their contents. More
// than limit entries are an error, and so are those that Replace could not take
// over to another tree.
func (d *Dir) scan(limit int) ([]entry, error) {
	var entries []entry
	var strange []error // all at once, so that the user can move all away
	var root *syscall.Stat_t
	err := filepath.WalkDir(d.path, func(full string, de fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(d.path, full)
		if relErr != nil {
			return relErr
		}
		e := entry{path: filepath.ToSlash(rel)}
		if err == nil {
			e.info, err = de.Info()
		}
		if err == nil && de.Type() == fs.ModeSymlink {
			e.link, err = os.Readlink(full)
		}
		if err != nil {
			return fail("read", d.Show(e.path), err)
		}
		if t := e.info.Mode().Type(); t != 0 && t != fs.ModeDir && t != fs.ModeSymlink {
			strange = append(strange, fmt.Errorf("%s is %s: hagen cannot keep it when it replaces the directory; move it away", d.Show(e.path), kind(t)))
			return nil
		}
		stat, _ := e.info.Sys().(*syscall.Stat_t)
		if root == nil {
			root = stat
		}
		if stat.Dev != root.Dev {
			return fmt.Errorf("another file system is mounted at %s: unmount it, or name another directory", d.Show(e.path))
		}
		if len(entries) > limit {
			return fmt.Errorf("%s holds more than %d files that hagen did not write: name a directory that is hagen's own", d.name, maxForeign)
		}
		entries = append(entries, e)
		return nil
	})
	return entries, errors.Join(append(strange, err)...)
}

// kind describes the type of a file that is not regular.
func kind(t fs.FileMode) string {
	switch {
	case t&fs.ModeSymlink != 0:
		return "a symbolic link"
	case t&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case t&fs.ModeSocket != 0:
		return "a socket"
	case t&fs.ModeDevice != 0:
		return "a device"
	case t&fs.ModeDir != 0:
		return "a directory"
	}
	return "a special file"
}

// OpenFile opens a regular file of the tree for reading. It follows no symbolic
// link inside the tree: the error is fs.ErrNotExist if there is nothing at
// path, and ErrNotFile if it is not a regular file.
func (d *Dir) OpenFile(file string) (*os.File, error) {
	if err := CheckPath(file); err != nil {
		return nil, err
	}
	if parent := path.Dir(file); parent != "." {
		if err := d.checkParents(parent); err != nil {
			return nil, err
		}
	}
	info, err := os.Lstat(filepath.Join(d.path, filepath.FromSlash(file)))
	if err != nil {
		return nil, fail("open", d.Show(file), err)
	}
	if t := info.Mode().Type(); t != 0 {
		remedy := "move it away"
		if t == fs.ModeSymlink {
			remedy = "put the file itself in its place"
		}
		return nil, fmt.Errorf("%s is %s, %w: %s", d.Show(file), kind(t), ErrNotFile, remedy)
	}
	return d.open(file)
}

// open opens what was a regular file when it was last looked at.
func (d *Dir) open(file string) (*os.File, error) {
	// O_NONBLOCK: if a pipe has appeared in between, open must not wait for it.
	f, err := os.OpenFile(filepath.Join(d.path, filepath.FromSlash(file)), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fail("open", d.Show(file), err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("%s changed while hagen opened it, %w: run again", d.Show(file), ErrNotFile)
	}
	return f, nil
}

// checkParents checks that dir and all above it in the tree are directories.
func (d *Dir) checkParents(dir string) error {
	if parent := path.Dir(dir); parent != "." {
		if err := d.checkParents(parent); err != nil {
			return err
		}
	}
	info, err := os.Lstat(filepath.Join(d.path, filepath.FromSlash(dir)))
	if err != nil {
		return fail("open", d.Show(dir), err)
	}
	if !info.IsDir() {
		remedy := "move it away"
		if info.Mode().Type() == fs.ModeSymlink {
			remedy = "put the directory itself in its place"
		}
		return fmt.Errorf("%s is %s where a directory is needed, %w: %s", d.Show(dir), kindOrFile(info.Mode()), ErrNotFile, remedy)
	}
	return nil
}

func kindOrFile(m fs.FileMode) string {
	if m.IsRegular() {
		return "a file"
	}
	return kind(m)
}

// Read returns all regular files of the tree, parents' before children's.
// Together they may have limit bytes; more is an error. It skips links.
func (d *Dir) Read(limit int64) ([]File, error) {
	entries, err := d.scan(maxForeign)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, e := range entries {
		if !e.info.Mode().IsRegular() {
			continue
		}
		f, err := d.OpenFile(e.path)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(f, limit+1))
		f.Close()
		if err != nil {
			return nil, fail("read", d.Show(e.path), err)
		}
		if limit -= int64(len(data)); limit < 0 {
			return nil, fmt.Errorf("%s holds more data than hagen reads, at %s: name a directory that is hagen's own", d.name, d.Show(e.path))
		}
		files = append(files, File{Path: e.path, Mode: e.info.Mode() & modeBits, Data: data})
	}
	return files, nil
}

// holds reports whether e, which scan has found, is the file f, with the same bytes and
// mode.
func (d *Dir) holds(e entry, f File) (bool, error) {
	if e.info.Mode() != f.Mode || f.Fill == nil && e.info.Size() != int64(len(f.Data)) {
		return false, nil
	}
	r, err := d.open(e.path)
	if err != nil {
		return false, err
	}
	defer r.Close()
	if f.Fill != nil {
		h := sha256.New()
		if _, err := io.Copy(h, r); err != nil {
			return false, fail("read", d.Show(e.path), err)
		}
		return [sha256.Size]byte(h.Sum(nil)) == f.Sum, nil
	}
	data := make([]byte, len(f.Data)+1) // one more shows that it has grown
	n, err := io.ReadFull(r, data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, fail("read", d.Show(e.path), err)
	}
	return bytes.Equal(data[:n], f.Data), nil
}
