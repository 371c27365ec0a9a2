package show

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hagen/out/review/diff"
	"hagen/out/review/order"
)

// TestChangelogCosts: what CHANGELOG.md says that a changed file or unit costs a running
// cluster is what diff says of such a change.
func TestChangelogCosts(t *testing.T) {
	text, err := os.ReadFile("../../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| .* \\| ([a-z]+) \\|$").FindAllStringSubmatch(string(text), -1)
	if len(rows) < 3 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		name, cost := row[1], row[2]
		found := false
		for _, golden := range []string{"standard", "virtual-ip", "snapshots"} {
			before, after := side(t, golden), side(t, golden)
			found = touch(&after, name) || found
			if d := order.Of(before, after); !d.Same && strongest(d) != cost {
				t.Errorf("%s, %s: %s, and CHANGELOG.md says %s", golden, name, strongest(d), cost)
			}
		}
		if !found {
			t.Errorf("no golden machine has %s", name)
		}
	}
}

// touch adds to a file, or a flag to a unit, on all machines that have it.
func touch(s *diff.Side, name string) (found bool) {
	for i := range s.Machines {
		n := &s.Machines[i]
		for j := range n.Files {
			if n.Files[j].Path == name {
				found = true
				n.Files[j].Contents = append(slices.Clone(n.Files[j].Contents), "# another comment\n"...)
			}
		}
		for j := range n.Units {
			if n.Units[j].Name == name {
				found = true
				n.Units[j].Contents = strings.Replace(n.Units[j].Contents, "--v=2", "--v=3", 1)
			}
		}
	}
	return found
}

// strongest is the strongest effect of a change, which is the first on any machine.
func strongest(d order.Order) string {
	for _, action := range []diff.Action{diff.Reimage, diff.Restart, diff.Reload, diff.PickUp} {
		if slices.ContainsFunc(d.Pairs, func(p diff.Pair) bool {
			return slices.ContainsFunc(p.Effects, func(e diff.Effect) bool { return e.Action == action })
		}) {
			return string(action)
		}
	}
	return string(diff.Nothing)
}
