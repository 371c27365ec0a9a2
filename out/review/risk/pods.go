package risk

import (
	"fmt"
	"net/netip"
)

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
