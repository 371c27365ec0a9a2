package plan

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"hagen/gen/node"
	"hagen/out/review/facts"
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
