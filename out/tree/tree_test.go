//go:build unix

package tree

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if os.Getenv("TREE_TEST_CHILD") != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

func TestReplace(t *testing.T) {
	tests := []struct {
		name   string
		before []string
		files  []File
		remove []string
		want   []string // nil: nothing changes
	}{
		{"into nothing", nil,
			[]File{testFile("a", 0o600, "1"), testFile("h/b", 0o644, "2"), testFile("h/x/c", 0o640, "3")}, nil,
			[]string{". drwx------", "a -rw------- 1", "h drwx------", "h/b -rw-r--r-- 2", "h/x drwx------", "h/x/c -rw-r----- 3"}},
		{"new content", []string{"a=1"}, []File{testFile("a", 0o644, "2")}, nil,
			[]string{". drwx------", "a -rw-r--r-- 2"}},
		{"new mode", []string{"a=1"}, []File{testFile("a", 0o600, "1")}, nil,
			[]string{". drwx------", "a -rw------- 1"}},
		{"nothing new", []string{"a=1", "b=2"}, []File{testFile("a", 0o644, "1")}, []string{"c", "d/e"}, nil},
		{"no files", []string{"b=2"}, nil, nil, nil},
		{"foreign", []string{"d/", "e/", "d/b=2", "l -> d/b", "dl -> d", "out -> ../.."}, []File{testFile("a", 0o600, "1")}, nil,
			[]string{". drwx------", "a -rw------- 1", "d drwxr-xr-x", "d/b -rw-r--r-- 2", "dl -> d", "e drwxr-xr-x", "l -> d/b", "out -> ../.."}},
		{"remove", []string{"a=1", "b=2"}, nil, []string{"a", "none"}, []string{". drwx------", "b -rw-r--r-- 2"}},
		{"remove and empty directories", []string{"d/e/f/", "d/e/f/a=1", "d/g/", "h/", "h/a=1"}, nil, []string{"d/e/f/a", "h/a"},
			[]string{". drwx------", "d drwxr-xr-x", "d/g drwxr-xr-x"}},
		{"remove all", []string{"d/", "d/a=1"}, nil, []string{"d/a"}, []string{". drwx------"}},
		{"remove a link", []string{"d/", "d/l -> x"}, nil, []string{"d/l"}, []string{". drwx------"}},
		{"a directory of files gets its mode back", []string{"d/", "d/a=1"}, []File{testFile("d/b", 0o600, "2")}, []string{"d/a"},
			[]string{". drwx------", "d drwx------", "d/b -rw------- 2"}},
		{"a file makes way for a directory", []string{"a=1"}, []File{testFile("a/b", 0o600, "2")}, []string{"a"},
			[]string{". drwx------", "a drwx------", "a/b -rw------- 2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bothWays(t, func(t *testing.T) {
				root := filepath.Join(t.TempDir(), "tree")
				lay(t, root, tt.before...)
				before, stampsBefore := listing(t, root), stamps(t, root)
				d := mustOpen(t, root)
				changed, err := d.Replace(tt.files, tt.remove)
				must(t, err)
				if changed != (tt.want != nil) {
					t.Errorf("changed: %v", changed)
				}
				if tt.want == nil {
					equal(t, listing(t, root), before)
					if !maps.Equal(stamps(t, root), stampsBefore) {
						t.Error("something was touched")
					}
				} else {
					equal(t, listing(t, root), tt.want)
				}
				again := stamps(t, root)
				changed, err = d.Replace(tt.files, nil)
				if changed || err != nil || !maps.Equal(stamps(t, root), again) {
					t.Errorf("the second time: changed %v, error %v", changed, err)
				}
				noLeftovers(t, root)
			})
		})
	}
}

