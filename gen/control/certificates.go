package control

import (
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
)

// pair places a certificate for everybody and its key for one user.
func pair(dir, stem, user string, mode fs.FileMode) []placement {
	return []placement{
		{theCertificate, path.Join(dir, stem+".pem"), "", "", 0o644},
		{theKey, path.Join(dir, stem+"-key.pem"), user, user, mode},
	}
}

// public places a certificate, never its key.
func public(paths ...string) []placement {
	var out []placement
	for _, p := range paths {
		out = append(out, placement{theCertificate, p, "", "", 0o644})
	}
	return out
}

func authorityLife(p cluster.PKI) time.Duration { return p.CAExpiry }
func leafLife(p cluster.PKI) time.Duration      { return p.Expiry }
func adminLife(p cluster.PKI) time.Duration     { return p.AdminLife }

// Folders of the store: see docs/pki.md.
const (
	storeAuthorities = "authorities"
	storeCluster     = "cluster"
	storeHosts       = "hosts"
)

// name returns the row's place in the store.
func (r certificate) name(host string) string {
	switch {
	case r.kind == pki.Authority:
		return path.Join(storeAuthorities, r.stem, "ca")
	case r.perHost:
		return path.Join(storeHosts, host, r.stem)
	default:
		return path.Join(storeCluster, r.stem)
	}
}

// request fills in a row for one host; a row of the whole cluster ignores the host.
func (r certificate) request(c *cluster.Cluster, h cluster.Host) pki.Request {
	req := pki.Request{Name: r.name(h.Name), Kind: r.kind, Profile: r.profile}
	if r.kind != pki.Secret {
		req.Algorithm = c.PKI.Algorithm
	}
	switch r.kind {
	case pki.Authority:
		s := c.PKI.Subject
		req.Subject = pki.Subject{
			CommonName: s.CommonName + r.cn, OrganizationalUnit: s.OrganizationalUnit,
			Country: s.Country, Province: s.State, Locality: s.Locality,
		}
		if s.Organization != "" {
			req.Subject.Organization = []string{s.Organization}
		}
	case pki.Leaf:
		req.Authority = path.Join(storeAuthorities, r.authority, "ca")
		req.Subject.CommonName = r.cn
		if group := r.group(c, req.Name); group != "" {
			req.Subject.Organization = []string{group}
		}
	}
	if r.life != nil {
		req.Lifetime = r.life(c.PKI)
	}
	if r.sans != nil {
		names, addresses := r.sans(c, h)
		req.DNSNames, req.IPAddresses = unique(names), unique(addresses)
	}
	return req
}

// Requests lists every certificate and key that the cluster needs: first those that
// all machines share, then host by host.
func Requests(c *cluster.Cluster) []pki.Request { return tablesOf[c.Profile.Name].requests(c) }

func (p profileTables) requests(c *cluster.Cluster) []pki.Request {
	var shared, own []pki.Request
	share := func(rows []certificate) {
		for _, r := range rows {
			known := slices.ContainsFunc(shared, func(q pki.Request) bool { return q.Name == r.name("") })
			if !r.perHost && !known { // roles may share a row
				shared = append(shared, r.request(c, cluster.Host{}))
			}
		}
	}
	for _, r := range p.roles {
		if len(c.Of(r.name)) > 0 {
			share(r.certificates)
		}
	}
	share(p.certificates)
	for _, h := range c.Hosts() {
		for _, r := range p.role(h.Role).certificates {
			if r.perHost {
				own = append(own, r.request(c, h))
			}
		}
	}
	return append(shared, own...)
}

// certificateFiles places the rows of a role on a machine.
func certificateFiles(s hostContext, rows []certificate, set pki.Set) ([]node.File, error) {
	var files []node.File
	for _, r := range rows {
		item, found := set[r.name(s.host.Name)]
		if !found && len(r.placed) > 0 {
			return nil, fmt.Errorf("no certificate or key %s was issued", r.name(s.host.Name))
		}
		for _, p := range r.placed {
			files = append(files, node.File{
				Origin: node.Origin{Section: r.section, From: "certificate " + r.stem, Why: r.why},
				Path:   p.path, User: p.user, Group: p.group, Mode: p.mode,
				Contents: p.part.of(item, set), Secret: p.part.holdsKey(),
			})
			r.why = "" // only the first file has it
		}
	}
	return files, nil
}

// of returns the part of an item. Behind a leaf is what its authority's predecessor has signed, if there
// is one.
func (p part) of(item pki.Item, set pki.Set) []byte {
	switch p {
	case theKey:
		return item.Key
	case thePublicHalf:
		return publicHalves(item, true)
	case theKeyThenPublicHalves:
		return append(slices.Clone(item.Key), publicHalves(item, false)...)
	}
	if item.Request.Kind == pki.Authority {
		return trustedAuthorities(item)
	}
	authority := set[item.Request.Authority]
	if len(authority.Generations) == 0 {
		return item.Cert
	}
	return append(slices.Clone(item.Cert), authority.Behind(item)...)
}

// frontSANs returns the names and addresses of the endpoint and of all machines with
// HAProxy, which clients dial instead of an API server itself. In mode colocated a
// client that dials one master may reach another one's API server.
func frontSANs(c *cluster.Cluster) (names []string, addresses []netip.Addr) {
	names = frontNames(c)
	if c.Endpoint.Address.IsValid() {
		addresses = append(addresses, c.Endpoint.Address)
	}
	addresses = append(addresses, slices.Concat(c.Balancing.VirtualIPs, c.Balancing.PublicIPs)...)
	for _, f := range c.HAProxyHosts() {
		names = append(names, c.Names(f)...)
		addresses = append(addresses, f.Addresses...)
	}
	return names, addresses
}

// serverSANs returns the SANs that all API servers share, with those that they keep
// for clients which use earlier names.
func serverSANs(c *cluster.Cluster) (names []string, addresses []netip.Addr) {
	names, addresses = askedSANs(c)
	return append(names, c.APIServer.FormerNames...), append(addresses, c.APIServer.FormerAddresses...)
}

// askedSANs are those of serverSANs that the cluster file asks for.
func askedSANs(c *cluster.Cluster) (names []string, addresses []netip.Addr) {
	names, addresses = frontSANs(c)
	names = append(names, c.ServiceNames()...)
	addresses = append(addresses, slices.Concat(c.FirstServices(), c.Loopbacks())...)
	return append(names, c.APIServer.ExtraNames...), append(addresses, c.APIServer.ExtraAddresses...)
}
