package risk

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/facts"
	"hagen/profiles"
)

// serviceRow is a row: what API servers of a release do when their flag has other service
// ranges.
type serviceRow struct {
	since  string                                    // first minor release; "" is any earlier one
	moved  func(before, after []netip.Prefix) string // what happens when the new ranges do not contain the old ones
	remedy func(before, after []netip.Prefix) string // what to do instead
	wider  func(before, after []netip.Prefix) string // what else to do for a larger range
	second func(before, after []netip.Prefix) string // what else to do for a second family; nil is nothing
}

// serviceRows, newest first.
//   - The ServiceCIDR kubernetes is created from the flag, once. A second family after
//     the same first range is added to it, and nothing else ever changes it
//     (kubernetes, pkg/controlplane/controller/defaultservicecidr; the same in
//     1.34 to 1.37). Other objects may overlap it; the flag decides the families.
//   - Earlier, every API server wrote the range of its own flag into etcd when it
//     started and every three minutes, and refused to create a service while it
//     found another range there (pkg/registry/core/service/ipallocator/controller
//     and allocator/storage, of 1.9).
var serviceRows = []serviceRow{
	{
		since:  "1.33",
		moved:  movedObjects,
		remedy: remedyObjects,
		wider: func(before, after []netip.Prefix) string {
			others := slices.DeleteFunc(slices.Clone(after), func(p netip.Prefix) bool { return slices.Contains(before, p) })
			return fmt.Sprintf("no flag gives services more addresses: when all API servers have restarted, create an object for %s: %s", list(others), createObject(others))
		},
		second: func(before, after []netip.Prefix) string {
			others := after[len(before):]
			return fmt.Sprintf("the ServiceCIDR kubernetes gets %s only if %s is its sole range, which is not so after the range has been enlarged: check when all API servers have restarted (kubectl get servicecidr kubernetes). "+
				"If it has no such range, new services of %s get no addresses (range is full) until you create an object: %s", list(others), list(before), family(others[0]), createObject(others))
		},
	},
	{
		moved: func(_, _ []netip.Prefix) string { return "existing services keep their addresses" },
		remedy: func(before, _ []netip.Prefix) string {
			return fmt.Sprintf("write %s, or a larger range that contains it", written(before))
		},
		wider: func(_, after []netip.Prefix) string {
			return fmt.Sprintf("until all API servers have the service range %s, at any moment some of them refuse to create services", list(after))
		},
	},
}

// movedObjects returns what happens to the families, which the flag decides, and to the
// addresses of the ServiceCIDR kubernetes, which no flag changes.
func movedObjects(before, after []netip.Prefix) string {
	var said, stay []string
	for _, old := range before {
		i := slices.IndexFunc(after, func(p netip.Prefix) bool { return sameFamily(p, old) })
		switch {
		case i < 0:
			said = append(said, fmt.Sprintf("API servers no longer create services of %s, or of both families (not configured on this cluster)", family(old)))
		case after[i] != old:
			stay = append(stay, old.String())
		}
	}
	for _, p := range after {
		if !slices.ContainsFunc(before, func(old netip.Prefix) bool { return sameFamily(p, old) }) {
			said = append(said, fmt.Sprintf("the ServiceCIDR kubernetes has no addresses of %s, so new services of it get none (range is full)", family(p)))
		}
	}
	if !sameFamily(before[0], after[0]) {
		said = append(said, fmt.Sprintf("new services without a family get %s", family(after[0])))
	}
	if len(stay) > 0 {
		said = append(said, "no flag changes the ServiceCIDR kubernetes, so new services still get addresses from "+strings.Join(stay, " and "))
	}
	return strings.Join(said, "; ")
}

// remedyObjects keeps the ranges of the ServiceCIDR kubernetes. Other addresses come from
// another object; each service chooses its families and their order.
func remedyObjects(before, after []netip.Prefix) string {
	var beside []netip.Prefix
	families := !sameFamily(before[0], after[0])
	for _, old := range before {
		i := slices.IndexFunc(after, func(p netip.Prefix) bool { return sameFamily(p, old) })
		families = families || i < 0
		if i >= 0 && !contains(old, after[i]) {
			beside = append(beside, after[i])
		}
	}
	keep := "write " + written(kept(before, after))
	switch {
	case len(beside) > 0:
		return fmt.Sprintf("%s, and give services %s in addition: %s", keep, list(beside), createObject(beside))
	case families:
		return keep + ": each service chooses its families and their order (ipFamilyPolicy, ipFamilies)"
	}
	return keep + ": addresses cannot be taken from services"
}

// serviceRowOf returns the row of a machine's API server.
func serviceRowOf(n node.Node) serviceRow {
	have, known := profiles.ParseVersion(facts.Versions(n)["kube-apiserver"])
	for _, row := range serviceRows {
		since, limited := profiles.ParseVersion(row.since + ".0")
		if !known || !limited || have.Compare(since) >= 0 {
			return row
		}
	}
	return serviceRow{} // not reached: the last row fits any release
}

// serviceRisks returns the risks of other service ranges. The service kubernetes, which
// every pod dials, keeps the first address of the first range for ever (kubernetes,
// pkg/controlplane/controller/kubernetesservice: an existing one is left as it is); the
// API servers' certificates keep it, too.
func serviceRisks(before, after []netip.Prefix, row serviceRow) []Risk {
	if len(before) == 0 || len(after) == 0 {
		return nil
	}
	what, _ := misfit("service", before, after)
	switch {
	case what != "":
		return []Risk{{Field: "serviceCIDRs", Refused: true, Problem: what + ": " + row.moved(before, after), Remedy: row.remedy(before, after)}}
	case !slices.Equal(before, after[:len(before)]):
		return []Risk{{Field: "serviceCIDRs", Problem: row.wider(before, after), Command: row.command(before, after)}}
	case len(after) > len(before) && row.second != nil:
		return []Risk{{Field: "serviceCIDRs", Problem: row.second(before, after), Command: row.command(before, after)}}
	}
	return nil
}

// command creates an object for the ranges that are new unless one has them.
func (row serviceRow) command(before, after []netip.Prefix) string {
	if row.second == nil {
		return "" // no objects
	}
	others := slices.DeleteFunc(slices.Clone(after), func(p netip.Prefix) bool { return slices.Contains(before, p) })
	return fmt.Sprintf("kubectl get servicecidr -o jsonpath='{.items[*].spec.cidrs[*]}' | grep -wF '%s' || %s", others[len(others)-1], createObject(others))
}

// createObject returns a command that creates a ServiceCIDR (networking.k8s.io/v1) with
// one range, or one of each family. Its name, a DNS subdomain, comes from the first.
func createObject(ranges []netip.Prefix) string {
	name := "services-" + strings.NewReplacer(":", "-", "/", "-").Replace(ranges[0].String())
	return fmt.Sprintf(`echo '{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR","metadata":{"name":"%s"},"spec":{"cidrs":["%s"]}}' | kubectl create -f -`,
		name, strings.Join(texts(ranges), `","`))
}
