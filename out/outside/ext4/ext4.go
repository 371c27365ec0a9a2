// Package ext4 puts files into an ext4 file system, by debugfs of e2fsprogs: without
// root, and without a mount.
package ext4

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// File is a file to put. It and its directory belong to root, who alone may read them.
type File struct {
	Path string // from the file system's root, in one directory
	Data []byte
}

// Write is what is to be written into the file system.
type Write struct {
	Offset int64
	Bytes  []byte
}

// Errors of programs and of file systems.
var (
	ErrMissing = errors.New("debugfs is not installed: Debian and Fedora have it in e2fsprogs, Homebrew too")
	ErrRefused = errors.New("debugfs cannot write to its file system")
)

// Exists is the error of a file that is there already, Lacks that of one that is not.
type (
	Exists struct{ Path string }
	Lacks  struct{ Path string }
)

func (e Exists) Error() string { return "has " + e.Path + " already" }
func (e Lacks) Error() string  { return "has no " + e.Path }

// patience is how long debugfs may take: it needs milliseconds, but nobody knows what a
// damaged file system makes it do.
const patience = time.Minute

// fileTime is the time of everything that is put: 2000-01-01, so that the same files
// make the same image.
const fileTime = "946684800"

// Find returns the path of debugfs. Directories of administrators' programs are not in
// everybody's PATH.
func Find() (string, error) {
	for _, place := range []string{"debugfs", "/usr/sbin/debugfs", "/sbin/debugfs", "/opt/homebrew/opt/e2fsprogs/sbin/debugfs", "/usr/local/opt/e2fsprogs/sbin/debugfs"} {
		if found, err := exec.LookPath(place); err == nil {
			return filepath.Abs(found)
		}
	}
	return "", ErrMissing
}

// Put returns what is to be written into a file system of that size to put files into
// it. None of them may exist already; those in present must. It works on a copy without
// a name in the directory scratch, and reads back what was put.
func Put(system io.ReaderAt, size int64, scratch string, files []File, present ...string) ([]Write, error) {
	debugfs, err := Find()
	if err != nil {
		return nil, err
	}
	d := session{debugfs: debugfs}
	defer d.close()
	if err := d.open(scratch, io.NewSectionReader(system, 0, size), size); err != nil {
		return nil, err
	}
	for _, name := range present {
		if has, err := d.has(name); err != nil {
			return nil, err
		} else if !has {
			return nil, Lacks{name}
		}
	}
	for _, f := range files {
		if has, err := d.has(f.Path); err != nil {
			return nil, err
		} else if has {
			return nil, Exists{f.Path}
		}
	}
	if err := d.put(scratch, files); err != nil {
		return nil, err
	}
	return difference(system, d.files[0], size)
}

// session is the copy, and what is put into it: files for debugfs, without names.
type session struct {
	debugfs string
	files   []*os.File
}

func (d *session) close() {
	for _, f := range d.files {
		f.Close()
	}
}

// part is how many bytes are copied and compared at a time.
const part = 1 << 20

// open makes the copy. Zeros are left out, as they take no space.
func (d *session) open(scratch string, from io.Reader, size int64) error {
	file, err := hidden(scratch)
	if err != nil {
		return err
	}
	d.files = append(d.files, file)
	text := make([]byte, part)
	for at := int64(0); at < size; at += part {
		n, err := io.ReadFull(from, text[:min(part, size-at)])
		if err != nil {
			return err
		}
		if len(bytes.Trim(text[:n], "\x00")) > 0 {
			if _, err := file.WriteAt(text[:n], at); err != nil {
				return err
			}
		}
	}
	return file.Truncate(size)
}

func (d *session) has(name string) (bool, error) {
	text, err := d.run("", "-R", "stat "+name)
	return bytes.HasPrefix(text, []byte("Inode: ")), err
}

func (d *session) put(scratch string, files []File) error {
	var orders strings.Builder
	for _, f := range files {
		if !fs.ValidPath(f.Path) || strings.ContainsAny(f.Path, " \t\r\n\"'\\<>") {
			return fmt.Errorf("%q is not a path for debugfs", f.Path)
		}
		file, err := hidden(scratch)
		if err != nil {
			return err
		}
		d.files = append(d.files, file)
		if _, err := file.WriteAt(f.Data, 0); err != nil { // where /dev/fd shares its place, that stays the beginning
			return err
		}
		if dir := path.Dir(f.Path); dir != "." {
			fmt.Fprintf(&orders, "mkdir %[1]s\nset_inode_field %[1]s mode 040700\n", dir) // if it exists, debugfs says so and goes on
		}
		fmt.Fprintf(&orders, "write %s %[2]s\nset_inode_field %[2]s mode 0100600\n", name(len(d.files)-1), f.Path)
	}
	if _, err := d.run(orders.String(), "-w"); err != nil {
		return err
	}
	for _, f := range files {
		text, err := d.run("", "-R", "cat "+f.Path)
		if err != nil {
			return err
		}
		if !bytes.Equal(text, f.Data) {
			return ErrRefused
		}
	}
	return nil
}

// difference returns where the copy differs from the file system.
func difference(system, changed io.ReaderAt, size int64) (writes []Write, err error) {
	const step = 1024 // the smallest block of ext4
	was, is := make([]byte, part), make([]byte, part)
	for at := int64(0); at < size; at += part {
		n := min(part, size-at)
		for _, side := range []struct {
			from io.ReaderAt
			text []byte
		}{{system, was}, {changed, is}} {
			if _, err := side.from.ReadAt(side.text[:n], at); err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
		}
		for b := int64(0); b < n; b += step {
			end := min(b+step, n)
			if bytes.Equal(was[b:end], is[b:end]) {
				continue
			}
			if last := len(writes) - 1; last >= 0 && writes[last].Offset+int64(len(writes[last].Bytes)) == at+b {
				writes[last].Bytes = append(writes[last].Bytes, is[b:end]...)
			} else {
				writes = append(writes, Write{at + b, bytes.Clone(is[b:end])})
			}
		}
	}
	return writes, nil
}

// hidden makes a file without a name: keys in it are gone when the program is, however
// it ends.
func hidden(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, ".hagen-ext4-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// name is how debugfs opens a file of the session.
func name(number int) string { return fmt.Sprint("/dev/fd/", 3+number) }

// run runs debugfs on the copy. It reads orders from its input if no argument has one.
func (d *session) run(orders string, args ...string) ([]byte, error) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	command := exec.CommandContext(ctx, d.debugfs, append(args, name(0))...)
	command.Dir = "/"
	command.Env = []string{"LC_ALL=C", "TZ=UTC", "E2FSPROGS_FAKE_TIME=" + fileTime, "DEBUGFS_PAGER=__none__", "PATH=" + os.Getenv("PATH")}
	command.Stdin = strings.NewReader(orders)
	command.ExtraFiles = d.files
	var out limited
	command.Stdout = &out
	err := command.Run()
	if out.full || ctx.Err() != nil {
		return nil, ErrRefused
	}
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		return nil, fmt.Errorf("debugfs cannot be run: %w", err)
	}
	return out.Bytes(), nil // what it did is looked at afterwards: some releases always end with 0
}

// limited keeps as many bytes as the largest document may have.
type limited struct {
	bytes.Buffer
	full bool
}

func (l *limited) Write(text []byte) (int, error) {
	if l.Len()+len(text) > 16<<20 {
		l.full = true
		return 0, errors.New("too much output")
	}
	return l.Buffer.Write(text)
}
