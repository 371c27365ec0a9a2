package control

import (
	"slices"

	"hagen/gen/cluster"
	"hagen/profiles"
)

// Access names the certificates and the key for requests to etcd: as items of the
// PKI, and as paths of the same files on a master, where root can read them.
type Access struct {
	Authority, Client                             string // names of items of the PKI
	Bundle                                        string // file of the PKI with all authorities that are trusted, if there are several
	AuthorityPath, CertificatePath, ClientKeyPath string
}

// EtcdAccess returns the client certificate of a master's API server for its etcd,
// which exists in every profile, in the PKI and on the machine.
func EtcdAccess(c *cluster.Cluster, h cluster.Host) Access {
	return EtcdAccessOf(c.Profile.Name, h.Name)
}

// EtcdAccessOf is EtcdAccess for a master of which no cluster file is at hand.
func EtcdAccessOf(profile, master string) Access {
	rows := tablesOf[profile].role(cluster.Master).certificates
	at := func(stem string) certificate {
		return rows[slices.IndexFunc(rows, func(r certificate) bool { return r.stem == stem })]
	}
	client := at("etcd-client")
	authority := at(client.authority)
	a := Access{
		Authority: authority.name(""), Bundle: authority.name("") + "/trust.pem", Client: client.name(master), AuthorityPath: authority.placed[len(authority.placed)-1].path,
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

// ItemAt returns the item of the PKI whose certificate is in a file of a host; "" if none
// is.
func ItemAt(profile string, role cluster.Role, host, path string) string {
	for _, r := range tablesOf[profile].role(role).certificates {
		if slices.ContainsFunc(r.placed, func(p placement) bool { return p.part == theCertificate && p.path == path }) {
			return r.name(host)
		}
	}
	return ""
}

// AsksAPI3 reports whether etcdctl of a release has to be asked for version 3 of
// the API: it is the default since etcd 3.4 (CHANGELOG-3.4).
func AsksAPI3(etcd profiles.Version) bool {
	return etcd.Compare(profiles.Version{Major: 3, Minor: 4}) < 0
}

// EtcdURL returns the URL at which clients on other machines dial a host's etcd.
func EtcdURL(c *cluster.Cluster, h cluster.Host) string { return etcdClientURL(c, h) }

// EtcdPeerURL returns the URL at which its peers dial a host's etcd.
func EtcdPeerURL(c *cluster.Cluster, h cluster.Host) string { return etcdPeerURL(c, h) }
