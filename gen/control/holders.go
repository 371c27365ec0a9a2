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
