package gen_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
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

// fixedPKI gives the PKI that is kept for a case, read once a process.
func fixedPKI(t testing.TB, name string) pki.Set {
	t.Helper()
	return goldenPKIs.of(t, name, func() (made, error) {
		c, err := openCase(name)
		if err != nil {
			return made{}, err
		}
		set, err := openPKI(name, c)
		return made{cluster: c, set: set}, err
	}).set
}

// openPKI opens the PKI of a case. git keeps no modes, so it is copied first
// to where keys are private.
func openPKI(name string, c *cluster.Cluster) (pki.Set, error) {
	committed := filepath.Join(testdata, name, "pki")
	temporary, err := os.MkdirTemp("", "hagen-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temporary)
	dir := filepath.Join(temporary, "pki")
	// Cases of the same cluster share a PKI, by a link.
	if real, err := filepath.EvalSymlinks(committed); err == nil {
		committed = real
		if err := copyPrivate(committed, dir); err != nil {
			return nil, err
		}
	}
	s, err := store.Open(dir, nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	result, err := pki.Issue(control.Requests(c), s.Set(), now, pki.Generate, rand.Reader)
	if err != nil {
		return nil, err
	}
	issued := false
	for _, change := range result.Changes {
		if change.Action == pki.Kept {
			continue
		}
		issued = true
		if !*update {
			return nil, fmt.Errorf("%s of %s: %s %s; go test ./gen -update issues it", change.Name, committed, change.Action, change.Why)
		}
	}
	if !issued {
		return result.Set, nil
	}
	s.SetCluster(c.Name)
	if _, err := s.Save(result.Set); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(committed); err != nil {
		return nil, err
	}
	if err := copyPrivate(dir, committed); err != nil {
		return nil, err
	}
	// The store keeps keys out of git; these are meant to be in it.
	return result.Set, os.Remove(filepath.Join(committed, ".gitignore"))
}

func copyPrivate(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
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
}

// TestGolden holds the twins of all documents against what testdata keeps of
// them. Ignition is kept of one case: of every case, what Butane makes of the
// golden Butane twin is what hagen writes as Ignition, byte for byte.
func TestGolden(t *testing.T) {
	trees, ignition := map[string]map[string][]byte{}, map[string]map[string][]byte{}
	for _, name := range goldenCases(t) {
		c, set, machines := fixed(t, name)
		others := map[string][]byte{document.AdminPath: control.Kubeconfig(c, control.EndpointServer(c), set[control.ClusterAuthority], set[control.Admin])}
		if rights := control.Rights(c); rights != nil {
			others[document.RightsPath] = rights
		}
		var err error
		if trees[name], err = twin.Tree(twin.ViewOf(twinned(machines)), c.Name, twinned(machines), others); err != nil {
			t.Fatal(err)
		}
		if ignition[name] = maps.Clone(trees[name]); name != cases.Reference {
			maps.DeleteFunc(trees[name], func(path string, _ []byte) bool { return isDocument(path, profiles.Ignition) })
		}
		maps.DeleteFunc(ignition[name], func(path string, _ []byte) bool { return !isDocument(path, profiles.Ignition) })
	}
	dir := cases.Dir(testdata)
	for _, name := range goldenCases(t) {
		t.Run(name, func(t *testing.T) {
			base := dir.Base(name)
			stored := cases.Store(name, trees[name], base, trees[base])
			if *update {
				updateGolden(t, filepath.Join(testdata, name), stored)
			}
			compareGolden(t, filepath.Join(testdata, name), stored)
		})
	}
	for name, tree := range trees {
		again, err := dir.Golden(name)
		if err != nil || !maps.EqualFunc(again, tree, bytes.Equal) {
			t.Errorf("%s: read again, its golden tree is not what is rendered: %v; make golden writes it", name, err)
		}
		_, _, machines := fixed(t, name)
		maps.Copy(again, ignition[name])
		if n, err := twin.Prove(twinned(machines), again); err != nil || n != len(ignition[name]) {
			t.Errorf("%s: of %d of %d machines Butane makes the same: %v", name, n, len(ignition[name]), err)
		}
	}
}

// isDocument says whether a path is that of a machine's document of a format.
func isDocument(path, format string) bool { return filepath.Base(path) == document.Path("", format) }

// TestProven: of every machine of every case, with its keys, Butane makes the
// Ignition that hagen writes, also where only --format asks for it; and another
// byte is found.
func TestProven(t *testing.T) {
	t.Parallel()
	for _, name := range goldenCases(t) {
		c, set, _ := fixed(t, name)
		machines, err := gen.Render(c, set, control.Options{}, nil, []string{profiles.Ignition})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := gen.Prove(c, machines); err != nil || n != len(machines) {
			t.Errorf("%s: %d of %d machines, %v", name, n, len(machines), err)
		}
		for _, d := range machines[0].Documents {
			if d.Format == profiles.Ignition {
				d.Text[len(d.Text)-1] = ' '
			}
		}
		if _, err := gen.Prove(c, machines[:1]); err == nil || !strings.Contains(err.Error(), "from byte") {
			t.Errorf("%s: another byte: %v", name, err)
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
	t.Parallel()
	for _, name := range goldenCases(t) {
		c := readCase(t, name)
		golden, err := cases.Dir(testdata).Golden(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range c.Hosts() {
			read, write, format := func(text []byte) (node.Node, error) {
				n, _, err := encode.ReadButane(text, h.OS)
				return n, err
			}, encode.Butane, profiles.Butane
			if slices.Contains(h.OS.Formats, profiles.UserData) {
				read, write, format = encode.ReadUserData, encode.UserData, profiles.UserData
			}
			path := document.Path(h.Name, format)
			text := golden[path]
			n, err := read(text)
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

// TestSameBytes renders once more from the same input, and one host alone.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	for _, name := range goldenCases(t) {
		c, set, machines := fixed(t, name)
		texts := func(machines []gen.Machine) map[string]string {
			out := map[string]string{}
			for _, m := range machines {
				for _, d := range m.Documents {
					out[d.Path] = string(d.Text)
				}
			}
			return out
		}
		documents := func(only ...string) map[string]string {
			machines, err := gen.Render(readCase(t, name), set, control.Options{}, only, nil)
			if err != nil {
				t.Fatal(err)
			}
			return texts(machines)
		}
		first := texts(machines)
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
