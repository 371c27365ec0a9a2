package control

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/pki"
)

// SharedNames returns the names and addresses that the certificates of all API servers
// carry, sorted, names first: what clients dial that do not dial one master. The loopback
// is not among them.
func SharedNames(c *cluster.Cluster) []string {
	kept := c.Keep(nameTexts(serverSANs(c))).APIServer
	return nameTexts(kept.FormerNames, kept.FormerAddresses)
}

// FormerNames returns the SharedNames that the cluster file does not ask for.
func FormerNames(c *cluster.Cluster) []string {
	return missing(SharedNames(c), nameTexts(askedSANs(c)))
}

// ForgetWords returns the FormerNames as words of a command that a shell leaves as they
// are: it would look for files that match a wildcard.
func ForgetWords(c *cluster.Cluster) string {
	words := FormerNames(c)
	for i, w := range words {
		if strings.Contains(w, "*") {
			words[i] = "'" + w + "'"
		}
	}
	return strings.Join(words, " ")
}

// Stems of the certificates that show which names API servers have carried.
const (
	serverStem = "apiserver"
	memberStem = "etcd-server"
)

// RecordedNames returns what SharedNames was when the certificates of a cluster were
// issued: the names that those of its API servers have in common, of the hosts that are
// still there if any is. Of a single certificate, of one API server or one that all share,
// what machines have of their own is left out.
// issued holds the requests of certificates, by name.
func RecordedNames(c *cluster.Cluster, issued map[string]pki.Request) []string {
	var servers, present []string
	for name := range issued {
		if !ofServer(name) {
			continue
		}
		servers = append(servers, name)
		if ofPresent(c, name) {
			present = append(present, name)
		}
	}
	if len(present) > 0 {
		servers = present
	}
	if len(servers) == 0 {
		return nil
	}
	names := func(name string) []string { return nameTexts(issued[name].DNSNames, issued[name].IPAddresses) }
	shared := names(servers[0])
	for _, name := range servers[1:] {
		others := names(name)
		shared = slices.DeleteFunc(shared, func(n string) bool { return !slices.Contains(others, n) })
	}
	if len(servers) == 1 {
		shared = missing(shared, names(path.Join(path.Dir(servers[0]), memberStem)))
		for _, h := range c.APIServers() {
			shared = missing(shared, nameTexts(c.Names(h), h.Addresses))
		}
		// But for what the cluster file shares among all, such as an endpoint of a master's name.
		asked := nameTexts(askedSANs(c))
		shared = append(shared, missing(asked, missing(asked, names(servers[0])))...)
	}
	return missing(unique(shared), append(nameTexts(nil, c.Loopbacks()), "localhost"))
}

// CarriedNames returns what SharedNames was, by the lock file and by certificates that were
// issued. A lock file loses lines in reverts and merges: a name that certificates have
// stays unless the lock file says that it was forgotten.
func CarriedNames(lock cluster.LockContents, issued []string) []string {
	return append(slices.Clone(lock.Names), missing(missing(issued, lock.Names), lock.Forgotten)...)
}

// ofServer reports whether an item of the PKI is the certificate of an API server, or of all.
func ofServer(name string) bool { return path.Base(name) == serverStem }

// ofPresent reports whether the certificate of an API server is that of a host which is
// still there.
func ofPresent(c *cluster.Cluster, name string) bool {
	return slices.ContainsFunc(c.APIServers(), func(h cluster.Host) bool { return h.Name == path.Base(path.Dir(name)) })
}

// Serves reports whether an item of the PKI is the certificate of an API server that the
// cluster has: its own, or the one that all share.
func Serves(c *cluster.Cluster, name string) bool {
	return ofServer(name) && (path.Dir(name) == storeCluster || ofPresent(c, name))
}

// missing returns the names that others lack.
func missing(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(others, n) })
}

// nameTexts returns each name and each address once, names first, sorted.
func nameTexts(names []string, addresses []netip.Addr) []string {
	texts := slices.Sorted(slices.Values(unique(names)))
	for _, a := range slices.SortedFunc(slices.Values(unique(addresses)), netip.Addr.Compare) {
		texts = append(texts, a.String())
	}
	return texts
}
