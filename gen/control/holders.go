package control

import (
	"bytes"
	"path"
	"slices"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
)

// HostFolder returns the folder of a host's own items in the store.
func HostFolder(host string) string { return path.Join(storeHosts, host) }

// Holders returns the hosts that have the certificates of these items in a file, masters first. One
// that lacks items, since nothing was rendered with it yet, has none of them.
func Holders(c *cluster.Cluster, set pki.Set, names []string) (hosts []string) {
	for _, h := range c.Hosts() {
		n, err := Node(c, h, set, Options{})
		if err != nil {
			continue
		}
		holds := func(f node.File) bool {
			return slices.ContainsFunc(names, func(name string) bool {
				cert := set[name].Cert
				return len(cert) > 0 && bytes.Contains(f.Contents, bytes.TrimSpace(cert))
			})
		}
		if slices.ContainsFunc(n.Files, holds) {
			hosts = append(hosts, h.Name)
		}
	}
	return hosts
}

// KeysOn returns the items whose private key, or secret, a host has in a file, in the order of its files.
func KeysOn(c *cluster.Cluster, host string) (items []string) {
	for _, p := range Places(c) {
		if p.Host == host && p.Key && !slices.Contains(items, p.Item) {
			items = append(items, p.Item)
		}
	}
	return items
}

// KeyHolders returns the hosts that have the private key, or secret, of an item in a file.
func KeyHolders(c *cluster.Cluster, item string) (hosts []string) {
	for _, p := range Places(c) {
		if p.Item == item && p.Key && !slices.Contains(hosts, p.Host) {
			hosts = append(hosts, p.Host)
		}
	}
	return hosts
}

// SecretHalves returns the generations of an item whose private key, or secret, is in the file of an item of
// KeysOn: of Secrets all that API servers read, of others the one that is used. Public halves are no keys.
func SecretHalves(item pki.Item) []pki.Generation {
	if item.Request.Name == SecretsKey {
		return item.Trusted()
	}
	return item.All()[:1]
}
