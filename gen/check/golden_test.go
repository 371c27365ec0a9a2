package check_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"hagen/gen/check"
	"hagen/gen/node"
	"hagen/out/rendered"
)

// TestGoldens: no finding on any golden tree, which are redacted twins, and
// a note of what that leaves unchecked.
func TestGoldens(t *testing.T) {
	dirs, err := filepath.Glob("../../testdata/*/golden")
	if err != nil || len(dirs) < 8 {
		t.Fatal(dirs, err)
	}
	for _, dir := range dirs {
		tree, err := rendered.Read(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		in := check.Input{Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
		for _, h := range tree.Hosts {
			in.Machines = append(in.Machines, check.Machine{Node: h.Node, OS: h.OS})
		}
		for _, f := range tree.Others {
			in.Kubeconfigs = append(in.Kubeconfigs, node.File{Path: f.Path, Contents: f.Text, Mode: 0o600, Secret: node.HoldsSecret(f.Text)})
		}
		report := check.Run(in)
		for _, f := range report.Findings {
			t.Errorf("%s: %s %s: %s:%d %s", dir, f.Severity, f.Rule, f, f.Line, f.Text)
		}
		if len(report.Notes) != 1 {
			t.Errorf("%s: %q", dir, report.Notes)
		}
	}
}
