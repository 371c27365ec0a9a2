package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hagen/cmd/hagen/internal/console"
	"hagen/gen/cases"
	"hagen/out"
	"hagen/out/tree"
)

// TestGoldens: hagen golden --update changes none of the goldens that gen's
// tests write, of one cluster per profile and of one with every operating
// system, and adds Ignition, of which they keep little; hagen golden says yes
// to that. The longer run asks about all.
func TestGoldens(t *testing.T) {
	const testdata = cases.Dir("../../testdata")
	names, err := testdata.Names()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !longer() && !slices.Contains([]string{"classic", "mixed", "standard"}, name) {
			continue
		}
		file := filepath.Join(string(testdata), name, "cluster.yaml")
		// A PKI has to be its user's own, which a repository need not be.
		committed, err := filepath.EvalSymlinks(filepath.Join(filepath.Dir(file), "pki"))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "pki")
		if err := os.CopyFS(dir, os.DirFS(committed)); err != nil {
			t.Fatal(err)
		}
		twins := filepath.Join(t.TempDir(), "golden")
		if err := writeTwins(twins, testdata, name); err != nil {
			t.Fatal(err)
		}
		for _, update := range []string{"--update", "--update=false"} {
			var stdout, stderr bytes.Buffer
			u := console.To(&stdout, &stderr)
			if code := run([]string{"hagen", "golden", "-f", file, "--pki", dir, update, twins}, u); code != 0 || stdout.Len() > 0 {
				t.Errorf("%s: exit code %d\n%s%s", file, code, &stdout, &stderr)
			}
		}
		golden, err := testdata.Golden(name)
		if err != nil {
			t.Fatal(err)
		}
		written, err := filepath.Glob(filepath.Join(twins, "*", "*"))
		for path := range golden { // of no machine
			if !strings.Contains(path, "/") {
				written = append(written, filepath.Join(twins, path))
			}
		}
		if err != nil || len(written) < len(golden) {
			t.Fatal(written, err)
		}
		for _, path := range written {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			rel, _ := filepath.Rel(twins, path)
			if want, kept := golden[rel]; kept && !bytes.Equal(text, want) || !kept && filepath.Base(path) != "config.ign" {
				t.Errorf("%s: hagen golden --update changes %s", name, rel)
			}
		}
	}
}

// writeTwins writes the golden tree of a case as hagen golden --update does.
func writeTwins(dir string, testdata cases.Dir, name string) error {
	golden, err := testdata.Golden(name)
	if err != nil {
		return err
	}
	var files []tree.File
	for path, text := range golden {
		files = append(files, tree.File{Path: path, Data: text})
	}
	target, err := tree.Open(dir, nil)
	if err != nil {
		return err
	}
	defer target.Close()
	_, err = out.WriteTwins(target, files, nil)
	return err
}
