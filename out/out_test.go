//go:build unix

package out

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hagen/gen/document"
	"hagen/out/tree"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// texts makes files of "path=content".
func texts(items ...string) []tree.File {
	var files []tree.File
	for _, item := range items {
		path, data, _ := strings.Cut(item, "=")
		files = append(files, tree.File{Path: path, Mode: 0o600, Data: []byte(data)})
	}
	return files
}

// write renders to root as a run of hagen does.
func write(t testing.TB, root string, scope Scope, items ...string) (Result, error) {
	t.Helper()
	d, err := tree.Open(root, nil)
	must(t, err)
	defer d.Close()
	p, err := Prepare(d, texts(items...), scope)
	if err != nil {
		return Result{}, err
	}
	return p.Commit()
}

// content lists the files below root as "path=content", without the manifest
// and .gitignore, and checks that the manifest lists what recorded says.
func content(t testing.TB, root string, recorded ...string) []string {
	t.Helper()
	var items []string
	must(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		if err != nil || e.IsDir() || rel == document.ManifestPath || rel == ignoreName {
			return err
		}
		if e.Type() == fs.ModeSymlink {
			to, err := os.Readlink(path)
			items = append(items, rel+" -> "+to)
			return err
		}
		data, err := os.ReadFile(path)
		items = append(items, rel+"="+string(data))
		return err
	}))
	text, err := os.ReadFile(filepath.Join(root, document.ManifestPath))
	must(t, err)
	want := ""
	for _, item := range recorded {
		path, data, _ := strings.Cut(item, "=")
		want += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(data)), path)
	}
	if string(text) != want {
		t.Errorf("the manifest is\n%swant\n%s", text, want)
	}
	return items
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
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

func put(t testing.TB, root string, items ...string) {
	t.Helper()
	for _, item := range items {
		if link, to, ok := strings.Cut(item, " -> "); ok {
			must(t, os.Symlink(to, filepath.Join(root, link)))
			continue
		}
		path, data, isFile := strings.Cut(item, "=")
		full := filepath.Join(root, path)
		must(t, os.MkdirAll(filepath.Dir(full), 0o700))
		if isFile {
			must(t, os.WriteFile(full, []byte(data), 0o600))
			continue
		}
		must(t, os.RemoveAll(full)) // "path": gone; "path/": a directory
		if strings.HasSuffix(item, "/") {
			must(t, os.Mkdir(full, 0o700))
		}
	}
}

