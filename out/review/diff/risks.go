package diff

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/review/facts"
	"hagen/profiles"
)

const (
	managerUnit = "kube-controller-manager.service"
	podFlag     = "--cluster-cidr"
	serviceFlag = "--service-cluster-ip-range"
)

// Risks tells what a cluster that runs makes of another master's ranges and
// versions, of another architecture, and of another cluster's name. It is what hagen plan refuses, as
// far as machines tell it.
func Risks(before, after node.Node) []Risk {
	return slices.Concat(nameRisk(before, after), versionRisks(before, after), archRisk(before, after), RangeRisks(before, after))
}

// nameRisk: a controller manager knows the cluster's name.
func nameRisk(before, after node.Node) []Risk {
	was, is := facts.Flag(before, managerUnit, "--cluster-name"), facts.Flag(after, managerUnit, "--cluster-name")
	if was == "" || is == "" || was == is {
		return nil
	}
	return []Risk{{Field: "metadata.name", Refused: true, Problem: fmt.Sprintf("the machines are those of cluster %s, not of %s", was, is)}}
}

func versionRisks(before, after node.Node) (out []Risk) {
	was, is := versionsOf(before), versionsOf(after)
	for _, row := range []struct{ field, binary, product string }{
		{"kubernetesVersion", "kube-apiserver", profiles.Kubernetes},
		{"etcdVersion", "etcd", profiles.Etcd},
	} {
		from, ok := profiles.ParseVersion(was[row.binary])
		to, ok2 := profiles.ParseVersion(is[row.binary])
		if problem := profiles.Skew(row.product, from, to); ok && ok2 && problem != "" {
			out = append(out, Risk{Field: row.field, Refused: true, Problem: problem, Unless: Restored})
		}
	}
	return out
}

// archRisk: where a machine fetches its binaries, the addresses name its
// architecture, as far as they are upstream's or a mirror's of the same names.
func archRisk(before, after node.Node) []Risk {
	was, is := archOf(before), archOf(after)
	if was == "" || is == "" || was == is {
		return nil
	}
	return []Risk{{Field: "binaries.arch", Refused: true, Unless: Anew,
		Problem: fmt.Sprintf("binaries for %s do not run on machines that are %s: each in turn has to be another one (hagen plan --reimage)", is, was)}}
}

// archOf gives the architecture that the paths of a machine's URLs name; "" for
// none, or for several.
func archOf(n node.Node) string {
	found := ""
	for _, address := range addressesOf(n) {
		at, err := url.Parse(address)
		if err != nil {
			continue
		}
		for _, word := range strings.FieldsFunc(at.Path, func(r rune) bool { return strings.ContainsRune("/-_.", r) }) {
			if slices.Contains(profiles.Arches(), word) && word != found {
				if found != "" {
					return ""
				}
				found = word
			}
		}
	}
	return found
}

// addressesOf lists what a machine fetches: its files, and what its script does.
func addressesOf(n node.Node) (out []string) {
	for _, f := range n.Files {
		if f.Source.URL != "" {
			out = append(out, f.Source.URL)
		}
	}
	for _, s := range read.StepsOf(n) {
		if s.URL != "" {
			out = append(out, s.URL)
		}
	}
	return out
}

// RangeRisks tells what a cluster that runs makes of another master's ranges of
// pods and services.
func RangeRisks(before, after node.Node) []Risk {
	var out []Risk
	// Without it nobody gives Nodes ranges, and nobody looks at them.
	if facts.Flag(after, managerUnit, "--allocate-node-cidrs") == "true" {
		out = append(out, podRisks(rangesOf(before, managerUnit, podFlag), rangesOf(after, managerUnit, podFlag))...)
	}
	was, is := rangesOf(before, facts.APIUnit, serviceFlag), rangesOf(after, facts.APIUnit, serviceFlag)
	return append(out, serviceRisks(was, is, serviceRowOf(after))...)
}

// podRisks: when a controller manager comes to lead, it looks at the ranges of
// all Nodes, each against the range at the same place of the flag, and ends at
// the first that does not lie in it (kubernetes, pkg/controller/nodeipam/ipam,
// NewCIDRRangeAllocator and occupyCIDRs; the same in 1.34 to 1.37). A Node
// that has one range may meet two: it keeps the one.
func podRisks(before, after []netip.Prefix) []Risk {
	if len(before) == 0 || len(after) == 0 {
		return nil
	}
	what, left := misfit("pod", before, after)
	if what == "" {
		if len(after) > len(before) {
			return []Risk{{Field: "podCIDRs", Problem: fmt.Sprintf("Nodes that exist get no range of %s: to have one, a Node has to be deleted and made anew by its kubelet", after[len(before)])}}
		}
		return nil
	}
	says := "failed to mark cidr[…] at idx […] as occupied for node: …"
	if left {
		says = "node:… has an allocated cidr: … at index:… that does not exist in cluster cidrs configuration"
	}
	return []Risk{{Field: "podCIDRs", Refused: true, Unless: NodesFit,
		Problem: fmt.Sprintf("%s: while one Node has a range outside, each controller manager that comes to lead ends (%s), and no controller works", what, says),
		Remedy: fmt.Sprintf("write %s, or ranges that contain it in this order. To go on all the same, see what Nodes have (%s); for each with a range outside: kubectl drain NODE --ignore-daemonsets --delete-emptydir-data, systemctl stop kubelet on it, kubectl delete node NODE. "+
			"Then plan with --nodes-fit, and start these kubelets after its last step: their Nodes get ranges of the new ones", written(kept(before, after)), NodeRanges),
	}}
}

// NodeRanges shows which ranges Nodes have.
const NodeRanges = "kubectl get nodes -o custom-columns=NODE:.metadata.name,RANGES:.spec.podCIDRs"
