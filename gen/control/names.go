package control

import (
	"net/netip"
	"path"
	"slices"

	"hagen/gen/cluster"
	"hagen/pki"
)

// SharedNames are the names and addresses that the certificates of all API
// servers carry, sorted, names first: what clients dial who do not dial one
// master. What a master has of its own is not among them, nor the loopback.
func SharedNames(c *cluster.Cluster) []string {
	kept := c.Keep(nameTexts(serverSANs(c))).APIServer
	return nameTexts(kept.FormerNames, kept.FormerAddresses)
}

// FormerNames are those of SharedNames that the cluster file does not ask for.
func FormerNames(c *cluster.Cluster) []string {
	return missing(SharedNames(c), nameTexts(askedSANs(c)))
}

// Stems of the certificates that tell what API servers have carried.
const (
	serverStem = "apiserver"
	memberStem = "etcd-server"
)

// RecordedNames are the names and addresses that all certificates of API
// servers have in common, of those that were issued, by name, and that no
// member of etcd has of its own: what SharedNames was for the cluster as it was
// then. It is nil if none was issued.
func RecordedNames(issued map[string]pki.Request) []string {
	var shared []string
	first := true
	for name, r := range issued {
		if path.Base(name) != serverStem {
			continue
		}
		member := issued[path.Join(path.Dir(name), memberStem)]
		names := missing(nameTexts(r.DNSNames, r.IPAddresses), nameTexts(member.DNSNames, member.IPAddresses))
		if first {
			shared, first = names, false
		}
		shared = slices.DeleteFunc(shared, func(n string) bool { return !slices.Contains(names, n) })
	}
	return shared
}

// missing are those of names that others lack.
func missing(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(others, n) })
}

// nameTexts gives each name and each address once, names first, sorted.
func nameTexts(names []string, addresses []netip.Addr) []string {
	texts := slices.Sorted(slices.Values(unique(names)))
	for _, a := range slices.SortedFunc(slices.Values(unique(addresses)), netip.Addr.Compare) {
		texts = append(texts, a.String())
	}
	return texts
}