func TestReplaceRefuses(t *testing.T) {
	one := []File{testFile("d/a", 0o600, "1")}
	tests := []struct {
		name   string
		before []string
		files  []File
		remove []string
		want   []string
	}{
		{"parent is a link", []string{"e/", "d -> e"}, one, nil, []string{"tree/d", "a symbolic link", "move it away"}},
		{"parent is a file", []string{"d=1"}, one, nil, []string{"tree/d", "a file where a directory is needed", "move it away"}},
		{"a directory there", []string{"d/a/"}, one, nil, []string{"tree/d/a", "a directory where hagen writes a file", "move it away"}},
		{"a link there", []string{"d/", "d/a -> x"}, one, nil, []string{"tree/d/a", "a symbolic link", "move it away"}},
		{"a pipe", []string{"p|"}, one, nil, []string{"tree/p", "a named pipe", "move it away"}},
		{"pipes", []string{"p|", "q|", "x/", "x/r|"}, one, nil, []string{"tree/p", "tree/q", "tree/x/r", "move it away"}},
		{"all at once", []string{"d=1", "x/"}, []File{one[0], testFile("x", 0o600, "")}, nil, []string{"tree/d", "tree/x"}},
		{"file and directory", nil, []File{one[0], testFile("d", 0o600, "")}, nil, []string{"tree/d", "a directory"}},
		{"directory and file", nil, []File{testFile("d", 0o600, ""), one[0]}, nil, []string{"tree/d", "a file"}},
		{"up", nil, []File{testFile("../a", 0o600, "")}, nil, []string{`"../a"`}},
		{"up inside", nil, []File{testFile("a/../../b", 0o600, "")}, nil, []string{`"a/../../b"`}},
		{"absolute", nil, []File{testFile("/a", 0o600, "")}, nil, []string{`"/a"`}},
		{"empty", nil, []File{testFile("", 0o600, "")}, nil, []string{`""`}},
		{"the tree", nil, []File{testFile(".", 0o600, "")}, nil, []string{`"."`}},
		{"newline", nil, []File{testFile("a\nb", 0o600, "")}, nil, []string{`"a\nb"`}},
		{"twice", nil, []File{one[0], one[0]}, nil, []string{"d/a", "twice"}},
		{"written and removed", nil, one, []string{"d/a"}, []string{"d/a", "twice"}},
		{"remove up", nil, nil, []string{"../a"}, []string{`"../a"`}},
		{"remove a directory", []string{"d/a/"}, nil, []string{"d/a"}, []string{"tree/d/a", "is a directory"}},
		{"setuid", nil, []File{testFile("a", 0o600|fs.ModeSetuid, "")}, nil, []string{"a is to be written with mode"}},
		{"no mode", nil, []File{testFile("a", 0, "")}, nil, []string{"a is to be written with mode"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "tree")
			lay(t, root, tt.before...)
			before := stamps(t, root)
			d := mustOpen(t, root)
			changed, err := d.Replace(tt.files, tt.remove)
			if changed {
				t.Error("changed")
			}
			wantError(t, err, tt.want...)
			if !maps.Equal(stamps(t, root), before) {
				t.Error("the tree was touched")
			}
			noLeftovers(t, root)
		})
	}
}

func TestReplaceRefusesSocket(t *testing.T) {
	t.Chdir(t.TempDir()) // a socket's name is short
	lay(t, "tree")
	l, err := net.Listen("unix", "tree/s")
	must(t, err)
	defer l.Close()
	_, err = mustOpen(t, "tree").Replace([]File{testFile("a", 0o600, "")}, nil)
	wantError(t, err, "tree/s", "a socket", "move it away")
}

func TestForeignLimit(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	lay(t, root)
	was := maxForeign
	maxForeign = 50
	defer func() { maxForeign = was }()
	for i := range maxForeign {
		must(t, os.Symlink("x", filepath.Join(root, fmt.Sprint("l", i))))
	}
	d := mustOpen(t, root)
	_, err := d.Replace([]File{testFile("a", 0o600, "1")}, nil)
	must(t, err)
	lay(t, root, "b=1")
	_, err = d.Replace([]File{testFile("a", 0o600, "1")}, nil)
	wantError(t, err, root, "50 files", "name a directory")
}

func TestRootMode(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	lay(t, root, "a=1")
	must(t, os.Chmod(root, 0o755))
	changed, err := mustOpen(t, root).Replace(nil, nil)
	must(t, err)
	if !changed {
		t.Error("unchanged")
	}
	equal(t, listing(t, root), []string{". drwx------", "a -rw-r--r-- 1"})
}

