package plan

import (
	"fmt"
	"strings"
	"testing"

	"hagen/gen/control"
	"hagen/pki"
)

// bench decides on clusters and plays plans.
type bench struct {
	t       *testing.T
	known   map[string]running // by cluster file
	first   map[string]pki.Set // the keys of a profile's clusters
	forgets bool               // certificates keep no former names
	// What became of the plans that were asked for.
	played, refused, same, invalid int
}

// running is a side with its certificates.
type running struct {
	modelled
	set pki.Set
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, known: map[string]running{}, first: map[string]pki.Set{}}
}

// running is the side of a cluster that runs; false if its file is refused.
func (b *bench) running(file *tree) (running, bool) {
	text := file.String()
	r, known := b.known[text]
	if !known {
		if c, err := clusterOf(b.t, text); err == nil {
			profile := c.Profile.Name
			if r.modelled, r.set = decided(b.t, c, b.first[profile]); b.first[profile] == nil {
				b.first[profile] = r.set
			}
		}
		b.known[text] = r
	}
	return r, r.file != nil
}

// plan plans from one file to another. Its sides keep names as hagen plan lets them.
func (b *bench) plan(from, to *tree, o Options) (p Plan, before, after modelled, valid bool) {
	was, valid := b.running(from)
	if !valid {
		return p, before, after, false
	}
	c, err := clusterOf(b.t, to.String())
	if err != nil {
		return p, before, after, false
	}
	if !b.forgets {
		c = c.Keep(control.SharedNames(was.file))
	}
	after, _ = decided(b.t, c, was.set)
	o.File = "cluster.yaml"
	return Of(was.Side, after.Side, o), was.modelled, after, true
}

// play plays the plan from one file to another, and says what goes wrong.
func (b *bench) play(what string, from, to *tree, o Options) {
	p, before, after, valid := b.plan(from, to, o)
	switch {
	case !valid:
		b.invalid++
	case !p.Possible:
		b.refused++
	case p.Same:
		b.same++
	default:
		b.played++
		w := newWorld(&p, before, after)
		if problems := w.play(); len(problems) > 0 {
			b.t.Errorf("%s, re-imaged: %v:\n  %s\nfrom %s\nto   %s", what, o.Reimage, strings.Join(problems, "\n  "), from, to)
		}
	}
}

// trial is a change of a field, as examples have it.
type trial struct {
	field string
	example
}

func (c trial) String() string { return c.field + ": " + c.from + " → " + c.to }

// trials are changes of all fields of the cluster file, those of a row together: TestChanges
// asks for an example of each.
func trials() (rows [][]trial) {
	for _, g := range groups {
		for _, c := range g.changes {
			name := g.prefix + c.field
			if c.what != "" {
				name += ", " + c.what
			}
			var row []trial
			for _, field := range expand(g.prefix + c.field) {
				for _, e := range examples[name] {
					row = append(row, trial{field, e})
				}
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// TestPlay plays the plan of each change of each field: in all topologies in the longer
// run, else in one, and of rows with many fields some.
func TestPlay(t *testing.T) {
	b := newBench(t)
	fields := map[string]bool{}
	var all []trial
	for _, row := range trials() {
		for k, c := range row {
			if longer() || len(row) < 6 || k%4 == 0 {
				all = append(all, c)
			}
		}
	}
	for i, c := range all {
		for j, top := range topologies {
			if j != i%len(topologies) && !longer() {
				continue
			}
			from, to := top.changed(c)
			before := b.played + b.refused + b.same
			for _, anew := range []bool{false, true} {
				if anew && i%6 != 0 && !longer() {
					continue
				}
				b.play(top.name+": "+c.String(), from, to, Options{Reimage: anew})
			}
			fields[c.field] = fields[c.field] || b.played+b.refused+b.same > before
		}
	}
	for field, did := range fields {
		if !did && longer() && field != "spec.loadBalancers[].etcd.disk" && field != "apiVersion" && field != "kind" {
			t.Errorf("%s changes in no topology", field)
		}
	}
	t.Log(b)
}

// TestPlayPairs plays two changes together, one of each of two rows, each pair in one
// topology: all pairs in the longer run, else some.
func TestPlayPairs(t *testing.T) {
	b, rows, n := newBench(t), trials(), 0
	for i, row := range rows {
		for j, other := range rows[:i] {
			if n++; n%197 != 0 && !longer() {
				continue
			}
			one, two := row[n%len(row)], other[n/7%len(other)]
			top := topologies[n%len(topologies)]
			from, to := top.changed(one, two)
			b.play(fmt.Sprintf("%s, rows %d and %d: %s; %s", top.name, i, j, one, two), from, to, Options{Reimage: n%3 == 0})
			if n%500 == 0 {
				b.known = map[string]running{} // not all at once in memory
			}
		}
	}
	if b.played == 0 || b.played < b.invalid/2 {
		t.Error("few of the pairs can be played")
	}
	t.Log(b)
}

func (b *bench) String() string {
	return fmt.Sprintf("%d plans played, %d refused, %d change nothing, %d files refused", b.played, b.refused, b.same, b.invalid)
}
