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

// serviceRow is a row: what API servers of a release do when their flag says
// other ranges of services.
type serviceRow struct {
	since  string                                    // first minor release; "" is any before
	moved  func(before, after []netip.Prefix) string // what services do when the new ranges leave some of the old out
	remedy func(before, after []netip.Prefix) string // what to do instead
	wider  func(before, after []netip.Prefix) string // what is to be done beside a larger range
	behind func(before, after []netip.Prefix) string // what has to hold for a family behind the one that is there; nil is nothing
}

// serviceRows, newest first.
//   - The ServiceCIDR kubernetes is made of the flag, once. A family behind the
//     same first range is added to it, and nothing else ever changes it
//     (kubernetes, pkg/controlplane/controller/defaultservicecidr; the same in
//     1.34 to 1.37). Objects beside it may overlap it; families are the flag's.
//   - Before, every API server wrote the range of its own flag into etcd when it
//     started and every three minutes, and refused to make a service while it
//     found another one there (pkg/registry/core/service/ipallocator/controller
//     and allocator/storage, of 1.9).
var serviceRows = []serviceRow{
	{
		since:  "1.33",
		moved:  movedObjects,
		remedy: remedyObjects,
		wider: func(before, after []netip.Prefix) string {
			others := slices.DeleteFunc(slices.Clone(after), func(p netip.Prefix) bool { return slices.Contains(before, p) })
			return fmt.Sprintf("no flag gives services more addresses: when all API servers have theirs, create an object for %s: %s", list(others), createObject(others))
		},
		behind: func(before, after []netip.Prefix) string {
			others := after[len(before):]
			return fmt.Sprintf("the ServiceCIDR kubernetes gets %s only if it has %s alone, as a larger range that was written later does not do: look when all API servers have theirs (kubectl get servicecidr kubernetes). "+
				"Where it lacks that, new services of %s get no addresses (range is full) until you create an object: %s", list(others), list(before), family(others[0]), createObject(others))
		},
	},
	{
		moved: func(_, _ []netip.Prefix) string { return "services that exist keep their addresses" },
		remedy: func(before, _ []netip.Prefix) string {
			return fmt.Sprintf("write %s, or a larger range that begins with the same address", written(before))
		},
		wider: func(_, after []netip.Prefix) string {
			return fmt.Sprintf("until all API servers have the service range %s, now these and now those refuse to make services", list(after))
		},
	},
}

// movedObjects tells what is true of the families of the flag, and of the
// addresses of the ServiceCIDR kubernetes, which no flag changes.
func movedObjects(before, after []netip.Prefix) string {
	var said, stay []string
	for _, old := range before {
		i := slices.IndexFunc(after, func(p netip.Prefix) bool { return sameFamily(p, old) })
		switch {
		case i < 0:
			said = append(said, fmt.Sprintf("API servers make no service of %s any more, nor one of both families (not configured on this cluster)", family(old)))
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
		said = append(said, fmt.Sprintf("new services that name no family are of %s", family(after[0])))
	}
	if len(stay) > 0 {
		said = append(said, "no flag changes the ServiceCIDR kubernetes, so new services still get addresses of "+strings.Join(stay, " and "))
	}
	return strings.Join(said, "; ")
}

// remedyObjects keeps what the ServiceCIDR kubernetes has. Other addresses are
// had beside it, and other families and their order by each service.
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
		return fmt.Sprintf("%s, and give services %s beside that: %s", keep, list(beside), createObject(beside))
	case families:
		return keep + ": of which families its addresses are, and in which order, each service says (ipFamilyPolicy, ipFamilies)"
	}
	return keep + ": nothing takes addresses from services"
}

// serviceRowOf finds the row of a machine's API server.
func serviceRowOf(n node.Node) serviceRow {
	have, known := profiles.ParseVersion(facts.Versions(n)["kube-apiserver"])
	for _, row := range serviceRows {
		since, limited := profiles.ParseVersion(row.since + ".0")
		if !known || !limited || have.Compare(since) >= 0 {
			return row
		}
	}
	return serviceRow{} // the last row is any release's
}

// serviceRisks tells what services make of other ranges. The one called
// kubernetes, which every pod dials, has the first address of the first range
// for ever (kubernetes, pkg/controlplane/controller/kubernetesservice: one that
// exists is left as it is); the API servers' certificates keep it.
func serviceRisks(before, after []netip.Prefix, row serviceRow) []Risk {
	if len(before) == 0 || len(after) == 0 {
		return nil
	}
	what, _ := misfit("service", before, after)
	switch {
	case what != "":
		return []Risk{{Field: "serviceCIDRs", Refused: true, Problem: what + ": " + row.moved(before, after), Remedy: row.remedy(before, after)}}
	case !slices.Equal(before, after[:len(before)]):
		return []Risk{{Field: "serviceCIDRs", Problem: row.wider(before, after)}}
	case len(after) > len(before) && row.behind != nil:
		return []Risk{{Field: "serviceCIDRs", Problem: row.behind(before, after)}}
	}
	return nil
}

// createObject makes a ServiceCIDR (networking.k8s.io/v1) of one range, or of
// one of each family. Its name, a DNS subdomain, is made of the first.
func createObject(ranges []netip.Prefix) string {
	name := "services-" + strings.NewReplacer(":", "-", "/", "-").Replace(ranges[0].String())
	return fmt.Sprintf(`echo '{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR","metadata":{"name":"%s"},"spec":{"cidrs":["%s"]}}' | kubectl create -f -`,
		name, strings.Join(texts(ranges), `","`))
}
