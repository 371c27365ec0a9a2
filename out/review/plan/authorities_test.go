package plan

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/review/facts"
	"hagen/pki"
)

// TestOtherKeys: machines that have another key for tokens or for Secrets are refused, and
// such that accept the former one, too, are not.
func TestOtherKeys(t *testing.T) {
	from, to := newFile(), newFile()
	to.spec["serviceNodePortRange"] = "31000-31999"
	before, after := bothKinds(t, from.text(), to.text())
	_, others := bothKinds(t, from.text(), to.text()) // with keys of their own
	for _, test := range []struct {
		flags []string
		keep  bool // the former keys, too
		says  string
	}{
		{[]string{"--service-account-key-file", "--service-account-signing-key-file"}, false, "it would refuse the tokens that pods have"},
		{[]string{"--service-account-key-file"}, true, ""},
		{[]string{"--encryption-provider-config"}, false, "it could read none of those in etcd"},
		{[]string{"--client-ca-file"}, false, "trust the authority"},
		{[]string{"--tls-private-key-file"}, false, ""},
	} {
		for _, sides := range [][3]Side{{before.tree, after.tree, others.tree}, {before.twins, after.twins, others.twins}, {before.tree, after.twins, others.twins}} {
			spoilt := sides[1]
			spoilt.Machines = slices.Clone(spoilt.Machines)
			for i, n := range spoilt.Machines {
				spoilt.Machines[i].Files = slices.Clone(n.Files)
				for _, flag := range test.flags {
					exchange(spoilt.Machines[i].Files, facts.Flag(n, facts.APIUnit, flag), sides[2].machine(n.Name), test.keep)
				}
			}
			p := Of(sides[0], spoilt, Options{File: "cluster.yaml"})
			if p.Possible != (test.says == "") || test.says != "" && (len(p.Refused) != 1 || !strings.Contains(p.Refused[0].Problem, test.says)) {
				t.Errorf("%v: %+v", test.flags, p.Refused)
			}
		}
	}
}

// TestRotation: each phase of a rotation is possible after the one before, and no phase can be skipped,
// forwards or back. The restarts are those that a key which is read at the start needs: none, when an
// authority begins to sign.
func TestRotation(t *testing.T) {
	file := newFile()
	c, err := clusterOf(t, file.text())
	if err != nil {
		t.Fatal(err)
	}
	_, first, err := side(t, file.text(), pki.Set{})
	if err != nil {
		t.Fatal(err)
	}
	restarts := map[string][3]int{ // of API servers, etcd and controller managers, in each phase
		"kubernetes": {3, 0, 3}, "etcd": {6, 0, 6}, "front-proxy": {0, 0, 0}, "service-account": {3, 6, 3}, "secrets": {3, 3, 3},
	}
	for _, row := range control.Rotatable(c) {
		var states []Side
		set := first
		for n := range len(pki.Phases()) + 1 {
			if n > 0 {
				set = inRotation(t, set, pki.Phases()[n-1], row)
			}
			s, _, err := side(t, file.text(), set)
			if err != nil {
				t.Fatal(err)
			}
			states = append(states, s)
		}
		for from, before := range states {
			for to, after := range states {
				p := Of(before, after, Options{File: "cluster.yaml"})
				possible := from-to <= 1 && to-from <= 1
				if p.Possible != possible || possible && len(p.Cautions) > 0 {
					t.Errorf("%s, from phase %d to %d: possible %t: %+v %+v", row.Kind, from, to, p.Possible, p.Refused, p.Cautions)
				}
				if to != from+1 {
					continue
				}
				count := 0
				for _, s := range p.Steps {
					for _, c := range s.Commands {
						count += strings.Count(c.Text, "systemctl restart")
					}
				}
				if count != restarts[row.Kind][from] {
					t.Errorf("%s, phase %d: %d restarts", row.Kind, to, count)
				}
			}
		}
	}
}

// exchange puts the contents of another machine's file into a list of files.
func exchange(files []node.File, path string, other node.Node, keep bool) {
	for i, f := range files {
		if f.Path == path && path != "" {
			files[i].Contents = facts.FileAt(other, path).Contents
			if keep {
				files[i].Contents = slices.Concat(bytes.TrimSuffix(files[i].Contents, []byte("\n")), []byte("\n"), f.Contents)
			}
		}
	}
}
