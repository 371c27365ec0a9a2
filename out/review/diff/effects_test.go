package diff

import (
	"strings"
	"testing"

	"hagen/gen/cases"
	"hagen/out/review/rendered"
)

// TestRows: every row is about something that hagen writes.
func TestRows(t *testing.T) {
	var all strings.Builder
	for _, golden := range []string{"standard", "virtual-ip"} {
		files, err := cases.Dir("../../../testdata").GoldenFS(golden)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := rendered.ReadMachines(files)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range tree.Hosts {
			for _, u := range h.Node.Units {
				all.WriteString(u.Name + "\n" + u.Contents)
			}
			for _, f := range h.Node.Files {
				all.WriteString(f.Path + "\n")
				all.Write(f.Contents)
			}
		}
	}
	for _, r := range readings {
		if !strings.Contains(all.String(), r.by) || !strings.Contains(all.String(), r.unit) || r.why == "" {
			t.Errorf("nothing has %s %s", r.unit, r.by)
		}
	}
}
