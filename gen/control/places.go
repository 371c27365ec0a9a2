package control

import (
	"path"
	"slices"

	"hagen/gen/cluster"
)

// Placed is a file of a machine that has a part of an item of the PKI.
type Placed struct {
	Item, Host, Path string
	Key              bool // it has the private key, or the secret
}

// Places lists the files of all machines that have parts of items.
func Places(c *cluster.Cluster) (all []Placed) {
	tables := tablesOf[c.Profile.Name]
	for _, h := range c.Hosts() {
		for _, r := range tables.role(h.Role).certificates {
			for _, p := range r.placed {
				all = append(all, Placed{r.name(h.Name), h.Name, p.path, p.part.holdsKey()})
			}
		}
	}
	for _, h := range c.APIServers() {
		for _, r := range tables.certificates {
			if r.within != "" {
				all = append(all, Placed{r.name(h.Name), h.Name, r.within, true})
			}
		}
	}
	for _, h := range c.HAProxyHosts() {
		if verifiesServers(haproxyText(tables.at(c, Options{}, h), tables.haproxy)) {
			all = append(all, Placed{ClusterAuthority, h.Name, balancerCA, false})
		}
	}
	return all
}

// ItemIn returns the item of the PKI whose certificate is in a file of a host, by the paths
// of all its files with certificates; "" if that is not known.
func ItemIn(paths []string, host, path string) string {
	if path == balancerCA {
		return ClusterAuthority
	}
	return ItemAt(profileWith(cluster.Master, paths), cluster.Master, host, path)
}

// profileWith returns the profile whose machines of a role have certificates in files of
// these paths; "" if none is such. The files may be more: somebody may have added some.
func profileWith(role cluster.Role, paths []string) (profile string) {
	most := 0
	for name, tables := range tablesOf {
		var placed []string
		for _, r := range tables.role(role).certificates {
			for _, p := range r.placed {
				if p.part == theCertificate {
					placed = append(placed, p.path)
				}
			}
		}
		if len(placed) > most && len(missing(placed, paths)) == 0 {
			profile, most = name, len(placed)
		}
	}
	return profile
}

// HostOf returns the host that alone has an item of the PKI; "" if machines share it.
func HostOf(item string) string {
	if dir := path.Dir(item); path.Dir(dir) == storeHosts {
		return path.Base(dir)
	}
	return ""
}

// Servers are the items of the PKI whose certificates a master's daemons show.
type Servers struct{ API, Etcd string }

// ServersOf returns those of a master of a cluster.
func ServersOf(c *cluster.Cluster, master string) (s Servers) {
	rows := tablesOf[c.Profile.Name].role(cluster.Master).certificates
	name := func(stem string) string {
		return rows[slices.IndexFunc(rows, func(r certificate) bool { return r.stem == stem })].name(master)
	}
	return Servers{name(serverStem), name(etcdStem)}
}

const etcdStem = "etcd-server"
