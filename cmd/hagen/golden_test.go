package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"hagen/cmd/hagen/internal/console"
)

// TestGoldens: hagen golden says yes to the goldens that gen's tests write.
func TestGoldens(t *testing.T) {
	files, _ := filepath.Glob("../../testdata/*/cluster.yaml")
	if len(files) < 3 {
		t.Fatal(files)
	}
	for _, file := range files {
		// A PKI has to be its user's own, which a repository need not be.
		committed, err := filepath.EvalSymlinks(filepath.Join(filepath.Dir(file), "pki"))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "pki")
		if err := os.CopyFS(dir, os.DirFS(committed)); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		u := console.To(&stdout, &stderr)
		if code := run([]string{"hagen", "golden", "-f", file, "--pki", dir, filepath.Join(filepath.Dir(file), "golden")}, u); code != 0 || stdout.Len() > 0 {
			t.Errorf("%s: exit code %d\n%s%s", file, code, &stdout, &stderr)
		}
	}
}
