package store

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hagen/pki"
)

// TestMarks: a mark is read as it was written, with and without keys, and no later run loses it: neither one that
// issues the leaf again, nor a rotation that removes the key.
func TestMarks(t *testing.T) {
	dir, set := filled(t)
	leaf := testRequests()[slices.IndexFunc(testRequests(), func(r pki.Request) bool { return r.Kind == pki.Leaf })]
	marks := map[string]pki.Mark{}
	for _, name := range []string{leaf.Name, sa, secret} {
		marks[name] = pki.Mark{Key: set[name].All()[0].ID, Host: "kubem01", At: testNow}
	}
	s := open(t, dir)
	marked := s.Set()
	for name, m := range marks {
		marked[name] = marked[name].Marked(m)
	}
	if changed, err := s.Save(marked); err != nil || !changed {
		t.Fatal(changed, err)
	}
	check := func(what string) {
		t.Helper()
		view, err := Look(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, held := range view.Items {
			want := []pki.Mark(nil)
			if m, is := marks[held.Request.Name]; is {
				want = []pki.Mark{m}
			}
			if !slices.Equal(held.Marks, want) {
				t.Errorf("%s: %s has %v", what, held.Request.Name, held.Marks)
			}
		}
		if changed, err := s.Save(s.Set()); changed || err != nil {
			t.Errorf("%s: saved without need: %t, %v", what, changed, err)
		}
	}
	check("marked")
	again := s.Set()
	delete(again, leaf.Name)
	again = issue(t, again, testRequests()...).Set
	if changed, err := s.Save(again); err != nil || !changed {
		t.Fatal(changed, err)
	}
	check("issued again")
	s.Close()
	for _, phase := range pki.Phases() {
		rotateTo(t, dir, phase, sa, secret)
		s = open(t, dir)
		check(string(phase))
		s.Close()
	}
	file := filepath.Join(dir, recordPath(sa))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bad := strings.Replace(string(text), `"host": "kubem01"`, `"host": ""`, 1)
	if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Look(dir); err == nil {
		t.Error("a mark without a host is read")
	}
}
