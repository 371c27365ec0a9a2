package gen_test

import (
	"bytes"
	"crypto/rand"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/gen/encode"
	"hagen/gen/node"
	"hagen/gen/spec"
	"hagen/out"
	"hagen/out/review/twin"
	"hagen/out/tree"
	"hagen/pki"
	"hagen/pki/store"
	"hagen/profiles"
)

var update = flag.Bool("update", false, "rewrite testdata/*/golden, and issue what testdata/*/pki lacks")

// now is the tests' clock: the golden PKI was made then.
var now = time.Date(2020, 1, 1, 1, 0, 0, 0, time.UTC)

const testdata = "../testdata"

// goldenCases are the folders of testdata with a cluster file.
func goldenCases(t testing.TB) []string {
	files, err := filepath.Glob(testdata + "/*/cluster.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("golden cases: %v, %v", files, err)
	}
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(filepath.Dir(f)))
	}
	return names
}

func readCase(t testing.TB, name string) *cluster.Cluster {
	t.Helper()
	path := filepath.Join(testdata, name, "cluster.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := gen.Read(spec.Source{Name: path, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	lock := strings.TrimSuffix(path, ".yaml") + ".lock"
	if text, err := os.ReadFile(lock); err == nil {
		if c, err = gen.ReadLock(c, spec.Source{Name: lock, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// fixedPKI opens the PKI of a case. git keeps no modes, so it is copied first
// to where keys are private.
func fixedPKI(t testing.TB, name string, c *cluster.Cluster) pki.Set {
	t.Helper()
	committed := filepath.Join(testdata, name, "pki")
	dir := filepath.Join(t.TempDir(), "pki")
	// Cases that differ in their release alone share a PKI, by a link.
	if real, err := filepath.EvalSymlinks(committed); err == nil {
		committed = real
		copyPrivate(t, committed, dir)
	}
	s, err := store.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	result, err := pki.Issue(control.Requests(c), s.Set(), now, pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range result.Changes {
		if change.Action != pki.Kept && !*update {
			t.Fatalf("%s of %s: %s %s; go test ./gen -update issues it", change.Name, committed, change.Action, change.Why)
		}
	}
	if *update {
		if _, err := s.Save(result.Set); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(committed); err != nil {
			t.Fatal(err)
		}
		copyPrivate(t, dir, committed)
		// The store keeps keys out of git; these are meant to be in it.
		if err := os.Remove(filepath.Join(committed, ".gitignore")); err != nil {
			t.Fatal(err)
		}
	}
	return result.Set
}

func copyPrivate(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestGolden holds the twins of all documents against testdata/*/golden.
func TestGolden(t *testing.T) {
	for _, name := range goldenCases(t) {
		t.Run(name, func(t *testing.T) {
			c := readCase(t, name)
			set := fixedPKI(t, name, c)
			machines, err := gen.Render(c, set, control.Options{}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := twin.Tree(c.Name, twinned(machines), control.Kubeconfig(c, set[control.ClusterAuthority], set[control.Admin]))
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, filepath.Join(testdata, name, "golden"), got)
		})
	}
}

// compareGolden does what hagen golden does.
func compareGolden(t *testing.T, dir string, got map[string][]byte) {
	t.Helper()
	var files []tree.File
	for path, text := range got {
		files = append(files, tree.File{Path: path, Data: text})
	}
	if *update {
		target, err := tree.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer target.Close()
		if _, err := out.WriteTwins(target, files, nil); err != nil {
			t.Fatal(err)
		}
	}
	differences, err := out.Differences(os.DirFS(dir), files)
	if err != nil {
		t.Fatalf("%s: %v; make golden writes it", dir, err)
	}
	for _, d := range differences {
		line, g, w, _ := firstDifference(d.Want, d.Have)
		t.Errorf("%s:%d:\n got  %.300s\n want %.300s\nread the change, then make golden", filepath.Join(dir, d.Path), line, g, w)
	}
}

func firstDifference(got, want []byte) (line int, g, w string, same bool) {
	if bytes.Equal(got, want) {
		return 0, "", "", true
	}
	gs, ws := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gs), len(ws)) {
		g, w = "(nothing)", "(nothing)"
		if i < len(gs) {
			g = gs[i]
		}
		if i < len(ws) {
			w = ws[i]
		}
		if g != w {
			return i + 1, g, w, false
		}
	}
	return 0, "", "", true
}

// TestReleases: every release that is listed has a golden case.
func TestReleases(t *testing.T) {
	covered := map[profiles.Version]bool{}
	for _, name := range goldenCases(t) {
		covered[readCase(t, name).Kubernetes] = true
	}
	for _, r := range profiles.Releases() {
		if !covered[r.Proven] {
			t.Errorf("release %s (%s) has no golden case; docs/add-a-release.md tells how to make one", r.Minor, r.Proven)
		}
	}
}

// TestGoldensReadBack: a golden document that people read, read and written
// again, is the same text.
func TestGoldensReadBack(t *testing.T) {
	for _, name := range goldenCases(t) {
		c := readCase(t, name)
		for _, h := range c.Hosts() {
			read, write, format := encode.ReadButane, encode.Butane, profiles.Butane
			if slices.Contains(h.OS.Formats, profiles.UserData) {
				read, write, format = func(text []byte, _ profiles.OS) (node.Node, error) { return encode.ReadUserData(text) }, encode.UserData, profiles.UserData
			}
			path := filepath.Join(testdata, name, "golden", document.Path(h.Name, format))
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			n, err := read(text, h.OS)
			if err != nil {
				t.Fatal(err)
			}
			n.Name, n.Role = h.Name, string(h.Role)
			again := write(c.Name, n, h.OS).Text
			if line, got, want, same := firstDifference(again, text); !same {
				t.Errorf("%s:%d:\n got  %.300s\n want %.300s", path, line, got, want)
			}
		}
	}
}

// TestSameBytes renders twice from the same input, and one host alone.
func TestSameBytes(t *testing.T) {
	for _, name := range goldenCases(t) {
		c := readCase(t, name)
		set := fixedPKI(t, name, c)
		documents := func(only ...string) map[string]string {
			machines, err := gen.Render(readCase(t, name), set, control.Options{}, only, nil)
			if err != nil {
				t.Fatal(err)
			}
			out := map[string]string{}
			for _, m := range machines {
				for _, d := range m.Documents {
					out[d.Path] = string(d.Text)
				}
			}
			return out
		}
		first := documents()
		for path, text := range documents() {
			if first[path] != text {
				t.Errorf("%s: %s differs from run to run", name, path)
			}
		}
		host := c.Machines[0].Name
		alone := documents(host)
		for path := range first {
			if _, made := alone[path]; made != (filepath.Dir(path) == host) {
				t.Errorf("%s: %s alone has %s: %t", name, host, path, made)
			}
		}
		for path, text := range alone {
			if first[path] != text {
				t.Errorf("%s: %s differs when rendered alone", name, path)
			}
		}
	}
}
