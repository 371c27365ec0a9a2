package store

import (
	"bytes"
	"crypto/rand"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/pki"
)

// rotateTo saves items in their next phase.
func rotateTo(t testing.TB, dir string, phase pki.Phase, names ...string) {
	t.Helper()
	s := open(t, dir)
	set := s.Set()
	for _, name := range names {
		next, err := set[name].Rotate(phase, pki.Names{Key: "key2", Provider: "secretbox"}, testNow, pki.Generate, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		set[name] = next
	}
	if changed, err := s.Save(set); err != nil || !changed {
		t.Fatal(changed, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// filesBelow lists what is in the folders of the items' generations.
func filesBelow(t testing.TB, dir string) (found []string) {
	for path := range snapshot(t, dir) {
		if strings.HasPrefix(path, sa+"/") || strings.HasPrefix(path, secret+"/") {
			found = append(found, path)
		}
	}
	slices.Sort(found)
	return found
}

// TestRotation: each phase is read as it was written, with the files and the modes that it needs, and
// touches nothing else.
func TestRotation(t *testing.T) {
	dir, set := filled(t)
	before := snapshot(t, dir)
	for _, step := range []struct {
		phase  pki.Phase
		files  []string
		states map[string]string
	}{
		{pki.PhaseTrust, []string{secret + "/2.key", sa + "/2.key", sa + "/2.pub"}, map[string]string{sa: "present next", secret: "present next"}},
		{pki.PhaseIssue, []string{secret + "/1.key", sa + "/1.key", sa + "/1.pub"}, map[string]string{sa: "former present", secret: "former present"}},
		{pki.PhaseRetire, []string{secret + "/1.key"}, map[string]string{sa: "removed present", secret: "retired present"}},
	} {
		rotateTo(t, dir, step.phase, sa, secret)
		if got := filesBelow(t, dir); !slices.Equal(got, step.files) {
			t.Errorf("%s: %v", step.phase, got)
		}
		after := snapshot(t, dir)
		for path, content := range before {
			touched := strings.Contains(path, "sa") || strings.Contains(path, "encryption")
			if !touched && after[path] != content {
				t.Errorf("%s: %s changed", step.phase, path)
			}
		}
		for _, path := range step.files {
			if mode, _, _ := strings.Cut(after[path], " "); (mode != "-rw-------") != strings.HasSuffix(path, ".pub") {
				t.Errorf("%s: %s has mode %s", step.phase, path, mode)
			}
		}
		s := open(t, dir)
		for name, want := range step.states {
			var got []string
			for _, g := range s.Set()[name].Generations {
				got = append(got, string(g.State))
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %s is %v", step.phase, name, got)
			}
		}
		if changed, err := s.Save(s.Set()); changed || err != nil {
			t.Errorf("%s: saved without need: %v, %v", step.phase, changed, err)
		}
		view, err := Look(dir)
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, held := range view.Items {
			if want := step.states[held.Request.Name]; len(held.Generations) != len(strings.Fields(want)) {
				t.Errorf("%s: %s is seen as %v", step.phase, held.Request.Name, held.Generations)
			}
			for _, g := range held.Generations {
				if g.Key != nil || g.HasKey == (g.State == pki.Removed) || g.ID == "" {
					t.Errorf("%s: %s %d: key %v, present %t", step.phase, held.Request.Name, g.Number, g.Key != nil, g.HasKey)
				}
			}
		}
	}
	s := open(t, dir)
	secretNow := s.Set()[secret]
	if readable := secretNow.Readable(); len(readable) != 2 || readable[0].KeyName != "key2" || readable[0].Provider != "secretbox" || readable[1].KeyName != "" || !bytes.Equal(readable[1].Key, set[secret].Key) {
		t.Error("the retired secret is not kept under its name")
	}
	pruned := s.Set()
	rendered, _ := secretNow.Rendered(testNow)
	pruned[secret], _, _ = rendered.WithoutRetired(testNow.Add(time.Hour))
	if _, err := s.Save(pruned); err != nil {
		t.Fatal(err)
	}
	if got := filesBelow(t, dir); len(got) > 0 {
		t.Error(got)
	}
}

// TestRotatedRecordIsRefused: what an older hagen would lose, it refuses to read.
func TestRotatedRecordIsRefused(t *testing.T) {
	dir, _ := filled(t)
	rotateTo(t, dir, pki.PhaseTrust, sa)
	text, err := os.ReadFile(filepath.Join(dir, recordPath(sa)))
	if err != nil {
		t.Fatal(err)
	}
	// An older hagen reads one generation, without a state.
	if n := bytes.Count(text, []byte(`"generation"`)); n != 2 || !bytes.Contains(text, []byte(`"state": "next"`)) || !bytes.Contains(text, []byte(`"phase": "trust"`)) {
		t.Errorf("%s", text)
	}
}

// TestSaveKeepsGenerations: no set may lose a generation, and none may take the place of a file that
// the index does not know.
func TestSaveKeepsGenerations(t *testing.T) {
	dir, first := filled(t)
	rotateTo(t, dir, pki.PhaseTrust, sa, secret)
	s := open(t, dir)
	rotated := s.Set()
	for name, change := range map[string]func(*pki.Item){
		"back":          func(i *pki.Item) { *i = first[i.Request.Name] },
		"without next":  func(i *pki.Item) { i.Generations = i.Generations[:1] },
		"other present": func(i *pki.Item) { i.Key = i.Generations[1].Key },
	} {
		for _, item := range []string{sa, secret} {
			set := maps.Clone(rotated)
			changed := set[item]
			change(&changed)
			set[item] = changed
			if _, err := s.Save(set); err == nil || !strings.Contains(err.Error(), "is never replaced or removed") {
				t.Errorf("%s of %s: %v", name, item, err)
			}
		}
	}
	s.Close()

	dir, _ = filled(t)
	if err := os.MkdirAll(filepath.Join(dir, sa), 0o700); err != nil {
		t.Fatal(err)
	}
	write(sa+"/2.key", "mine")(t, dir, nil)
	s = open(t, dir)
	set := s.Set()
	set[sa], _ = set[sa].Rotate(pki.PhaseTrust, pki.Names{}, testNow, pki.Generate, rand.Reader)
	if _, err := s.Save(set); err == nil || !strings.Contains(err.Error(), "cluster/sa/2.key exists, but the index does not record it") {
		t.Error(err)
	}
}

// TestGenerationFaults are those of files and records of an item that was rotated.
func TestGenerationFaults(t *testing.T) {
	ofSA, ofSecret := recordPath(sa), recordPath(secret)
	notWritten := ":1:1: it does not hold generations as this hagen writes them: use the newer one that wrote it, or restore it from a backup"
	tests := []struct {
		name   string
		damage damage
		want   string
	}{
		{"next key gone", remove(sa + "/2.key"), "DIR/cluster/sa/2.key is missing: restore it from a backup: running machines use no other, and an existing key-pair is never replaced"},
		{"next public half gone", remove(sa + "/2.pub"), "DIR/cluster/sa/2.pub is missing: restore it from a backup, or write it again with openssl pkey -in DIR/cluster/sa/2.key -pubout -out DIR/cluster/sa/2.pub"},
		{"next key damaged", write(sa+"/2.key", "x"), "DIR/cluster/sa/2.key is wrong: it is not PEM, or it is truncated; restore it from a backup: running machines use no other, and an existing key-pair is never replaced"},
		{"generations swapped", all(swap(sa+"/2.key", sa+".key"), swap(sa+"/2.pub", sa+".pub")),
			"DIR/cluster/sa.pub is not the public half hagen recorded: restore it from a backup: running machines use no other, and an existing key-pair is never replaced" +
				"\nDIR/cluster/sa/2.pub is not the public half hagen recorded: restore it from a backup: running machines use no other, and an existing key-pair is never replaced"},
		{"secrets swapped", swap(secret+"/2.key", secret+".key"),
			"DIR/cluster/encryption.key is not the secret hagen recorded: restore it from a backup: running machines use no other, and an existing secret is never replaced" +
				"\nDIR/cluster/encryption/2.key is not the secret hagen recorded: restore it from a backup: running machines use no other, and an existing secret is never replaced"},
		{"no present", edit(ofSA, `"present"`, `"former"`), "DIR/" + ofSA + notWritten},
		{"two present", edit(ofSA, `"next"`, `"present"`), "DIR/" + ofSA + notWritten},
		{"unknown state", edit(ofSecret, `"next"`, `"lost"`), "DIR/" + ofSecret + notWritten},
		{"no state", edit(ofSecret, `"next"`, `""`), "DIR/" + ofSecret + notWritten},
		{"unknown phase", edit(ofSecret, `"trust"`, `"hope"`), "DIR/" + ofSecret + notWritten},
		{"out of order", edit(ofSecret, `"generation": 2`, `"generation": 1`), "DIR/" + ofSecret + notWritten},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, _ := filled(t)
			rotateTo(t, dir, pki.PhaseTrust, sa, secret)
			test.damage(t, dir, nil)
			holdFault(t, dir, test.want)
		})
	}
}

// TestTwoRotations: two people who rotate different items merge; of one item the merge is a conflict,
// since both changed its record.
func TestTwoRotations(t *testing.T) {
	dir, _ := filled(t)
	copied := filepath.Join(t.TempDir(), "pki")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	rotateTo(t, dir, pki.PhaseTrust, sa)
	rotateTo(t, copied, pki.PhaseTrust, secret)
	ours, theirs := snapshot(t, dir), snapshot(t, copied)
	for path, content := range theirs {
		if before[path] == content || strings.HasPrefix(content, "d") {
			continue
		}
		if ours[path] != before[path] {
			t.Errorf("both changed %s", path)
		}
		_, text, _ := strings.Cut(content, " ")
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(path, text)(t, dir, nil)
	}
	s := open(t, dir)
	if set := s.Set(); len(set[sa].Generations) != 2 || len(set[secret].Generations) != 2 {
		t.Error("not both rotations are there")
	}
	if reflect.DeepEqual(before, ours) {
		t.Error("nothing was rotated")
	}
}

// TestRotatedAuthority: an authority's generations have certificates, what a former one has signed, and
// a file of all that are trusted.
func TestRotatedAuthority(t *testing.T) {
	dir, _ := filled(t)
	below := func() (found []string) {
		for path := range snapshot(t, dir) {
			if strings.HasPrefix(path, authority+"/") {
				found = append(found, strings.TrimPrefix(path, authority+"/"))
			}
		}
		slices.Sort(found)
		return found
	}
	rotateTo(t, dir, pki.PhaseTrust, authority)
	if got := below(); !slices.Equal(got, []string{"2-key.pem", "2.pem", "trust.pem"}) {
		t.Error(got)
	}
	rotateTo(t, dir, pki.PhaseIssue, authority)
	if got := below(); !slices.Equal(got, []string{"1-cross.pem", "1-key.pem", "1.pem", "trust.pem"}) {
		t.Error(got)
	}
	if view, err := Look(dir); err != nil || len(view.Items[0].Generations) != 2 || view.Items[0].Generations[0].X509 == nil {
		t.Error(err)
	}
	issued := snapshot(t, dir)
	const restoreAuthority = "restore it from a backup: running machines use no other, and an existing authority is never replaced"
	for name, test := range map[string]struct {
		damage damage
		want   string
	}{
		"cross gone": {remove(authority + "/1-cross.pem"), "DIR/authorities/kubernetes/ca/1-cross.pem is missing: " + restoreAuthority},
		"cross another": {swap(authority+"/1-cross.pem", authority+".pem"), "DIR/authorities/kubernetes/ca.pem is not the certificate hagen recorded: " + restoreAuthority +
			"\nDIR/authorities/kubernetes/ca/1-cross.pem is not the certificate hagen recorded: " + restoreAuthority},
		"former another": {swap(authority+"/1.pem", authority+".pem"), "DIR/authorities/kubernetes/ca.pem is not the certificate hagen recorded: " + restoreAuthority +
			"\nDIR/authorities/kubernetes/ca/1.pem is not the certificate hagen recorded: " + restoreAuthority},
	} {
		t.Run(name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "pki")
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			test.damage(t, copied, nil)
			holdFault(t, copied, test.want)
		})
	}
	s := open(t, dir)
	set := s.Set()
	if changed, err := s.Save(set); changed || err != nil || !reflect.DeepEqual(issued, snapshot(t, dir)) {
		t.Error("saved without need", err)
	}
	var leaves []pki.Request
	for _, r := range testRequests() {
		if r.Kind == pki.Leaf {
			leaves = append(leaves, r)
		}
	}
	renewed, err := pki.Renew(leaves, set, true, testNow.Add(time.Hour), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	retired, err := renewed.Set[authority].Rotate(pki.PhaseRetire, pki.Names{}, testNow, pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	renewed.Set[authority] = retired
	if _, err := s.Save(renewed.Set); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if got := below(); len(got) > 0 {
		t.Error(got)
	}
	if got := open(t, dir).Set()[authority].Generations; len(got) != 2 || got[0].State != pki.Removed {
		t.Error(got)
	}
}
