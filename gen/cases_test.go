package gen_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hagen/gen"
	"hagen/gen/cases"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/pki"
)

// goldenCases are the folders of testdata with a cluster file.
func goldenCases(t testing.TB) []string {
	names, err := cases.Dir(testdata).Names()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// shapes are the golden cases without those that differ from standard in their
// release alone, for what no release changes. The longer run has all.
func shapes(t testing.TB) (names []string) {
	for _, name := range goldenCases(t) {
		if longer() || !strings.HasPrefix(name, "release-") {
			names = append(names, name)
		}
	}
	return names
}

// longer says whether everything is run, as in CI, also what repeats what an
// everyday run has shown, with more of the same.
func longer() bool { return os.Getenv("HAGEN_TESTS") == "all" }

func readCase(t testing.TB, name string) *cluster.Cluster {
	t.Helper()
	c, err := openCase(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func openCase(name string) (*cluster.Cluster, error) {
	path := filepath.Join(testdata, name, "cluster.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := gen.Read(spec.Source{Name: path, Text: text})
	if err != nil {
		return nil, err
	}
	lock := strings.TrimSuffix(path, ".yaml") + ".lock"
	if text, err := os.ReadFile(lock); err == nil {
		return gen.ReadLock(c, spec.Source{Name: lock, Text: text})
	}
	return c, nil
}

// made is a case that was issued and rendered. Tests share it, so none writes
// to it.
type made struct {
	cluster  *cluster.Cluster
	set      pki.Set
	machines []gen.Machine
}

// onces make a case once a process.
type onces struct{ cases sync.Map }

func (o *onces) of(t testing.TB, name string, make func() (made, error)) made {
	t.Helper()
	first, _ := o.cases.LoadOrStore(name, sync.OnceValues(make))
	m, err := first.(func() (made, error))()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

func (m made) rendered() (made, error) {
	var err error
	m.machines, err = gen.Render(m.cluster, m.set, control.Options{}, nil, nil)
	return m, err
}

var freshCases, goldenPKIs, fixedCases onces

// fresh gives a case with certificates that were issued in this process.
func fresh(t testing.TB, name string) (*cluster.Cluster, pki.Set, []gen.Machine) {
	t.Helper()
	m := freshCases.of(t, name, func() (made, error) {
		c, err := openCase(name)
		if err != nil {
			return made{}, err
		}
		issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
		if err != nil {
			return made{}, err
		}
		return made{cluster: c, set: issued.Set}.rendered()
	})
	return m.cluster, m.set, m.machines
}

// fixed gives a case with the PKI that is kept for it.
func fixed(t testing.TB, name string) (*cluster.Cluster, pki.Set, []gen.Machine) {
	t.Helper()
	set := fixedPKI(t, name)
	m := fixedCases.of(t, name, func() (made, error) {
		c, err := openCase(name)
		if err != nil {
			return made{}, err
		}
		return made{cluster: c, set: set}.rendered()
	})
	return m.cluster, m.set, m.machines
}