// TestDirectoryModes: a directory with files of ours is 0700 again; another's stays as it is, and so
// does one in a tree for others.
func TestDirectoryModes(t *testing.T) {
	for _, shared := range []bool{false, true} {
		root := filepath.Join(t.TempDir(), "tree")
		lay(t, root, "a/b/", "a/b/ours=1", "a/foreign=2", "theirs/", "theirs/foreign=3")
		for _, dir := range []string{"", "a", "a/b", "theirs"} {
			must(t, os.Chmod(filepath.Join(root, dir), 0o755))
		}
		if !shared {
			must(t, os.Chmod(root, 0o700))
		}
		d := mustOpen(t, root)
		stage := d.Stage
		want := []string{". drwx------", "a drwx------", "a/b drwx------"}
		if shared {
			stage, want = d.StageShared, []string{". drwxr-xr-x", "a drwxr-xr-x", "a/b drwxr-xr-x"}
		}
		for _, first := range []bool{true, false} {
			s, err := stage([]File{testFile("a/b/ours", 0o644, "1")}, nil)
			must(t, err)
			changed, err := s.Commit()
			must(t, err)
			if changed != (first && !shared) {
				t.Errorf("shared %t, first %t: changed %t", shared, first, changed)
			}
		}
		equal(t, listing(t, root), append(want, "a/b/ours -rw-r--r-- 1", "a/foreign -rw-r--r-- 2", "theirs drwxr-xr-x", "theirs/foreign -rw-r--r-- 3"))
	}
}

func TestUnchangedAndForeignFilesStayTheSame(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		root := filepath.Join(t.TempDir(), "tree")
		lay(t, root, "same=1", "foreign=2", "changes=3", "d/", "d/foreign=4")
		must(t, os.Chmod(filepath.Join(root, "d"), 0o500|fs.ModeSetgid))
		t.Cleanup(func() { removeAll(root) })
		must(t, os.Chmod(filepath.Join(root, "foreign"), 0o400))
		stat := func(path string) fs.FileInfo {
			info, err := os.Lstat(filepath.Join(root, path))
			must(t, err)
			return info
		}
		paths := []string{"same", "foreign", "d/foreign"}
		before := map[string]fs.FileInfo{}
		for _, p := range paths {
			before[p] = stat(p)
		}
		_, err := mustOpen(t, root).Replace([]File{testFile("same", 0o644, "1"), testFile("changes", 0o644, "5")}, nil)
		must(t, err)
		for _, p := range paths {
			if now := stat(p); !os.SameFile(now, before[p]) || !now.ModTime().Equal(before[p].ModTime()) || now.Mode() != before[p].Mode() {
				t.Errorf("%s is another file", p)
			}
		}
		if mode := stat("d").Mode(); mode != fs.ModeDir|fs.ModeSetgid|0o500 {
			t.Errorf("d has mode %v", mode)
		}
		noLeftovers(t, root)
	})
}

func TestCopiesWhereItCannotLink(t *testing.T) {
	link = func(string, string) error { return unix.EPERM }
	defer func() { link = os.Link }()
	root := filepath.Join(t.TempDir(), "tree")
	lay(t, root, "foreign=2")
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	must(t, os.Chmod(filepath.Join(root, "foreign"), 0o640))
	must(t, os.Chtimes(filepath.Join(root, "foreign"), old, old))
	_, err := mustOpen(t, root).Replace([]File{testFile("a", 0o644, "1")}, nil)
	must(t, err)
	equal(t, listing(t, root), []string{". drwx------", "a -rw-r--r-- 1", "foreign -rw-r----- 2"})
	info, err := os.Stat(filepath.Join(root, "foreign"))
	must(t, err)
	if !info.ModTime().Equal(old) {
		t.Errorf("modified %v", info.ModTime())
	}
}

func TestUmask(t *testing.T) {
	for _, mask := range []int{0o077, 0o000, 0o177} {
		t.Run(fmt.Sprintf("%03o", mask), func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "tree")
			was := unix.Umask(mask &^ 0o100)
			defer unix.Umask(was)
			d := mustOpen(t, root)
			_, err := d.Replace([]File{testFile("d/a", 0o600, "1"), testFile("d/b", 0o666, "2"), testFile("d/c", 0o755, "3")}, nil)
			must(t, err)
			equal(t, listing(t, root), []string{". drwx------", "d drwx------", "d/a -rw------- 1", "d/b -rw-rw-rw- 2", "d/c -rwxr-xr-x 3"})
		})
	}
}

