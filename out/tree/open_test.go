//go:build unix

package tree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOpenRefuses(t *testing.T) {
	base := t.TempDir()
	lay(t, base, "file=1", "nowhere -> none", "p|", "circle -> circle")
	tests := []struct {
		path string
		want []string
	}{
		{base + "/file", []string{base + "/file", "not a directory", "move it away"}},
		{base + "/file/x", []string{base + "/file", "not a directory", "move away"}},
		{base + "/p", []string{"not a directory"}},
		{base + "/nowhere", []string{base + "/nowhere", "whose target does not exist"}},
		{base + "/nowhere/x", []string{base + "/nowhere", "whose target does not exist"}},
		{base + "/circle", []string{base + "/circle", "form a circle"}},
		{base + "/new/" + strings.Repeat("n", 300), []string{"too long", "shorter"}},
		{"/", []string{"/ cannot be replaced"}},
		{"", []string{"empty"}},
	}
	for _, tt := range tests {
		d, err := Open(tt.path, nil)
		if err == nil {
			d.Close()
		}
		wantError(t, err, tt.want...)
	}
	if _, err := os.Stat("/proc/self"); err == nil {
		_, err := Open("/proc/hagen", nil)
		wantError(t, err, "cannot create /proc/hagen: no such file or directory", "name another directory")
	}
	if _, err := os.Lstat(base + "/new"); err == nil {
		t.Error("a refused Open left a directory")
	}
}

func TestOpenWithoutPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may do everything")
	}
	base := t.TempDir()
	root := filepath.Join(base, "tree")
	lay(t, root, "a=1")
	d := mustOpen(t, root)
	must(t, os.Chmod(base, 0o500))
	defer os.Chmod(base, 0o700)
	_, err := d.Replace([]File{testFile("a", 0o600, "2")}, nil)
	wantError(t, err, base, "permission denied", "check the owner")
	_, err = Open(filepath.Join(base, "other"), nil)
	wantError(t, err, filepath.Join(base, "other"), "permission denied", "check the owner")
}

func TestFullDisk(t *testing.T) {
	base := t.TempDir()
	if err := mountSmall(base); err != nil {
		t.Skip("cannot mount a small file system: ", err)
	}
	defer unix.Unmount(base, unmountFlags)
	root := filepath.Join(base, "tree")
	lay(t, root, "a=1")
	before := listing(t, root)
	d := mustOpen(t, root)
	defer d.Close()
	_, err := d.Replace([]File{testFile("a", 0o644, "2"), testFile("big", 0o600, strings.Repeat("x", 1<<20))}, nil)
	wantError(t, err, "cannot write "+root+"/", "no space left", "free some space")
	equal(t, listing(t, root), before)
	noLeftovers(t, root)

	// The file system itself cannot be exchanged with a directory beside it.
	d.Close()
	_, err = Open(base, nil)
	wantError(t, err, base, "mount point", "name a new directory")
	noLeftovers(t, base)

	outer := mustOpen(t, filepath.Dir(base))
	defer outer.Close()
	_, err = outer.Replace([]File{testFile("b", 0o644, "2")}, nil)
	wantError(t, err, "mounted at "+base)
}

func TestCreatedAndClose(t *testing.T) {
	base := t.TempDir()
	root := filepath.Join(base, "a", "b", "tree")

	d := mustOpen(t, root)
	if !d.Created() {
		t.Error("not created")
	}
	must(t, d.Close())
	must(t, d.Close())
	equal(t, listing(t, base)[1:], nil)
	if _, err := d.Replace(nil, nil); err == nil {
		t.Error("Replace after Close")
	}

	d = mustOpen(t, root)
	_, err := d.Replace([]File{testFile("f", 0o600, "1")}, nil)
	must(t, err)
	must(t, d.Close())
	d = mustOpen(t, root)
	if d.Created() {
		t.Error("created")
	}
	_, err = d.Replace(nil, []string{"f"})
	must(t, err)
	must(t, d.Close())
	if _, err := os.Lstat(root); err != nil {
		t.Error("a directory that Open did not make is gone")
	}
}

func TestOpenThroughALink(t *testing.T) {
	base := t.TempDir()
	lay(t, base, "real/", "real/tree/", "link -> real/tree", "reals -> real")
	for _, path := range []string{"link", "reals/tree", "reals/new"} {
		d := mustOpen(t, filepath.Join(base, path))
		_, err := d.Replace([]File{testFile("a", 0o600, path)}, nil)
		must(t, err)
		if want := filepath.Join(base, "real"); filepath.Dir(d.Path()) != want {
			t.Errorf("%s: path %s", path, d.Path())
		}
		must(t, d.Close())
		data, err := os.ReadFile(filepath.Join(base, path, "a"))
		if err != nil || string(data) != path {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	if info, err := os.Lstat(filepath.Join(base, "link")); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Error("the link was replaced")
	}
}

func TestWaitsForTheLock(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		root := filepath.Join(t.TempDir(), "p", "tree")
		first := mustOpen(t, root)
		_, err := first.Replace([]File{testFile("a", 0o600, "1")}, nil)
		must(t, err)
		waits := make(chan int, 10)
		got := make(chan error)
		go func() {
			second, err := Open(root, func() { waits <- 1 })
			if err == nil {
				defer second.Close()
				_, err = second.Replace([]File{testFile("b", 0o600, "2")}, nil)
			}
			got <- err
		}()
		<-waits
		// The one who waits has opened the present tree: it must not get in
		// when that is exchanged, nor when the next one is.
		for _, data := range []string{"2", "3"} {
			_, err = first.Replace([]File{testFile("a", 0o600, data)}, nil)
			must(t, err)
		}
		select {
		case <-got:
			t.Fatal("two have the directory")
		case <-time.After(50 * time.Millisecond):
		}
		equal(t, listing(t, root), []string{". drwx------", "a -rw------- 3"})
		must(t, first.Close())
		must(t, <-got)
		if len(waits) > 0 {
			t.Error("announced twice")
		}
		equal(t, listing(t, root), []string{". drwx------", "a -rw------- 3", "b -rw------- 2"})
		noLeftovers(t, root)
	})
}

