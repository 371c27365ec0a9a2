// Package ext4 puts files into an ext4 file system inside an image of a disk, by
// debugfs of e2fsprogs: without root, and without a mount.
package ext4

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// Errors of programs and of file systems.
var (
	ErrMissing = errors.New("debugfs is not installed: Debian and Fedora have it in e2fsprogs, Homebrew too")
	ErrRefused = errors.New("debugfs cannot write to the file system")
)

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

// Put puts files into the file system at an offset of an image. No file may exist
// already. What was put is read back.
func Put(image string, offset int64, files []File) error {
	debugfs, err := Find()
	if err != nil {
		return err
	}
	var orders strings.Builder
	var data []*os.File
	defer func() {
		for _, f := range data {
			f.Close()
		}
	}()
	for n, f := range files {
		if !fs.ValidPath(f.Path) || strings.ContainsAny(f.Path, " \t\r\n\"'\\<>") {
			return fmt.Errorf("%q is not a path for debugfs", f.Path)
		}
		file, err := hidden(filepath.Dir(image), f.Data)
		if err != nil {
			return err
		}
		data = append(data, file)
		if dir := path.Dir(f.Path); dir != "." {
			fmt.Fprintf(&orders, "mkdir %[1]s\nset_inode_field %[1]s mode 040700\n", dir) // if it exists, debugfs says so and goes on
		}
		fmt.Fprintf(&orders, "write /dev/fd/%[2]d %[1]s\nset_inode_field %[1]s mode 0100600\n", f.Path, 3+n)
	}
	if _, err := run(debugfs, image, offset, orders.String(), data, "-w"); err != nil {
		return err
	}
	for _, f := range files {
		text, err := run(debugfs, image, offset, "", nil, "-R", "cat "+f.Path)
		if err != nil {
			return err
		}
		if !bytes.Equal(text, f.Data) {
			return ErrRefused
		}
	}
	return nil
}

// Has reports whether a file system has a file or directory. An empty file system that
// cannot be read has none.
func Has(image string, offset int64, name string) (bool, error) {
	debugfs, err := Find()
	if err != nil {
		return false, err
	}
	text, err := run(debugfs, image, offset, "", nil, "-R", "stat "+name)
	if err != nil {
		return false, err
	}
	return bytes.HasPrefix(text, []byte("Inode: ")), nil
}

// hidden makes a file without a name: keys in it are gone when the program is, however
// it ends.
func hidden(dir string, data []byte) (*os.File, error) {
	file, err := os.CreateTemp(dir, ".hagen-ext4-")
	if err != nil {
		return nil, err
	}
	err = os.Remove(file.Name())
	if err == nil {
		_, err = file.Write(data)
	}
	if err == nil {
		_, err = file.Seek(0, 0) // where opening /dev/fd is like dup, the place is shared
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// run runs debugfs, which reads orders from its input if no argument has one.
func run(debugfs, image string, offset int64, orders string, data []*os.File, args ...string) ([]byte, error) {
	name := filepath.Base(image)
	if strings.ContainsAny(name, "?") {
		return nil, fmt.Errorf("%q is not a name for debugfs", name)
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	command := exec.CommandContext(ctx, debugfs, append(args, fmt.Sprintf("./%s?offset=%d", name, offset))...)
	command.Dir = filepath.Dir(image)
	command.Env = []string{"LC_ALL=C", "TZ=UTC", "E2FSPROGS_FAKE_TIME=" + fileTime, "DEBUGFS_PAGER=__none__", "PATH=" + os.Getenv("PATH")}
	command.Stdin = strings.NewReader(orders)
	command.ExtraFiles = data
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