func TestFailingStepsLeaveTheTree(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		for _, step := range []string{"stage", "marker", "bring", "write", "written", "sync", "exchange", "aside"} {
			root := filepath.Join(t.TempDir(), "tree")
			lay(t, root, "a=1", "d/", "d/b=2")
			must(t, os.Chmod(filepath.Join(root, "d"), 0o500))
			t.Cleanup(func() { removeAll(root) })
			before := listing(t, root)
			atStep = func(s string) error {
				if s == step {
					return unix.ENOSPC
				}
				return nil
			}
			d := mustOpen(t, root)
			changed, err := d.Replace([]File{testFile("a", 0o600, "2")}, nil)
			atStep = func(string) error { return nil }
			if step == "aside" && !noExchange {
				must(t, err)
				continue
			}
			if changed || !errors.Is(err, unix.ENOSPC) {
				t.Errorf("%s: changed %v, error %v", step, changed, err)
			}
			equal(t, listing(t, root), before)
			noLeftovers(t, root)
			_, err = d.Replace([]File{testFile("a", 0o600, "2")}, nil)
			must(t, err)
		}
	})
}

func TestNoticesAForeignHand(t *testing.T) {
	tests := map[string]func(root string) error{
		"appeared":             func(root string) error { return os.WriteFile(filepath.Join(root, "z"), nil, 0o600) },
		"changed":              func(root string) error { return os.WriteFile(filepath.Join(root, "a"), []byte("9"), 0o600) },
		"moved or removed":     func(root string) error { return os.Rename(root, root+"2") },
		"holds changed while ": func(root string) error { return os.Remove(filepath.Join(root, "a")) },
	}
	for want, meddle := range tests {
		root := filepath.Join(t.TempDir(), "tree")
		lay(t, root, "a=1")
		// The granularity of a file's times is that of the kernel's tick.
		must(t, os.Chtimes(filepath.Join(root, "a"), time.Unix(1, 0), time.Unix(1, 0)))
		must(t, os.Chtimes(root, time.Unix(1, 0), time.Unix(1, 0)))
		d := mustOpen(t, root)
		atStep = func(s string) error {
			if s == "sync" {
				return meddle(root)
			}
			return nil
		}
		changed, err := d.Replace([]File{testFile("b", 0o600, "2")}, nil)
		atStep = func(string) error { return nil }
		if changed {
			t.Errorf("%s: changed", want)
		}
		wantError(t, err, root, "while hagen was writing", "run again")
		noLeftovers(t, root)
	}
}

// TestSynced: whatever is in the next tree is durable before it is exchanged,
// and the exchange is before its end. A killed process cannot show that, since
// the kernel keeps what it wrote.
func TestSynced(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		root := filepath.Join(t.TempDir(), "tree")
		lay(t, root, "kept=1", "d/", "d/old=2")
		var mutex sync.Mutex
		synced, before := map[string]bool{}, map[string]bool{}
		stage := ""
		name := func(path string) string {
			if base, rest, below := strings.Cut(strings.TrimPrefix(path, filepath.Dir(root)+"/"), "/"); strings.HasPrefix(base, ".tree.hagen-") {
				stage = base
				return strings.TrimSuffix("STAGE/"+rest, map[bool]string{false: "/"}[below])
			}
			return strings.TrimPrefix(path, filepath.Dir(root))
		}
		syncFile = func(f *os.File) error {
			mutex.Lock()
			defer mutex.Unlock()
			synced[name(f.Name())] = true
			return f.Sync()
		}
		atStep = func(step string) error {
			if step == "exchange" {
				before, synced = synced, map[string]bool{}
			}
			return nil
		}
		defer func() { syncFile, atStep = (*os.File).Sync, func(string) error { return nil } }()
		d := mustOpen(t, root)
		_, err := d.Replace([]File{testFile("a", 0o600, "1"), testFile("d/b", 0o600, "2"), testFile("e/f/c", 0o600, "3")}, nil)
		must(t, err)
		want := []string{"STAGE/new", "STAGE/new/a", "STAGE/new/d", "STAGE/new/d/b", "STAGE/new/e", "STAGE/new/e/f", "STAGE/new/e/f/c"}
		if got := slices.Sorted(maps.Keys(before)); !slices.Equal(got, want) {
			t.Errorf("synced before the exchange: %v, want %v", got, want)
		}
		if got := slices.Sorted(maps.Keys(synced)); !slices.Equal(got, []string{"", "STAGE"}) {
			t.Errorf("synced after the exchange: %q, want the stage and the directory above; stage %s", got, stage)
		}
	})
}

