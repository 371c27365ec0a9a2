// Package otherclusters compares a cluster with those rendered beside it.
package otherclusters

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/document"
	"hagen/gen/encode"
	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/review/rendered"
	"hagen/out/tree"
	"hagen/profiles"
)

// Refuse refuses a cluster beside another one that has the same virtual IP, or
// the same virtual router ID on what looks like the same network: each would
// take the other's adverts for its own. It also refuses a static address or MAC
// address of another cluster's machine.
func Refuse(file, dir string, c *cluster.Cluster) error {
	statics := staticsOf(c)
	if len(c.Balancing.VirtualIPs) == 0 && len(statics) == 0 {
		return nil
	}
	var routers []router
	var faults []error
	told := map[string]bool{}             // report one of several owners
	lock, _ := clusterfile.ReadLock(file) // opening the PKI reports its errors
	ours := slices.Concat(slices.Collect(maps.Values(clusterpki.LockedIDs(lock.Keys)))...)
	formers := map[string]bool{} // directories with the cluster's own keys: it may have been renamed
	for _, path := range trees.SiblingDocuments(dir) {
		beside := filepath.Dir(filepath.Dir(path))
		if _, known := formers[beside]; !known {
			theirs := trees.AuthoritiesIn(tree.Files(beside))
			formers[beside] = len(theirs) > 0 && !slices.ContainsFunc(theirs, func(id string) bool { return !slices.Contains(ours, id) })
		}
		n, ok := readDocument(path)
		if !ok {
			continue
		}
		name := n.Name
		if !formers[beside] {
			name = ownName(path, n.Name, c.Name)
		}
		for _, i := range network.Interfaces(n) {
			faults = append(faults, taken(file, statics, path, name, i, told)...)
		}
		for _, r := range read.VirtualRouters([]node.Node{n}) {
			routers = append(routers, router{path, r})
		}
	}
	return errors.Join(append(faults, otherRouters(file, c, routers)...)...)
}

// router is a virtual router of another cluster, and the document that
// defines it.
type router struct {
	path string
	read.VirtualRouter
}

// staticsOf returns the host of each static address and each MAC address.
func staticsOf(c *cluster.Cluster) map[string]cluster.Host {
	statics := map[string]cluster.Host{}
	for _, h := range c.Hosts() {
		for _, i := range h.Interfaces {
			if i.MAC != "" {
				statics[i.MAC] = h
			}
			for _, a := range i.Addresses {
				statics[a.Addr().String()] = h
			}
		}
	}
	return statics
}

// ownName returns the name of a document's machine if another render of the same
// cluster may have written it; "" if it is another cluster's.
func ownName(path, name, ours string) string {
	for _, format := range []string{profiles.Butane, profiles.UserData} {
		beside := filepath.Join(filepath.Dir(path), filepath.Base(document.Path(name, format)))
		if theirs, _, _ := rendered.Head(trees.Document(beside)); theirs != "" && theirs != ours {
			return ""
		}
	}
	return name
}

// taken refuses the addresses of a machine that another host of the cluster
// has, too.
func taken(file string, statics map[string]cluster.Host, path, name string, i node.Interface, told map[string]bool) (faults []error) {
	claimed := []string{i.MAC}
	for _, a := range i.Addresses {
		claimed = append(claimed, a.Addr().String())
	}
	for _, what := range claimed {
		if h, both := statics[what]; both && h.Name != name && !told[what] {
			told[what] = true
			faults = append(faults, exit.Usage("%s:%d:%d: %s: %s of %s also belongs to a machine of another cluster (%s): give each machine its own, or name another directory with -o",
				file, h.At.Line, h.At.Column, h.At.Path, what, h.Name, path))
		}
	}
	return faults
}

func otherRouters(file string, c *cluster.Cluster, routers []router) (faults []error) {
	own := c.Balancing
	if len(own.VirtualIPs) == 0 {
		return nil
	}
	at, told := own.AddressAt, map[netip.Addr]bool{}
	numbers := map[string]string{} // virtual router IDs on the network, each with a document that uses it
	for _, other := range routers {
		address, err := netip.ParseAddr(other.Address)
		if err != nil || ownRouter(c, other.VirtualRouter) {
			continue
		}
		if slices.Contains(own.VirtualIPs, address) && !told[address] {
			told[address] = true
			faults = append(faults, exit.Usage("%s:%d:%d: %s: %s is also the virtual IP of another cluster (%s): give each cluster its own",
				file, at.Line, at.Column, at.Path, address, other.path))
		}
		if slices.ContainsFunc(own.VirtualIPs, func(vip netip.Addr) bool { return c.OneNetwork(vip, address) }) {
			numbers[other.ID] = fmt.Sprintf("%s, for %s", other.path, address)
		}
	}
	taken, clash := numbers[strconv.Itoa(own.RouterID)]
	if !clash {
		return faults
	}
	free := own.RouterID%255 + 1
	for numbers[strconv.Itoa(free)] != "" && free != own.RouterID {
		free = free%255 + 1
	}
	at = own.RouterAt
	return append(faults, exit.Usage("%s:%d:%d: %s: another cluster on the same network also uses the virtual router ID %d (%s): write another loadBalancer.virtualRouterID, for example %d",
		file, at.Line, at.Column, at.Path, own.RouterID, taken, free))
}

// ownRouter reports whether a virtual router is a machine of this cluster, from
// another render under another name.
func ownRouter(c *cluster.Cluster, r read.VirtualRouter) bool {
	return slices.ContainsFunc(c.Hosts(), func(h cluster.Host) bool {
		return h.Name == r.Host && slices.ContainsFunc(h.Addresses, func(a netip.Addr) bool { return a.String() == r.Source })
	})
}

// readDocument reads a document, if it configures a network or a virtual
// router.
func readDocument(path string) (node.Node, bool) {
	text := trees.Document(path)
	says := slices.ContainsFunc([]string{"/keepalived.conf", ".nmconnection", ".network"}, func(name string) bool { return bytes.Contains(text, []byte(name)) })
	if !says && !encode.Carries(text) { // a carried document may
		return node.Node{}, false
	}
	n, err := encode.ReadIgnition(text, profiles.Systems()[0])
	if err != nil {
		n, err = encode.ReadUserData(text)
	}
	return n, err == nil
}
