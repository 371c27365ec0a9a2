package cases

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func texts(pairs ...string) map[string][]byte {
	tree := map[string][]byte{}
	for i := 0; i < len(pairs); i += 2 {
		tree[pairs[i]] = []byte(pairs[i+1])
	}
	return tree
}

// write writes what is stored of a case, whose PKI is the base's.
func (s Stored) write(t *testing.T, dir Dir, name, base string) {
	t.Helper()
	files := map[string][]byte{}
	for path, text := range s.Whole {
		files["golden/"+path] = text
	}
	files["golden.diff"] = s.Differences
	for path, text := range files {
		path = filepath.Join(string(dir), name, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if base != "" {
		if err := os.Symlink("../"+base+"/pki", filepath.Join(string(dir), name, "pki")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStore(t *testing.T) {
	const lines = "what all of them have, and is so long that no difference needs to have as much\n- name: last\nmore\n"
	first := texts("m0/config.bu", "m0\n"+lines, "m1/config.bu", lines+"m1\n", "lb/config.bu", "lb\n", "admin", "admin\n")
	second := texts("m0/config.bu", "m0\n"+lines, "m1/config.bu", lines+"m2\n", "m2/config.bu", lines+"m3\n", "m3/config.bu", lines+"m3", "admin", "root\n")
	dir := Dir(t.TempDir())
	for _, test := range []struct {
		name, base string
		tree       map[string][]byte
		want       string
	}{
		{Reference, "", first, ""},
		{"first", "", first, "--- golden/m0/config.bu\n+++ golden/m1/config.bu\n@@\n-m0\n@@ name: last\n more\n+m1\n"},
		{"second", "first", second, "--- ../first/golden/m0/config.bu\n+++ golden/m0/config.bu\n--- ../first/golden/m1/config.bu\n+++ golden/m1/config.bu\n@@ name: last\n-m1\n+m2\n"},
	} {
		base := map[string][]byte(nil)
		if test.base != "" {
			base = first
		}
		stored := Store(test.name, test.tree, test.base, base)
		if string(stored.Differences) != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, stored.Differences, test.want)
		}
		stored.write(t, dir, test.name, test.base)
		got, err := dir.Golden(test.name)
		if err != nil || !maps.EqualFunc(got, test.tree, func(a, b []byte) bool { return string(a) == string(b) }) {
			t.Errorf("%s: %v: %q", test.name, err, got)
		}
	}
	for what, differences := range map[string]string{
		"there is no golden/m9":              "--- golden/m9\n+++ golden/m1\n",
		"there is no ../second/golden/admin": "--- ../second/golden/admin\n+++ golden/admin\n",
		"these lines are not found":          "--- golden/m0/config.bu\n+++ golden/m1/config.bu\n-m9\n",
		"a line of a difference begins with": "--- golden/m0/config.bu\n+++ golden/m1/config.bu\nm9\n",
	} {
		if err := os.WriteFile(filepath.Join(string(dir), "first", "golden.diff"), []byte(differences), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := dir.Golden("first"); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := dir.Golden("none"); err == nil {
		t.Error("a case that is none has a golden tree")
	}
}
