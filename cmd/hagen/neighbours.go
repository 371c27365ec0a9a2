package main

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"hagen/gen"
	"hagen/gen/check"
	"hagen/gen/cluster"
	"hagen/gen/encode"
	"hagen/gen/node"
	"hagen/out"
	"hagen/profiles"
)

// neighbours refuses a cluster that is to be rendered beside another one with
// the same virtual IP, or with the same number of its virtual router on what
// looks like the same network: the two would take the other's adverts for
// their own.
func neighbours(file, dir string, c *cluster.Cluster) error {
	own := c.Balancing
	if !own.VirtualIP.IsValid() {
		return nil
	}
	at := own.AddressAt
	network, _ := own.VirtualIP.Prefix(cluster.OneNetwork)
	numbers := map[string]string{} // of virtual routers on the network, with a document that says so
	for _, path := range documentsBeside(dir) {
		for _, other := range virtualRouters(path) {
			address, err := netip.ParseAddr(other.Address)
			if err != nil || itself(c, other) {
				continue
			}
			if address == own.VirtualIP {
				return usage("%s:%d:%d: %s: %s is the virtual IP of another cluster, too (%s): give each cluster its own",
					file, at.Line, at.Column, at.Path, address, path)
			}
			if network.Contains(address) {
				numbers[other.ID] = fmt.Sprintf("%s, for %s", path, address)
			}
		}
	}
	taken, clash := numbers[strconv.Itoa(own.RouterID)]
	if !clash {
		return nil
	}
	free := own.RouterID%255 + 1
	for numbers[strconv.Itoa(free)] != "" && free != own.RouterID {
		free = free%255 + 1
	}
	at = own.RouterAt
	return usage("%s:%d:%d: %s: the virtual router has number %d, and so has another cluster's on the same network (%s): write another loadBalancer.virtualRouterID, for example %d",
		file, at.Line, at.Column, at.Path, own.RouterID, taken, free)
}

// itself says whether a virtual router is a machine of the cluster: another
// render of it, under another name.
func itself(c *cluster.Cluster, r check.VirtualRouter) bool {
	return slices.ContainsFunc(c.Hosts(), func(h cluster.Host) bool {
		return h.Name == r.Host && h.Address().String() == r.Source
	})
}

// documentsBeside lists the Ignition documents of the clusters that are
// rendered into the same directory as dir. What cannot be listed is nobody's,
// and twins may be of this cluster itself.
func documentsBeside(dir string) []string {
	var paths []string
	dir = filepath.Clean(dir)
	clusters, _ := os.ReadDir(filepath.Dir(dir))
	for _, c := range clusters {
		beside := filepath.Join(filepath.Dir(dir), c.Name())
		if beside == dir {
			continue
		}
		if _, twins := out.Holds(os.DirFS(beside)); twins {
			continue
		}
		hosts, _ := os.ReadDir(beside)
		for _, h := range hosts {
			paths = append(paths, filepath.Join(beside, filepath.FromSlash(gen.Path(h.Name(), profiles.Ignition))))
		}
	}
	return paths
}

// maxDocument is how much of a file is read to find out whether it is a
// document of hagen's.
const maxDocument = 4 << 20

// virtualRouters reads what a document says, if it is one that says anything.
func virtualRouters(path string) []check.VirtualRouter {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxDocument))
	if err != nil || !bytes.Contains(text, []byte("/keepalived.conf")) {
		return nil
	}
	n, err := encode.ReadIgnition(text, profiles.Systems()[0])
	if err != nil {
		return nil
	}
	return check.VirtualRouters([]node.Node{n})
}
