package risk

import (
	"fmt"
	"net/netip"
)

// podRisks returns the risks of other pod ranges. When a controller manager becomes leader,
// it compares the ranges of all Nodes with those of its flag, in order, and exits at the
// first that is not inside (kubernetes, pkg/controller/nodeipam/ipam,
// NewCIDRRangeAllocator and occupyCIDRs; the same in 1.34 to 1.37). A Node with one range
// keeps it if the flag has two.
func podRisks(before, after []netip.Prefix) []Risk {
	if len(before) == 0 || len(after) == 0 {
		return nil
	}
	what, left := misfit("pod", before, after)
	if what == "" {
		if len(after) > len(before) {
			return []Risk{{Field: "podCIDRs", Problem: fmt.Sprintf("existing Nodes get no range of %s: delete a Node and let its kubelet create it again to give it one", after[len(before)])}}
		}
		return nil
	}
	says := "failed to mark cidr[…] at idx […] as occupied for node: …"
	if left {
		says = "node:… has an allocated cidr: … at index:… that does not exist in cluster cidrs configuration"
	}
	return []Risk{{Field: "podCIDRs", Refused: true, Unless: NodesFit,
		Problem: fmt.Sprintf("%s: while a Node has a range outside the new ones, each controller manager that becomes leader exits (%s), and no controller works", what, says),
		Remedy: fmt.Sprintf("write %s, or ranges that contain it in this order. To go on anyway, list the ranges of Nodes (%s); for each Node with a range outside the new ones: kubectl drain NODE --ignore-daemonsets --delete-emptydir-data, systemctl stop kubelet on it, kubectl delete node NODE. "+
			"Then plan with --nodes-fit, and start these kubelets after its last step: their Nodes get ranges from the new ones", written(kept(before, after)), NodeRanges),
	}}
}

// NodeRanges is the command that lists the ranges of Nodes.
const NodeRanges = "kubectl get nodes -o custom-columns=NODE:.metadata.name,RANGES:.spec.podCIDRs"
