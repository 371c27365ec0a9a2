//go:build unix

package out

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"hagen/out/tree"
)

func writeTwins(t testing.TB, root string, scope Scope, items ...string) (Result, error) {
	t.Helper()
	d, err := tree.Open(root, nil)
	must(t, err)
	defer d.Close()
	return WriteTwins(d, texts(items...), scope)
}

func TestWriteTwins(t *testing.T) {
	first := []string{"a=1", "h/b=2", "i/c=3"}
	for _, test := range []struct {
		what   string
		first  []string
		hand   []string
		scope  Scope
		second []string
		want   []string // what is there then
		listed string
		result Result
	}{
		{what: "first", second: first, want: first, listed: "a h/b i/c", result: Result{Changed: true, Written: []string{"a", "h/b", "i/c"}}},
		{what: "again", first: first, second: first, want: first, listed: "a h/b i/c", result: Result{Kept: []string{"a", "h/b", "i/c"}}},
		{what: "changed by hand", first: first, hand: []string{"a=9", "h/mine=1"}, second: first, want: []string{"a=1", "h/b=2", "h/mine=1", "i/c=3"}, listed: "a h/b i/c",
			result: Result{Changed: true, Written: []string{"a"}, Kept: []string{"h/b", "i/c"}}},
		{what: "some go, changed or not", first: first, hand: []string{"h/b=9"}, second: []string{"a=1"}, want: []string{"a=1"}, listed: "a",
			result: Result{Changed: true, Kept: []string{"a"}, Removed: []string{"h/b", "i/c"}}},
		{what: "a scope", first: first, scope: func(path string) bool { return !strings.HasPrefix(path, "i/") }, second: []string{"a=2"}, want: []string{"a=2", "i/c=3"}, listed: "a i/c",
			result: Result{Changed: true, Written: []string{"a"}, Removed: []string{"h/b"}}},
		{what: "the same adopted", hand: []string{"a=1"}, second: first, want: first, listed: "a h/b i/c",
			result: Result{Changed: true, Written: []string{"h/b", "i/c"}, Kept: []string{"a"}}},
		{what: "listed twice, by a merge", first: first, hand: []string{TwinsName + "=" + twinsSign + "\nh/b\na\nh/b\ni/c\nz\n"}, second: []string{"a=1"}, want: []string{"a=1"}, listed: "a",
			result: Result{Changed: true, Kept: []string{"a"}, Removed: []string{"h/b", "i/c"}}},
	} {
		t.Run(test.what, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "tree")
			if test.first != nil {
				_, err := writeTwins(t, root, nil, test.first...)
				must(t, err)
			}
			put(t, root, test.hand...)
			got, err := writeTwins(t, root, test.scope, test.second...)
			must(t, err)
			var there []string
			must(t, fs.WalkDir(os.DirFS(root), ".", func(path string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() || path == TwinsName {
					return err
				}
				data, err := os.ReadFile(filepath.Join(root, path))
				there = append(there, path+"="+string(data))
				return err
			}))
			same(t, "tree", there, test.want)
			list, err := os.ReadFile(filepath.Join(root, TwinsName))
			must(t, err)
			if want := twinsSign + "\n" + strings.ReplaceAll(test.listed, " ", "\n") + "\n"; string(list) != want {
				t.Errorf("the list is %q", list)
			}
			if got.Changed != test.result.Changed || len(got.Notes) > 0 {
				t.Errorf("changed: %v, notes %v", got.Changed, got.Notes)
			}
			same(t, "written", got.Written, test.result.Written)
			same(t, "kept", got.Kept, test.result.Kept)
			same(t, "removed", got.Removed, test.result.Removed)
			if got, err := writeTwins(t, root, test.scope, test.second...); err != nil || got.Changed {
				t.Errorf("the second time: changed %v, error %v", got.Changed, err)
			}
		})
	}
}

// TestTwinsModes: everybody may read twins; what a clone made of the modes
// stays.
func TestTwinsModes(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	_, err := writeTwins(t, root, nil, "a=1", "h/b=2")
	must(t, err)
	mode := func(path string) fs.FileMode {
		info, err := os.Lstat(filepath.Join(root, path))
		must(t, err)
		return info.Mode().Perm()
	}
	for path, want := range map[string]fs.FileMode{".": 0o755, "h": 0o755, "a": 0o644, "h/b": 0o644, TwinsName: 0o644} {
		if mode(path) != want {
			t.Errorf("%s has mode %v", path, mode(path))
		}
	}
	must(t, os.Chmod(root, 0o775))
	must(t, os.Chmod(filepath.Join(root, "a"), 0o664))
	if got, err := writeTwins(t, root, nil, "a=1", "h/b=2"); err != nil || got.Changed {
		t.Errorf("changed %v, %v", got.Changed, err)
	}
	_, err = writeTwins(t, root, nil, "a=2", "h/b=2")
	must(t, err)
	if mode(".") != 0o775 || mode("a") != 0o664 {
		t.Errorf("modes %v, %v", mode("."), mode("a"))
	}
}

