package cluster

import (
	"net/netip"
	"slices"
)

// Keep gives the cluster with names and addresses that the certificates of all
// API servers go on to carry, besides those that the cluster file asks for:
// clients may dial them. What a machine with an API server has of its own is
// left out, since that goes with the machine. The cluster itself stays as it is.
func (c *Cluster) Keep(names []string) *Cluster {
	with := *c
	with.APIServer.FormerNames, with.APIServer.FormerAddresses = nil, nil
	own := map[string]bool{}
	for _, h := range c.APIServers() {
		for _, name := range c.Names(h) {
			own[name] = true
		}
		for _, a := range h.Addresses {
			own[a.String()] = true
		}
	}
	for _, name := range names {
		address, err := netip.ParseAddr(name)
		switch {
		case own[name] || err == nil && (own[address.String()] || slices.Contains(c.Loopbacks(), address)):
		case err == nil:
			with.APIServer.FormerAddresses = append(with.APIServer.FormerAddresses, address)
		default:
			with.APIServer.FormerNames = append(with.APIServer.FormerNames, name)
		}
	}
	return &with
}
