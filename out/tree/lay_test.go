//go:build unix

package tree

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// testFile is shorthand for a file whose content is its own.
func testFile(path string, mode fs.FileMode, data string) File {
	return File{Path: path, Mode: mode, Data: []byte(data)}
}

func mustOpen(t testing.TB, path string) *Dir {
	t.Helper()
	d, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lay makes a tree on disk: "dir/" a directory, "a -> b" a link, "a|" a pipe,
// else "path=content".
func lay(t testing.TB, root string, items ...string) {
	t.Helper()
	must(t, os.MkdirAll(root, 0o700))
	for _, item := range items {
		if link, to, ok := strings.Cut(item, " -> "); ok {
			must(t, os.Symlink(to, filepath.Join(root, link)))
			continue
		}
		path, data, isFile := strings.Cut(item, "=")
		full := filepath.Join(root, path)
		switch {
		case strings.HasSuffix(path, "/"):
			must(t, os.MkdirAll(full, 0o755))
		case strings.HasSuffix(path, "|"):
			must(t, unix.Mkfifo(strings.TrimSuffix(full, "|"), 0o600))
		case isFile:
			must(t, os.WriteFile(full, []byte(data), 0o644))
			must(t, os.Chmod(full, 0o644))
		}
	}
}

// listing describes what is below root, a line each.
func listing(t testing.TB, root string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		line := fmt.Sprintf("%s %v", rel, info.Mode())
		if e.Type() == fs.ModeSymlink {
			to, _ := os.Readlink(path)
			line = rel + " -> " + to
		} else if e.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += " " + string(data)
		}
		lines = append(lines, line)
		return nil
	})
	must(t, err)
	return lines
}

// stamps are what changes if anything below root is touched.
func stamps(t testing.TB, root string) map[string]string {
	t.Helper()
	m := map[string]string{}
	must(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		m[path] = fmt.Sprint(st.Ino, st.Mtim, st.Ctim, st.Mode)
		return nil
	}))
	return m
}

func leftovers(t testing.TB, path string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.hagen-*"))
	must(t, err)
	return found
}

func noLeftovers(t testing.TB, path string) {
	t.Helper()
	if found := leftovers(t, path); len(found) > 0 {
		t.Errorf("left beside %s: %v", path, found)
	}
}

func equal(t testing.TB, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

// bothWays runs a test with the exchange and with two renames in its stead.
func bothWays(t *testing.T, test func(t *testing.T)) {
	for _, way := range []string{"exchange", "aside"} {
		t.Run(way, func(t *testing.T) {
			noExchange = way == "aside"
			defer func() { noExchange = false }()
			test(t)
		})
	}
}
