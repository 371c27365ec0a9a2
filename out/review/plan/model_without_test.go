package plan

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen/control"
	"hagen/pki"
)

// TestPlayWithout plays changes while a machine is off: each step is for another one, no command is
// run on it or dials it, and nothing is lost.
func TestPlayWithout(t *testing.T) {
	b, n := newBench(t), 0
	for _, row := range trials() {
		for _, c := range row {
			for _, top := range topologies {
				from, to := top.changed(c)
				before, valid := b.running(from)
				if n++; n%83 != 0 && !longer() || !valid {
					continue
				}
				if p, _, _, valid := b.plan(from, to, Options{}); !valid || !p.Possible {
					b.refused++ // with all machines, too
					continue
				}
				hosts := before.Cluster.Hosts()
				host := hosts[n/83%len(hosts)].Name
				b.playWithout(top.name+": "+c.String()+", without "+host, from, to, Options{Reimage: n%5 == 0, Without: []string{host}})
			}
		}
	}
	if b.played < 4 {
		t.Error("few of the plans can be played")
	}
	t.Log(b)
}

func (b *bench) playWithout(what string, from, to *tree, o Options) {
	p, _, _, valid := b.plan(from, to, o)
	if valid && p.Possible {
		untouched(b.t, what, p)
	}
	b.play(what, from, to, o)
}

// untouched asks that a plan does nothing with the machines that it leaves out.
func untouched(t *testing.T, what string, p Plan) {
	t.Helper()
	var all []Command
	for _, c := range slices.Concat(p.Prepare, p.Verify) {
		all = append(all, c.Command)
	}
	for _, s := range p.Steps {
		if slices.Contains(p.Without, s.Host) {
			t.Errorf("%s: %s", what, s.Title())
		}
		all = append(all, slices.Concat(s.Commands, s.Checks, s.Ask)...)
	}
	for _, c := range all {
		if slices.Contains(p.Without, c.Host) || c.Asks != MembersLeft && slices.ContainsFunc(p.Without, func(host string) bool { return strings.Contains(c.Text, "name="+host) }) {
			t.Errorf("%s: %s# %s", what, c.Host, c.Text)
		}
	}
}

// TestPlayRotations plays the phases of each rotation while a master is off.
func TestPlayRotations(t *testing.T) {
	b := newBench(t)
	for i, kind := range control.RotatedKinds() {
		top := topologies[i%3]
		if longer() {
			top = topologies[i%len(topologies)]
		}
		c, err := clusterOf(t, top.file().String())
		if err != nil {
			t.Fatal(err)
		}
		rows := control.Rotatable(c)
		at := slices.IndexFunc(rows, func(r control.Rotated) bool { return r.Kind == kind })
		if at < 0 || len(c.Members()) < 3 {
			continue
		}
		before, set := decided(t, c, nil)
		for _, phase := range pki.Phases() {
			item, err := set[rows[at].Item].Rotate(phase, control.NextNames(set[rows[at].Item]), time.Now(), Keys, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			set[rows[at].Item] = item
			if phase == pki.PhaseIssue && rows[at].HasAuthority() {
				for name, leaf := range set {
					if leaf.Request.Authority == item.Request.Name {
						delete(set, name) // signed by the former one
					}
				}
			}
			var after modelled
			after, set = decided(t, c, set)
			what := top.name + ": " + kind + ", phase " + string(phase)
			p := Of(before.Side, after.Side, Options{File: "cluster.yaml", Without: []string{"kubem01"}})
			if !p.Possible || len(p.Steps) == 0 {
				t.Fatalf("%s: %v, %d steps", what, p.Refused, len(p.Steps))
			}
			untouched(t, what, p)
			w := newWorld(&p, before, after)
			if problems := w.play(); len(problems) > 0 {
				t.Errorf("%s:\n  %s", what, strings.Join(problems, "\n  "))
			}
			b.played++
			before = after
		}
	}
	t.Log(b)
}
