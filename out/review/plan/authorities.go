package plan

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/out/review/facts"
)

// trusted is a row: a flag that names the authorities which a unit trusts.
type trusted struct{ unit, flag, whose string }

var trusts = []trusted{
	{facts.APIUnit, "--client-ca-file", "clients of API servers"},
	{facts.EtcdUnit, "--trusted-ca-file", "clients of etcd"},
	{facts.EtcdUnit, "--peer-trusted-ca-file", "etcd's members"},
	{facts.APIUnit, "--requestheader-client-ca-file", "the front proxy"},
}

// otherAuthorities refuses machines that share no authority with the former ones: those
// that have changed and those that have not would not trust each other.
func otherAuthorities(p planner) []Refusal {
	if p.before.Cluster.Name != p.after.Cluster.Name || p.before.Cluster.Profile != p.after.Cluster.Profile {
		return nil // another cluster, which other rows refuse
	}
	var pairs [][2]node.Node
	if p.before.Cluster.Keyed && p.after.Cluster.Keyed { // another host has others of a trial
		pairs = append(pairs, [2]node.Node{firstMaster(p.before), firstMaster(p.after)})
	}
	for _, n := range p.after.Machines {
		if was := p.before.machine(n.Name); was.Name != "" {
			pairs = append(pairs, [2]node.Node{was, n})
		}
	}
	for _, row := range trusts {
		for _, pair := range pairs {
			was, is := row.keys(&pair[0]), row.keys(&pair[1])
			if len(was) == 0 || len(is) == 0 || slices.ContainsFunc(was, func(key string) bool { return slices.Contains(is, key) }) {
				continue
			}
			return []Refusal{{"metadata.name", fmt.Sprintf("the running machines trust the authority SHA-256 %.12s… for %s, and %s would trust SHA-256 %.12s…: nothing leads a running cluster from one authority to another yet", was[0], row.whose, pair[1].Name, is[0]),
				"plan with the PKI that the running machines have, which --pki names (hagen pki init --again moved it aside); with others it is a new cluster with the old name: install all its machines again"}}
		}
	}
	return nil
}

// keys lists the SHA-256 of the authorities' public keys that a machine trusts.
func (t trusted) keys(n *node.Node) (keys []string) {
	f := facts.FileAt(*n, facts.Flag(*n, t.unit, t.flag))
	all, _ := node.ReadSummaries(strings.Split(strings.TrimSpace(string(redact.Identified(f.Contents))), "\n"))
	for _, c := range all {
		keys = append(keys, c.Key)
	}
	return keys
}
