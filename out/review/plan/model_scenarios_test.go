package plan

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestScenarios plays the plans of testdata/scenarios.txt and holds what the model says of
// each step against what is written beside it: who is a member of etcd and who leads it
// (*), who serves the API, and whom each HAProxy finds. A scenario begins with a topology, what
// both sides have, and what changes, or what is there instead before and after; "reimage" is a line of its own. -update rewrites
// what is beside.
func TestScenarios(t *testing.T) {
	const place = "testdata/scenarios.txt"
	all, err := txtar.ParseFile(place)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	for i, s := range all.Files {
		head, beside, _ := strings.Cut(string(s.Data), "\n\n")
		fields := map[string]string{}
		for line := range strings.Lines(head) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			fields[name] = value
		}
		_, reimage := fields["reimage"]
		k := slices.IndexFunc(topologies, func(top topology) bool { return top.name == fields["topology"] })
		if k < 0 {
			t.Fatalf("%s: there is no topology %q", s.Name, fields["topology"])
		}
		from := topologies[k].file().merged(at("spec.", strings.ReplaceAll(fields["with"], "; ", "\n")))
		to := topologies[k].file().merged(at("spec.", strings.ReplaceAll(fields["change"], "; ", "\n")))
		from, to = from.instead(fields["before"]), to.instead(fields["instead"])
		p, before, after, valid := b.plan(from, to, Options{Reimage: reimage})
		if !valid || !p.Possible {
			t.Fatalf("%s: no plan: %v", s.Name, p.Refused)
		}
		var got strings.Builder
		w := newWorld(&p, before, after)
		w.trace = func(line string) { got.WriteString(strings.TrimRight(line, " ") + "\n") }
		for _, problem := range w.play() {
			t.Errorf("%s: %s", s.Name, problem)
		}
		if got.String() != beside && !*update {
			t.Errorf("%s:\n%swant\n%s", s.Name, got.String(), beside)
		}
		all.Files[i].Data = []byte(head + "\n\n" + got.String())
	}
	if *update {
		if err := os.WriteFile(place, txtar.Format(all), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// instead replaces fields of spec.
func (t *tree) instead(fields string) *tree {
	if fields == "" {
		return t
	}
	for part := range strings.SplitSeq(fields, "; ") {
		field, _, _ := strings.Cut(part, ":")
		t = t.merged(at("spec.", field+": none")).merged(at("spec.", part))
	}
	return t
}
