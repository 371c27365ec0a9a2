package gen_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen"
	"hagen/gen/cases"
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

var update = flag.Bool("update", false, "rewrite testdata/*/golden and golden.diff, and issue what testdata/*/pki lacks")

// now is the tests' clock: the golden PKI was made then.
var now = time.Date(2020, 1, 1, 1, 0, 0, 0, time.UTC)

const testdata = "../testdata"

// goldenCases are the folders of testdata with a cluster file.
func goldenCases(t testing.TB) []string {
	names, err := cases.Dir(testdata).Names()
	if err != nil {
		t.Fatal(err)
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
	// Cases of the same cluster share a PKI, by a link.
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
	issued := false
	for _, change := range result.Changes {
		if change.Action == pki.Kept {
			continue
		}
		issued = true
		if !*update {
			t.Fatalf("%s of %s: %s %s; go test ./gen -update issues it", change.Name, committed, change.Action, change.Why)
		}
	}
	if issued {
		s.SetCluster(c.Name)
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

// TestGolden holds the twins of all documents against what testdata keeps of
// them.
func TestGolden(t *testing.T) {
	made := map[string]map[string][]byte{}
	for _, name := range goldenCases(t) {
		c := readCase(t, name)
		set := fixedPKI(t, name, c)
		machines, err := gen.Render(c, set, control.Options{}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if made[name], err = twin.Tree(c.Name, twinned(machines), control.Kubeconfig(c, set[control.ClusterAuthority], set[control.Admin])); err != nil {
			t.Fatal(err)
		}
	}
	dir := cases.Dir(testdata)
	for _, name := range goldenCases(t) {
		t.Run(name, func(t *testing.T) {
			base := dir.Base(name)
			stored := cases.Store(name, made[name], base, made[base])
			if *update {
				updateGolden(t, filepath.Join(testdata, name), stored)
			}
			compareGolden(t, filepath.Join(testdata, name), stored)
		})
	}
	for name := range made {
		again, err := dir.Golden(name)
		if err != nil || !maps.EqualFunc(again, made[name], bytes.Equal) {
			t.Errorf("%s: read again, its golden tree is not what is rendered: %v; make golden writes it", name, err)
		}
	}
}

func filesOf(texts map[string][]byte) []tree.File {
	var files []tree.File
	for path, text := range texts {
		files = append(files, tree.File{Path: path, Data: text})
	}
	return files
}

// updateGolden writes whole documents as hagen golden does, and differences.
func updateGolden(t *testing.T, dir string, stored cases.Stored) {
	t.Helper()
	write := func() error {
		target, err := tree.Open(filepath.Join(dir, "golden"), nil)
		if err != nil {
			return err
		}
		defer target.Close()
		_, err = out.WriteTwins(target, filesOf(stored.Whole), nil)
		return err
	}
	differences := filepath.Join(dir, "golden.diff")
	var faults []error
	if len(stored.Whole) > 0 {
		faults = append(faults, write())
	} else {
		faults = append(faults, os.RemoveAll(filepath.Join(dir, "golden")))
	}
	if err := os.Remove(differences); err != nil && !errors.Is(err, fs.ErrNotExist) {
		faults = append(faults, err)
	}
	if len(stored.Differences) > 0 {
		faults = append(faults, os.WriteFile(differences, stored.Differences, 0o644))
	}
	if err := errors.Join(faults...); err != nil {
		t.Fatal(err)
	}
}

// compareGolden does what hagen golden does.
func compareGolden(t *testing.T, dir string, stored cases.Stored) {
	t.Helper()
	differs := func(path string, got, want []byte) {
		if line, g, w, same := firstDifference(got, want); !same {
			t.Errorf("%s:%d:\n got  %.300s\n want %.300s\nread the change, then make golden", filepath.Join(dir, path), line, g, w)
		}
	}
	whole := filepath.Join(dir, "golden")
	if len(stored.Whole) > 0 {
		differences, err := out.Differences(os.DirFS(whole), filesOf(stored.Whole))
		if err != nil {
			t.Fatalf("%s: %v; make golden writes it", whole, err)
		}
		for _, d := range differences {
			differs(filepath.Join("golden", d.Path), d.Want, d.Have)
		}
	} else if _, err := os.Stat(whole); err == nil {
		t.Errorf("%s: golden.diff has it all; make golden removes it", whole)
	}
	differences, err := os.ReadFile(filepath.Join(dir, "golden.diff"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	differs("golden.diff", stored.Differences, differences)
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
		golden, err := cases.Dir(testdata).Golden(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range c.Hosts() {
			read, write, format := encode.ReadButane, encode.Butane, profiles.Butane
			if slices.Contains(h.OS.Formats, profiles.UserData) {
				read, write, format = func(text []byte, _ profiles.OS) (node.Node, error) { return encode.ReadUserData(text) }, encode.UserData, profiles.UserData
			}
			path := document.Path(h.Name, format)
			text := golden[path]
			n, err := read(text, h.OS)
			if err != nil {
				t.Fatal(err)
			}
			n.Name, n.Role = h.Name, string(h.Role)
			again := write(c.Name, n, h.OS).Text
			if line, got, want, same := firstDifference(again, text); !same {
				t.Errorf("%s: %s:%d:\n got  %.300s\n want %.300s", name, path, line, got, want)
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
