package control

import (
	"slices"

	"hagen/gen/cluster"
)

// Access names the certificates and the key for requests to etcd: as items of the
// PKI, and as paths of the same files on a master, where root can read them.
type Access struct {
	Authority, Client                             string // names of items of the PKI
	AuthorityPath, CertificatePath, ClientKeyPath string
}

// EtcdAccess returns the client certificate of a master's API server for its etcd,
// which exists in every profile, in the PKI and on the machine.
func EtcdAccess(c *cluster.Cluster, h cluster.Host) Access {
	rows := tablesOf[c.Profile.Name].role(h.Role).certificates
	at := func(stem string) certificate {
		return rows[slices.IndexFunc(rows, func(r certificate) bool { return r.stem == stem })]
	}
	client := at("etcd-client")
	authority := at(client.authority)
	a := Access{
		Authority: authority.name(""), Client: client.name(h.Name), AuthorityPath: authority.placed[len(authority.placed)-1].path,
	}
	for _, p := range client.placed {
		if p.part == theKey {
			a.ClientKeyPath = p.path
		} else {
			a.CertificatePath = p.path
		}
	}
	return a
}

// EtcdURL returns the URL at which clients on other machines dial a host's etcd.
func EtcdURL(c *cluster.Cluster, h cluster.Host) string { return etcdClientURL(c, h) }

// EtcdPeerURL returns the URL at which its peers dial a host's etcd.
func EtcdPeerURL(c *cluster.Cluster, h cluster.Host) string { return etcdPeerURL(c, h) }
