package order

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
	for _, w := range warnings {
		if !strings.Contains(all.String(), w.flag) || !strings.Contains(all.String(), w.unit) {
			t.Errorf("nothing has %s %s", w.unit, w.flag)
		}
	}
	for _, p := range paces {
		if !strings.Contains(all.String(), p.unit) {
			t.Errorf("there is no %s", p.unit)
		}
	}
}