func TestWrite(t *testing.T) {
	first := []string{"a=1", "h/b=2", "h/c=3"}
	onlyH := func(path string) bool { return strings.HasPrefix(path, "h/") }
	tests := []struct {
		name     string
		first    []string // rendered before
		hand     []string // then done by hand
		scope    Scope
		second   []string
		want     []string
		recorded []string // second, if nil
		result   Result
	}{
		{name: "first run", second: first, want: first,
			result: Result{Changed: true, Written: []string{"a", "h/b", "h/c"}}},
		{name: "same again", first: first, second: first, want: first,
			result: Result{Kept: []string{"a", "h/b", "h/c"}}},
		{name: "one changes", first: first, second: []string{"h/c=4", "a=1", "h/b=2"}, want: []string{"a=1", "h/b=2", "h/c=4"},
			recorded: []string{"a=1", "h/b=2", "h/c=4"},
			result:   Result{Changed: true, Written: []string{"h/c"}, Kept: []string{"a", "h/b"}}},
		{name: "some go", first: first, second: []string{"a=1"}, want: []string{"a=1"},
			result: Result{Changed: true, Kept: []string{"a"}, Removed: []string{"h/b", "h/c"}}},
		{name: "all go", first: first, result: Result{Changed: true, Removed: []string{"a", "h/b", "h/c"}}},
		{name: "gone by hand and no longer rendered", first: first, hand: []string{"h/b"}, second: []string{"a=1", "h/c=3"},
			want:   []string{"a=1", "h/c=3"},
			result: Result{Changed: true, Kept: []string{"a", "h/c"}}},
		{name: "gone by hand", first: first, hand: []string{"h/b"}, second: first, want: first,
			result: Result{Changed: true, Written: []string{"h/b"}, Kept: []string{"a", "h/c"}}},
		{name: "changed by hand and no longer rendered", first: first, hand: []string{"h/b=9"}, second: []string{"a=1"},
			want: []string{"a=1", "h/b=9"},
			result: Result{Changed: true, Kept: []string{"a"}, Removed: []string{"h/c"},
				Notes: []string{"h/b is no longer rendered but was changed by hand: kept"}}},
		{name: "a link by hand and no longer rendered", first: first, hand: []string{"h/b", "h/b -> c"}, second: []string{"a=1"},
			want: []string{"a=1", "h/b -> c"},
			result: Result{Changed: true, Kept: []string{"a"}, Removed: []string{"h/c"},
				Notes: []string{"h/b is no longer rendered, and something else is in its place: kept"}}},
		{name: "changed by hand", first: first, hand: []string{"h/b=9"}, second: first, want: first,
			result: Result{Changed: true, Written: []string{"h/b"}, Kept: []string{"a", "h/c"},
				Notes: []string{"h/b was changed by hand: replaced"}}},
		{name: "changed by hand to what it is now", first: first, hand: []string{"h/b=9"}, second: []string{"a=1", "h/b=9", "h/c=3"},
			want:   []string{"a=1", "h/b=9", "h/c=3"},
			result: Result{Changed: true, Kept: []string{"a", "h/b", "h/c"}}},
		{name: "foreign files stay", first: first, hand: []string{"mine=1", "h/mine=2"}, second: []string{"a=1"},
			want:   []string{"a=1", "h/mine=2", "mine=1"},
			result: Result{Changed: true, Kept: []string{"a"}, Removed: []string{"h/b", "h/c"}}},
		{name: "the same file adopted", hand: []string{"a=1"}, second: first, want: first,
			result: Result{Changed: true, Written: []string{"h/b", "h/c"}, Kept: []string{"a"}}},
		{name: "a scope", first: []string{"a=1", "h/b=2", "h/c=3", "i/b=4"}, hand: []string{"i/b=5"}, scope: onlyH, second: []string{"h/b=6"},
			want: []string{"a=1", "h/b=6", "i/b=5"}, recorded: []string{"a=1", "h/b=6", "i/b=4"},
			result: Result{Changed: true, Written: []string{"h/b"}, Removed: []string{"h/c"}}},
		{name: "a scope and nothing new", first: first, scope: onlyH, second: []string{"h/b=2", "h/c=3"},
			want: first, recorded: first,
			result: Result{Kept: []string{"h/b", "h/c"}}},
		{name: "a file becomes a directory", first: []string{"a=1"}, second: []string{"a/b=1"}, want: []string{"a/b=1"},
			result: Result{Changed: true, Written: []string{"a/b"}, Removed: []string{"a"}}},
		{name: "people add to .gitignore", first: first, hand: []string{".gitignore=" + ignoreSign + "\n!mine\n*\n"}, second: first, want: first,
			result: Result{Kept: []string{"a", "h/b", "h/c"}}},
		{name: "people take from .gitignore", first: first, hand: []string{".gitignore=" + ignoreSign + "\n"}, second: first, want: first,
			result: Result{Kept: []string{"a", "h/b", "h/c"},
				Notes: []string{".gitignore no longer ignores everything: private keys could get into a repository"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "tree")
			if tt.first != nil {
				_, err := write(t, root, nil, tt.first...)
				must(t, err)
			}
			put(t, root, tt.hand...)
			got, err := write(t, root, tt.scope, tt.second...)
			must(t, err)
			recorded := tt.recorded
			if recorded == nil {
				recorded = tt.second
			}
			same(t, "tree", content(t, root, recorded...), tt.want)
			if got.Changed != tt.result.Changed {
				t.Errorf("changed: %v", got.Changed)
			}
			same(t, "written", got.Written, tt.result.Written)
			same(t, "kept", got.Kept, tt.result.Kept)
			same(t, "removed", got.Removed, tt.result.Removed)
			same(t, "notes", got.Notes, tt.result.Notes)

			got, err = write(t, root, tt.scope, tt.second...)
			if err != nil || got.Changed {
				t.Errorf("the second time: changed %v, error %v", got.Changed, err)
			}
		})
	}
}

