package cluster

import (
	"net/netip"
	"slices"
)

// KeepGroups returns the cluster with certificates, named as in the store, that stay in the
// group in which an earlier hagen issued them. The cluster itself does not change.
func (c *Cluster) KeepGroups(names []string) *Cluster {
	with := *c
	with.PKI.FormerGroups = names
	return &with
}

// Keep returns the cluster with names and addresses that the certificates of all API
// servers keep, besides those that the cluster file asks for: clients may dial them.
// The loopback is not kept. The cluster itself does not change.
func (c *Cluster) Keep(names []string) *Cluster {
	with := *c
	with.APIServer.FormerNames, with.APIServer.FormerAddresses = nil, nil
	for _, name := range names {
		address, err := netip.ParseAddr(name)
		switch {
		case err != nil:
			with.APIServer.FormerNames = append(with.APIServer.FormerNames, name)
		case !slices.Contains(c.Loopbacks(), address):
			with.APIServer.FormerAddresses = append(with.APIServer.FormerAddresses, address)
		}
	}
	return &with
}
