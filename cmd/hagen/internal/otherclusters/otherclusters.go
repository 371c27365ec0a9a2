// Package otherclusters looks at what is rendered beside a cluster.
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

// Refuse refuses a cluster that is to be rendered beside another one with
// the same virtual IP, or with the same number of its virtual router on what
// looks like the same network: the two would take the other's adverts for
// their own. A static address or a MAC address is one machine's, too.
func Refuse(file, dir string, c *cluster.Cluster) error {
	statics := staticsOf(c)
	if len(c.Balancing.VirtualIPs) == 0 && len(statics) == 0 {
		return nil
	}
	var routers []neighbour
	var faults []error
	told := map[string]bool{}             // one that has it is enough
	lock, _ := clusterfile.ReadLock(file) // whoever opens the PKI tells what is wrong with it
	ours := slices.Collect(maps.Values(clusterpki.IDs(lock.Keys)))
	formers := map[string]bool{} // directories with the cluster's own keys: it may have been renamed
	for _, path := range trees.Beside(dir) {
		beside := filepath.Dir(filepath.Dir(path))
		if _, known := formers[beside]; !known {
			theirs := trees.AuthoritiesIn(tree.Files(beside))
			formers[beside] = len(theirs) > 0 && !slices.ContainsFunc(theirs, func(id string) bool { return !slices.Contains(ours, id) })
		}
		n, ok := readNeighbour(path)
		if !ok {
			continue
		}
		name := n.Name
		if !formers[beside] {
			name = itself(path, n.Name, c.Name)
		}
		for _, i := range network.Interfaces(n) {
			faults = append(faults, taken(file, statics, path, name, i, told)...)
		}
		for _, r := range read.VirtualRouters([]node.Node{n}) {
			routers = append(routers, neighbour{path, r})
		}
	}
	return errors.Join(append(faults, otherRouters(file, c, routers)...)...)
}

// neighbour is a virtual router of another cluster, and the document that says
// so.
type neighbour struct {
	path string
	read.VirtualRouter
}

// staticsOf gives whose each static address and each MAC address is, by its
// text.
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

// itself is the name of a document's machine if another render of the same
// cluster may have written it; "" if it is another cluster's.
func itself(path, name, ours string) string {
	for _, format := range []string{profiles.Butane, profiles.UserData} {
		beside := filepath.Join(filepath.Dir(path), filepath.Base(document.Path(name, format)))
		if theirs, _, _ := rendered.Head(trees.Document(beside)); theirs != "" && theirs != ours {
			return ""
		}
	}
	return name
}

// taken refuses what a machine has that is not the cluster's own one of the
// name.
func taken(file string, statics map[string]cluster.Host, path, name string, i node.Interface, told map[string]bool) (faults []error) {
	claimed := []string{i.MAC}
	for _, a := range i.Addresses {
		claimed = append(claimed, a.Addr().String())
	}
	for _, what := range claimed {
		if h, both := statics[what]; both && h.Name != name && !told[what] {
			told[what] = true
			faults = append(faults, exit.Usage("%s:%d:%d: %s: %s of %s is that of a machine of another cluster, too (%s): give each machine its own, or name another directory with -o",
				file, h.At.Line, h.At.Column, h.At.Path, what, h.Name, path))
		}
	}
	return faults
}

func otherRouters(file string, c *cluster.Cluster, routers []neighbour) (faults []error) {
	own := c.Balancing
	if len(own.VirtualIPs) == 0 {
		return nil
	}
	at, told := own.AddressAt, map[netip.Addr]bool{}
	numbers := map[string]string{} // of virtual routers on the network, with a document that says so
	for _, other := range routers {
		address, err := netip.ParseAddr(other.Address)
		if err != nil || ownRouter(c, other.VirtualRouter) {
			continue
		}
		if slices.Contains(own.VirtualIPs, address) && !told[address] {
			told[address] = true
			faults = append(faults, exit.Usage("%s:%d:%d: %s: %s is the virtual IP of another cluster, too (%s): give each cluster its own",
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
	return append(faults, exit.Usage("%s:%d:%d: %s: the virtual router has number %d, and so has another cluster's on the same network (%s): write another loadBalancer.virtualRouterID, for example %d",
		file, at.Line, at.Column, at.Path, own.RouterID, taken, free))
}

// ownRouter says whether a virtual router is a machine of the cluster: another
// render of it, under another name.
func ownRouter(c *cluster.Cluster, r read.VirtualRouter) bool {
	return slices.ContainsFunc(c.Hosts(), func(h cluster.Host) bool {
		return h.Name == r.Host && slices.ContainsFunc(h.Addresses, func(a netip.Addr) bool { return a.String() == r.Source })
	})
}

// readNeighbour reads a document, if it is one that says anything of a network.
func readNeighbour(path string) (node.Node, bool) {
	text := trees.Document(path)
	says := slices.ContainsFunc([]string{"/keepalived.conf", ".nmconnection", ".network"}, func(name string) bool { return bytes.Contains(text, []byte(name)) })
	if !says && !encode.Carries(text) { // one that it carries may
		return node.Node{}, false
	}
	n, err := encode.ReadIgnition(text, profiles.Systems()[0])
	if err != nil {
		n, err = encode.ReadUserData(text)
	}
	return n, err == nil
}
