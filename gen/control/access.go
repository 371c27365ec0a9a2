package control

import (
	"slices"

	"hagen/gen/cluster"
)

// Access is what somebody needs to ask etcd. Names are those of the PKI's
// items; paths are where the same stands on a master, for root.
type Access struct {
	Authority, Client                             string // names of the items of the PKI
	AuthorityPath, CertificatePath, ClientKeyPath string
}

// EtcdAccess gives the client certificate that a master's API server has for
// its etcd: the one that every profile has, on the desk and on the machine.
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

// EtcdURL is where others dial a host's etcd as clients.
func EtcdURL(c *cluster.Cluster, h cluster.Host) string { return etcdClientURL(c, h) }

// EtcdPeerURL is where a host's etcd is known to its peers.
func EtcdPeerURL(c *cluster.Cluster, h cluster.Host) string { return etcdPeerURL(c, h) }
