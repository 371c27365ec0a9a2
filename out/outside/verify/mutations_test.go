package verify

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/gen/spec"
	"hagen/pki"
)

// machinesOf renders a case.
func machinesOf(t *testing.T, name string) []node.Node {
	t.Helper()
	text, err := os.ReadFile("../../../testdata/" + name + "/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file, err := spec.Parse(spec.Source{Name: "cluster.yaml", Text: text})
	if err != nil {
		t.Fatal(err)
	}
	c, faults := cluster.New(file)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := control.Nodes(c, issued.Set, control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return nodes
}

// TestMutations changes one word of a good tree at a time, which the real
// program has to find in its line, and nothing before.
func TestMutations(t *testing.T) {
	text, err := os.ReadFile("testdata/mutations.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]node.Node{}
	good := map[string]bool{} // which programs have nothing to say about the machine as it is
	n := 0
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' {
			continue
		}
		n++
		parts := strings.Split(strings.TrimSuffix(line, "\n"), " | ")
		place, old, new, rule := strings.Fields(parts[0]), parts[1], strings.ReplaceAll(parts[2], `\n`, "\n"), parts[3]
		if cases[place[0]] == nil {
			cases[place[0]] = machinesOf(t, place[0])
		}
		ask := func(t *testing.T, machine node.Node) (lines []int, said string) {
			findings, notes, err := Run([]string{strings.TrimPrefix(rule, "with-")}, []Machine{{Node: machine}})
			if err != nil {
				t.Fatal(err)
			}
			unasked(t, notes)
			for _, f := range findings {
				said += f.String() + "\n"
				if f.Rule == rule && f.Item == place[2] {
					lines = append(lines, f.Line)
				}
			}
			return lines, said
		}
		for _, machine := range cases[place[0]] {
			if machine.Name != place[1] {
				continue
			}
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				if !good[rule+machine.Name] {
					if _, said := ask(t, machine); said != "" {
						t.Fatalf("%s %s: %s", place[0], machine.Name, said)
					}
					good[rule+machine.Name] = true
				}
				changed, at := mutate(t, machine, place[2], old, new)
				lines, said := ask(t, changed)
				if len(lines) == 0 || lines[0] != at {
					t.Errorf("%swant line %d, found:\n%s", line, at, said)
				}
			})
		}
	}
	if n < 9 {
		t.Errorf("%d mutations", n)
	}
}

// mutate replaces a word of a file, and tells the line in which the last word
// of what is new stands.
func mutate(t *testing.T, n node.Node, path, old, new string) (node.Node, int) {
	t.Helper()
	files := append([]node.File(nil), n.Files...)
	for i, f := range files {
		if f.Path != path {
			continue
		}
		before, after, found := strings.Cut(string(f.Contents), old)
		if !found {
			t.Fatalf("%s: nothing to break: no %q", path, old)
		}
		files[i].Contents = []byte(before + new + after)
		n.Files = files
		return n, strings.Count(before+new, "\n") + 1
	}
	t.Fatalf("%s has no %s", n.Name, path)
	return n, 0
}