func TestTwinsRefuse(t *testing.T) {
	own := TwinsName + "=" + twinsSign + "\n"
	for _, test := range []struct {
		what  string
		hand  []string
		files []string
		twins bool
		want  []string // none: it is written
	}{
		{"documents", []string{".gitignore=" + ignoreText}, []string{"a=1"}, true, []string{"tree holds documents with private keys", "name another directory"}},
		{"documents below", []string{"h/.gitignore=" + ignoreText}, []string{"h/a=1"}, true, []string{"tree/h holds documents"}},
		{"documents elsewhere below", []string{"i/.gitignore=" + ignoreText}, []string{"h/a=1"}, true, []string{"holds i, which hagen did not write"}},
		{"twins", []string{own}, []string{"a=1"}, false, []string{"tree holds twins"}},
		{"twins below", []string{"h/" + own}, []string{"h/i/a=1"}, false, []string{"tree/h holds twins"}},
		{"another's .gitignore", []string{".gitignore=*.log\n"}, []string{"a=1"}, true, nil},
		{"another's file", []string{"a=9"}, []string{"a=1"}, true, []string{"tree/a exists and hagen did not write it: move it away"}},
		{"another's file, not listed", []string{own, "a=9"}, []string{"a=1"}, true, []string{"tree/a exists"}},
		{"another's list", []string{TwinsName + "=x\n"}, nil, true, []string{"tree/" + TwinsName + " is not as hagen wrote it"}},
		{"a path outside", []string{own + "../x\n"}, nil, true, []string{"tree/" + TwinsName, `"../x"`, "restore it"}},
		{"the list itself", []string{own + TwinsName + "\n"}, nil, true, []string{"never listed"}},
		{"a link", []string{"x=1", TwinsName + " -> x"}, nil, true, []string{TwinsName, "a symbolic link"}},
		{"a link in a file's place", []string{"x=1", own + "a\n", "a -> x"}, []string{"a=1"}, true, []string{"tree/a", "a symbolic link"}},
	} {
		root := filepath.Join(t.TempDir(), "tree")
		must(t, os.Mkdir(root, 0o700))
		put(t, root, test.hand...)
		run := write
		if test.twins {
			run = writeTwins
		}
		got, err := run(t, root, nil, test.files...)
		if test.want == nil {
			if err != nil || !got.Changed {
				t.Errorf("%s: changed %v, %v", test.what, got.Changed, err)
			}
			continue
		}
		wantError(t, err, test.want...)
		if got.Changed {
			t.Errorf("%s: changed", test.what)
		}
	}
}

func TestDifferences(t *testing.T) {
	twins := texts("a=1", "h/b=2")
	list := twinsSign + "\na\nh/b\n"
	for _, test := range []struct {
		what string
		tree map[string]string
		want string // paths that differ, or part of the error
	}{
		{"same", map[string]string{"a": "1", "h/b": "2", TwinsName: list, "README.md": "x"}, ""},
		{"one differs", map[string]string{"a": "9", "h/b": "2", TwinsName: list}, "a"},
		{"one is missing", map[string]string{"a": "1", TwinsName: list}, "h/b"},
		{"one is too many", map[string]string{"a": "1", "h/b": "2", "i/c": "3", TwinsName: list + "i/c\n"}, TwinsName + " i/c"},
		{"one was too many", map[string]string{"a": "1", "h/b": "2", TwinsName: list + "i/c\n"}, TwinsName},
		{"not listed", map[string]string{"a": "1", "h/b": "2", TwinsName: twinsSign + "\na\n"}, TwinsName},
		{"empty", map[string]string{"a": "", "h/b": "2", TwinsName: list}, "a"},
		{"no list", map[string]string{"a": "1", "h/b": "2"}, "! " + ErrNoTwins.Error()},
		{"another's list", map[string]string{TwinsName: "x"}, "! restore it"},
		{"a path outside", map[string]string{TwinsName: list + "../x\n"}, `! "../x"`},
		{"a directory", map[string]string{"a/x": "1", "h/b": "2", TwinsName: list}, "! a is not a regular file"},
		{"huge", map[string]string{"a": strings.Repeat("x", maxTwin+1), "h/b": "2", TwinsName: list}, "! a is larger than 4 MiB"},
	} {
		dir := fstest.MapFS{}
		for path, text := range test.tree {
			dir[path] = &fstest.MapFile{Data: []byte(text)}
		}
		found, err := Differences(dir, twins)
		if want, isError := strings.CutPrefix(test.want, "! "); isError {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", test.what, err, want)
			}
			continue
		}
		must(t, err)
		var paths []string
		for _, d := range found {
			paths = append(paths, d.Path)
			if string(d.Have) != test.tree[d.Path] || (d.Have == nil) == (d.Want == nil) && d.Have == nil {
				t.Errorf("%s: %s: have %q, want %q", test.what, d.Path, d.Have, d.Want)
			}
		}
		if strings.Join(paths, " ") != test.want {
			t.Errorf("%s: got %v, want %s", test.what, paths, test.want)
		}
	}
	if _, err := Differences(fstest.MapFS{}, nil); !errors.Is(err, ErrNoTwins) {
		t.Error(err)
	}
}

// FuzzTwinsList: what is listed lies inside the directory.
func FuzzTwinsList(f *testing.F) {
	f.Add([]byte(twinsSign + "\na\nb/c\n"))
	f.Add([]byte(twinsSign + "\n../a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		paths, err := parseTwins(TwinsName, text)
		if err != nil {
			return
		}
		for _, path := range paths {
			if !filepath.IsLocal(path) || path != filepath.Clean(path) {
				t.Errorf("accepts %q", path)
			}
		}
		again, err := parseTwins(TwinsName, twinsText(slices.Clone(paths)))
		if err != nil || !slices.Equal(again, paths) {
			t.Errorf("%q is read back as %q, %v", paths, again, err)
		}
	})
}