// What root may not remove, or a user in another's directory, is found before
// anything is exchanged.
func TestUnremovable(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	lay(t, root, "a=1", "d/", "d/b=2")
	if output, err := exec.Command("chattr", "+i", filepath.Join(root, "d/b")).CombinedOutput(); err != nil {
		t.Skipf("%v: %s", err, output)
	}
	defer exec.Command("chattr", "-i", filepath.Join(root, "d/b")).Run()
	before := listing(t, root)
	d := mustOpen(t, root)
	changed, err := d.Replace([]File{testFile("a", 0o600, "2")}, nil)
	wantError(t, err, root, "d/b is protected (chattr +i)", "chattr -i it first")
	if changed {
		t.Error("changed")
	}
	equal(t, listing(t, root), before)
	noLeftovers(t, root)
	// Nothing to do is no reason to complain.
	if _, err := d.Replace([]File{testFile("d/b", 0o644, "2")}, nil); err != nil && !strings.Contains(err.Error(), "protected") {
		t.Error(err)
	}
}

// A copy that cannot be removed after the exchange is reported, now and at the
// next run, and hinders neither.
func TestLeftBehind(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	lay(t, root, "a=1")
	d := mustOpen(t, root)
	atStep = func(step string) error {
		if step == "cleanup" {
			return unix.EPERM
		}
		return nil
	}
	defer func() { atStep = func(string) error { return nil } }()
	changed, err := d.Replace([]File{testFile("a", 0o600, "2")}, nil)
	if !changed || err != nil || len(d.Notes()) != 1 {
		t.Fatalf("changed %v, error %v, notes %q", changed, err, d.Notes())
	}
	must(t, d.Close())
	d = mustOpen(t, root)
	if len(d.Notes()) != 1 || len(leftovers(t, root)) != 1 {
		t.Errorf("notes %q, left %v", d.Notes(), leftovers(t, root))
	}
	must(t, d.Close())
	atStep = func(string) error { return nil }
	mustOpen(t, root)
	noLeftovers(t, root)
}

// TestStaged: what is staged changes nothing until it is committed.
func TestStaged(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	lay(t, root, "a=1")
	before := listing(t, root)
	d := mustOpen(t, root)
	s, err := d.Stage([]File{testFile("a", 0o600, "2")}, nil)
	must(t, err)
	equal(t, listing(t, root), before)
	if !s.Changes() {
		t.Error("nothing is to change")
	}
	must(t, s.Discard())
	must(t, s.Discard())
	noLeftovers(t, root)
	if changed, err := s.Commit(); changed || err != nil {
		t.Error("what was discarded was committed")
	}
	equal(t, listing(t, root), before)
}

// TestFilled: a file that is filled is written as others are, and stays if it is the same.
func TestFilled(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	lay(t, root, "a=1")
	filled := func(path, text string) File {
		return File{Path: path, Mode: 0o600, Sum: sha256.Sum256([]byte(text)), Fill: func(w *os.File) error {
			_, err := w.WriteString(text)
			return err
		}}
	}
	d := mustOpen(t, root)
	defer d.Close()
	failing := filled("x", "y")
	failing.Fill = func(w *os.File) error {
		w.WriteString("half")
		return unix.ENOSPC
	}
	if changed, err := d.Replace([]File{filled("a", "2"), failing}, nil); changed {
		t.Error("a file that could not be filled is there")
	} else {
		wantError(t, err, "x: no space left on device", "free some space")
	}
	noLeftovers(t, root)
	for _, step := range []struct {
		text    string
		changed bool
	}{{"2", true}, {"2", false}, {"3", true}, {"1234", true}, {"1234", false}} {
		changed, err := d.Replace([]File{filled("a", step.text), filled("dir/b", "b")}, nil)
		if err != nil || changed != step.changed {
			t.Errorf("%s: changed %v, %v", step.text, changed, err)
		}
		if text, err := os.ReadFile(filepath.Join(root, "a")); err != nil || string(text) != step.text {
			t.Errorf("%s: %s, %v", step.text, text, err)
		}
	}
}