func TestWriteAnotherMode(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	_, err := write(t, root, nil, "a=1")
	must(t, err)
	must(t, os.Chmod(filepath.Join(root, "a"), 0o644))
	got, err := write(t, root, nil, "a=1")
	must(t, err)
	same(t, "written", got.Written, []string{"a"})
	for _, path := range []string{"a", document.ManifestPath, ignoreName} {
		if info, err := os.Lstat(filepath.Join(root, path)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	line := strings.Repeat("0a", 32) + "  "
	own := ".gitignore=" + ignoreText
	tests := []struct {
		name  string
		hand  []string
		files []string
		want  []string
	}{
		{"another's files", []string{"a=9", "h/b=9"}, []string{"a=1", "h/b=2"}, []string{"tree/a exists", "tree/h/b exists", "hagen did not write it: move it away"}},
		{"a link in its place", []string{"x=1", "a -> x"}, []string{"a=1"}, []string{"tree/a", "a symbolic link", "move it away"}},
		{"a link above it", []string{"x/", "a -> x"}, []string{"a/b=1"}, []string{"tree/a", "a symbolic link", "move it away"}},
		{"a directory in its place", []string{"a/"}, []string{"a=1"}, []string{"tree/a", "a directory", "move it away"}},
		{"the manifest", nil, []string{"SHA256SUMS=1"}, []string{"SHA256SUMS"}},
		{"a path outside", nil, []string{"../a=1"}, []string{`"../a"`}},
		{"another's .gitignore", []string{".gitignore=*\n"}, []string{"a=1"}, []string{"tree/.gitignore exists and hagen did not write it", "move it away"}},
		{"another's manifest", []string{"SHA256SUMS=" + line + "x.iso\n", "x.iso=1"}, nil, []string{"tree/SHA256SUMS", "may not be hagen's", "name another directory", ignoreSign}},
		{"another's manifest and .gitignore", []string{"SHA256SUMS=" + line + "x.iso\n", ".gitignore=*\n"}, nil, []string{"tree/.gitignore", "move it away"}},
		{"a manifest that is a link", []string{"x=", "SHA256SUMS -> x"}, nil, []string{"tree/SHA256SUMS", "a symbolic link"}},
		{"no hash", []string{own, "SHA256SUMS=" + line + "a\nb\n\n" + line + "c\n"}, nil,
			[]string{"tree/SHA256SUMS:2: expected 64", "tree/SHA256SUMS:3: expected 64", "restore it, or move"}},
		{"a short hash", []string{own, "SHA256SUMS=0a  a\n"}, nil, []string{"tree/SHA256SUMS:1: expected 64"}},
		{"upper case", []string{own, "SHA256SUMS=" + strings.ToUpper(line) + "a\n"}, nil, []string{"tree/SHA256SUMS:1: expected 64"}},
		{"one space", []string{own, "SHA256SUMS=" + line[:65] + "a\n"}, nil, []string{"tree/SHA256SUMS:1: expected 64"}},
		{"three spaces", []string{own, "SHA256SUMS=" + line + " \n"}, nil, nil},
		{"carriage return", []string{own, "SHA256SUMS=" + line + "a\r\n"}, nil, []string{"tree/SHA256SUMS:1:", `"a\r"`}},
		{"cut short", []string{own, "SHA256SUMS=" + line + "a"}, nil, []string{"tree/SHA256SUMS:1: the line is cut short"}},
		{"twice", []string{own, "SHA256SUMS=" + line + "a\n" + line + "a\n"}, nil, []string{"tree/SHA256SUMS:2: a is listed twice"}},
		{"an absolute path", []string{own, "SHA256SUMS=" + line + "/etc/passwd\n"}, nil, []string{"tree/SHA256SUMS:1:", `"/etc/passwd"`}},
		{"up", []string{own, "SHA256SUMS=" + line + "../x\n"}, nil, []string{"tree/SHA256SUMS:1:", `"../x"`}},
		{"up inside", []string{own, "SHA256SUMS=" + line + "a/../../x\n"}, nil, []string{"tree/SHA256SUMS:1:", `"a/../../x"`}},
		{"itself", []string{own, "SHA256SUMS=" + line + "SHA256SUMS\n"}, nil, []string{"tree/SHA256SUMS:1:", "never listed"}},
		{"no path", []string{own, "SHA256SUMS=" + line + "\n"}, nil, []string{"tree/SHA256SUMS:1:", `""`}},
		{"binary", []string{own, "SHA256SUMS=\x00\xff\n"}, nil, []string{"tree/SHA256SUMS:1:"}},
		{"huge", []string{own, "SHA256SUMS=" + strings.Repeat("x", maxManifest+1)}, nil, []string{"tree/SHA256SUMS is too large"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "tree")
			must(t, os.Mkdir(root, 0o700))
			put(t, root, tt.hand...)
			before, err := os.ReadDir(root)
			must(t, err)
			got, err := write(t, root, nil, tt.files...)
			if tt.want == nil {
				must(t, err)
				return
			}
			wantError(t, err, tt.want...)
			if got.Changed || got.Written != nil {
				t.Errorf("it returned %v", got)
			}
			after, err := os.ReadDir(root)
			must(t, err)
			if len(before) != len(after) {
				t.Error("the tree was changed")
			}
		})
	}
}

// What a manifest lists is removed only if it is what hagen wrote, even if a
// link leads to a file that is.
func TestManifestDoesNotReachOutside(t *testing.T) {
	base := t.TempDir()
	root := filepath.Join(base, "tree")
	put(t, base, "outside/key=1", "tree/.gitignore="+ignoreText,
		fmt.Sprintf("tree/SHA256SUMS=%x  d/key\n", sha256.Sum256([]byte("1"))), "tree/d -> ../outside")
	got, err := write(t, root, nil, "a=1")
	must(t, err)
	if len(got.Removed) > 0 || len(got.Notes) != 1 {
		t.Errorf("got %+v", got)
	}
	if _, err := os.Lstat(base + "/outside/key"); err != nil {
		t.Error(err)
	}
}

func TestSha256sumReadsTheManifest(t *testing.T) {
	if _, err := exec.LookPath("sha256sum"); err != nil {
		t.Skip(err)
	}
	root := filepath.Join(t.TempDir(), "tree")
	_, err := write(t, root, nil, "h/b=2", "a b=1", "H/ä=")
	must(t, err)
	cmd := exec.Command("sha256sum", "--check", "--strict", document.ManifestPath)
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
}

func FuzzManifest(f *testing.F) {
	line := strings.Repeat("0a", 32) + "  "
	f.Add([]byte(line + "a\n" + line + "b/c\n"))
	f.Add([]byte(line + "../a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest("SHA256SUMS", text)
		if err != nil {
			return
		}
		for path := range m {
			if !filepath.IsLocal(path) || path != filepath.Clean(path) {
				t.Errorf("accepts %q", path)
			}
		}
		again, err := parseManifest("SHA256SUMS", m.text())
		if err != nil || len(again) != len(m) {
			t.Errorf("does not read what it wrote: %v", err)
		}
	})
}
