package diff

import (
	"strings"
	"testing"
)

// TestRows: every row is about something that hagen writes.
func TestRows(t *testing.T) {
	var all strings.Builder
	for _, golden := range []string{"standard", "virtual-ip"} {
		for _, n := range side(t, golden).Machines {
			for _, u := range n.Units {
				all.WriteString(u.Name + "\n" + u.Contents)
			}
			for _, f := range n.Files {
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
