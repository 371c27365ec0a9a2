package risk

import (
	"fmt"
	"slices"

	"hagen/gen/node"
	"hagen/out/review/facts"
	"hagen/profiles"
)

const managerUnit = "kube-controller-manager.service"

// Of returns the risks of other ranges, versions and issuers, of another architecture, and
// of another cluster name. hagen plan refuses the same, as far as machines show it.
func Of(before, after node.Node) []Risk {
	return slices.Concat(nameRisk(before, after), versionRisks(before, after), OfArchitecture(before, after), OfRanges(before, after), OfIssuers(before, after))
}

// nameRisk compares cluster names, which controller managers have in a flag.
func nameRisk(before, after node.Node) []Risk {
	was, is := facts.Flag(before, managerUnit, "--cluster-name"), facts.Flag(after, managerUnit, "--cluster-name")
	if was == "" || is == "" || was == is {
		return nil
	}
	return []Risk{{Field: "metadata.name", Refused: true, Problem: fmt.Sprintf("the machines belong to cluster %s, not to %s", was, is)}}
}

func versionRisks(before, after node.Node) (out []Risk) {
	was, is := facts.Versions(before), facts.Versions(after)
	behaved := facts.Emulated(before)
	for _, row := range []struct{ field, binary, product string }{
		{"kubernetesVersion", "kube-apiserver", profiles.Kubernetes},
		{"etcdVersion", "etcd", profiles.Etcd},
	} {
		from, ok := profiles.ParseVersion(was[row.binary])
		to, ok2 := profiles.ParseVersion(is[row.binary])
		if problem := profiles.Skew(row.product, from, to, behaved); ok && ok2 && problem != "" {
			out = append(out, Risk{Field: row.field, Refused: true, Problem: problem, Unless: Restored})
		}
	}
	if from, ok := profiles.ParseVersion(was["kube-apiserver"]); ok {
		if problem := profiles.Emulation(from, behaved, facts.Emulated(after)); problem != "" {
			out = append(out, Risk{Field: "emulatedVersion", Refused: true, Problem: problem, Unless: Restored})
		}
	}
	return out
}

// OfRanges returns the risks of other ranges of pods and services.
func OfRanges(before, after node.Node) []Risk {
	const pods, services = "--cluster-cidr", "--service-cluster-ip-range"
	var out []Risk
	// Without this flag the controller manager ignores the ranges of Nodes.
	if facts.Flag(after, managerUnit, "--allocate-node-cidrs") == "true" {
		out = append(out, podRisks(rangesOf(before, managerUnit, pods), rangesOf(after, managerUnit, pods))...)
	}
	was, is := rangesOf(before, facts.APIUnit, services), rangesOf(after, facts.APIUnit, services)
	return append(out, serviceRisks(was, is, serviceRowOf(after))...)
}