// The directory that somebody waits for goes away with its parents.
func TestWaitsForADirectoryThatGoes(t *testing.T) {
	root := filepath.Join(t.TempDir(), "p", "tree")
	first := mustOpen(t, root)
	waits, got := make(chan int), make(chan error)
	go func() {
		second, err := Open(root, func() { close(waits) })
		if err == nil && !second.Created() {
			err = errors.New("not created")
		}
		if err == nil {
			err = second.Close()
		}
		got <- err
	}()
	<-waits
	must(t, first.Close())
	must(t, <-got)
}

func TestSweep(t *testing.T) {
	base := t.TempDir()
	random := "0123456789abcdef"
	lay(t, base, "tree/", "tree/a=1", "other/",
		// hagen's leftovers
		".tree.hagen-"+random+"/", ".tree.hagen-"+random+"/made-by-hagen=", ".tree.hagen-"+random+"/new/", ".tree.hagen-"+random+"/new/key=1",
		".tree.hagen-1111111111111111/",
		".tree.hagen-5555555555555555/", ".tree.hagen-5555555555555555/made-by-hagen=", ".tree.hagen-5555555555555555/old/",
		// not hagen's, or not this directory's, or in use
		".other.hagen-"+random+"/", ".other.hagen-"+random+"/made-by-hagen=",
		".tree.hagen-2222222222222222/", ".tree.hagen-2222222222222222/new/",
		".tree.hagen-3333333333333333/", ".tree.hagen-3333333333333333/made-by-hagen=", ".tree.hagen-3333333333333333/mine=",
		".tree.hagen-4444444444444444/", ".tree.hagen-4444444444444444/made-by-hagen=",
		".tree.hagen-short/", ".tree.hagen-6666666666666666=a file", ".tree.hagen-7777777777777777 -> other",
		".tree.hagen-8888888888888888/", ".tree.hagen-8888888888888888/made-by-hagen=", ".tree.hagen-8888888888888888/new=a file")
	f, err := openDir(base + "/.tree.hagen-4444444444444444")
	must(t, err)
	defer f.Close()
	if ok, err := tryLock(f); !ok {
		t.Fatal(err)
	}
	must(t, mustOpen(t, filepath.Join(base, "tree")).Close())
	var got []string
	for _, p := range leftovers(t, filepath.Join(base, "tree")) {
		got = append(got, strings.TrimPrefix(filepath.Base(p), "."))
	}
	equal(t, got, []string{"other.hagen-" + random, "tree.hagen-2222222222222222", "tree.hagen-3333333333333333",
		"tree.hagen-4444444444444444", "tree.hagen-6666666666666666", "tree.hagen-7777777777777777",
		"tree.hagen-8888888888888888", "tree.hagen-short"})
}

func TestBothTreesAreLeft(t *testing.T) {
	base := t.TempDir()
	stage := ".tree.hagen-0123456789abcdef"
	lay(t, base, "tree/", "tree/mine=1", stage+"/", stage+"/made-by-hagen=", stage+"/new/", stage+"/old/", stage+"/old/mine=2")
	_, err := Open(filepath.Join(base, "tree"), nil)
	wantError(t, err, stage+"/old", base+"/tree", "move one of the two away")
	must(t, os.RemoveAll(base+"/tree"))
	must(t, mustOpen(t, base+"/tree").Close())
	equal(t, listing(t, base)[1:], []string{"tree drwxr-xr-x", "tree/mine -rw-r--r-- 2"})
}

func TestReadAndOpenFile(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	lay(t, root, "a=1", "d/", "d/b=22", "l -> a", "dl -> d", "x=")
	d := mustOpen(t, root)
	files, err := d.Read(3)
	must(t, err)
	var got []string
	for _, f := range files {
		got = append(got, f.Path+" "+f.Mode.String()+" "+string(f.Data))
	}
	equal(t, got, []string{"a -rw-r--r-- 1", "d/b -rw-r--r-- 22", "x -rw-r--r-- "})
	_, err = d.Read(2)
	wantError(t, err, root, "d/b", "more data")

	for path, want := range map[string]error{
		"a": nil, "d/b": nil, "none": fs.ErrNotExist, "none/a": fs.ErrNotExist,
		"l": ErrNotFile, "dl/b": ErrNotFile, "d": ErrNotFile, "a/b": ErrNotFile,
	} {
		f, err := d.OpenFile(path)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if _, err := d.OpenFile("../tree/a"); err == nil {
		t.Error("read outside")
	}
}
