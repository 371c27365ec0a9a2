//go:build unix

package tree

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOpenRegular tries everything that can stand in the place of a file, by
// each way to open one. None may wait.
func TestOpenRegular(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, "file=1", "dir/", "link -> file", "device -> /dev/zero", "pipes -> pipe", "gone -> none", "pipe|")
	t.Chdir(dir) // the name of a socket is short
	listener, err := net.Listen("unix", "socket")
	must(t, err)
	defer listener.Close()
	root, err := os.OpenRoot(".")
	must(t, err)
	defer root.Close()

	ways := map[string]func(string) (io.Closer, error){
		"path": func(name string) (io.Closer, error) { return OpenRegular(name) },
		"dir":  func(name string) (io.Closer, error) { return Files(".").Open(name) },
		"root": func(name string) (io.Closer, error) { return FilesWithin(root).Open(name) },
	}
	for name, want := range map[string]string{
		"file": "", "link": "",
		"dir":    "it is a directory, not a regular file: put the file itself in its place",
		"pipe":   "it is a named pipe, not a regular file",
		"pipes":  "it is a named pipe, not a regular file",
		"socket": "it is a socket, not a regular file",
		"device": "it is a device, not a regular file",
		"none":   "no such file or directory", "gone": "no such file or directory",
	} {
		for way, open := range ways {
			want := want
			switch {
			case name == "dir" && way != "path":
				want = "" // a file system has directories
			case name == "device" && way == "root":
				want = "escapes" // and it does not lead out
			}
			file, err := soon(t, func() (io.Closer, error) { return open(name) })
			switch {
			case want == "" && err == nil:
				must(t, file.Close())
			case want == "" || err == nil || !strings.Contains(err.Error(), want):
				t.Errorf("%s by %s: %v, want %q", name, way, err, want)
			case errors.Is(err, ErrNotFile) != strings.Contains(want, "regular"), errors.Is(err, fs.ErrNotExist) != strings.Contains(want, "no such"):
				t.Errorf("%s by %s: %v is another kind of error", name, way, err)
			}
		}
	}
}

// TestPipeInBetween: a file that has become a pipe since it was looked at is
// refused, too.
func TestPipeInBetween(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, "pipe|")
	before := func(string) (fs.FileInfo, error) { return os.Stat("regular_test.go") }
	_, err := soon(t, func() (io.Closer, error) {
		return open(filepath.Join(dir, "pipe"), before, os.OpenFile, fs.FileMode.IsRegular)
	})
	if !errors.Is(err, ErrNotFile) {
		t.Error(err)
	}
}

// TestFiles: the rest is as os.DirFS has it.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, "a/", "a/f=1", "b=22", "a/pipe|")
	entries, err := fs.ReadDir(Files(dir), "a")
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	text, err := fs.ReadFile(Files(dir), "b")
	if err != nil || string(text) != "22" {
		t.Errorf("%s, %v", text, err)
	}
	info, err := fs.Stat(Files(dir), "a/pipe")
	if err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("%v, %v", info, err)
	}
	for _, name := range []string{"../b", "/b", "a/../b"} {
		if _, err := Files(dir).Open(name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// soon fails if something waits.
func soon(t *testing.T, do func() (io.Closer, error)) (io.Closer, error) {
	t.Helper()
	type result struct {
		file io.Closer
		err  error
	}
	done := make(chan result, 1)
	go func() {
		file, err := do()
		done <- result{file, err}
	}()
	select {
	case r := <-done:
		return r.file, r.err
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
		return nil, nil
	}
}
