package clusterpki

import (
	"fmt"
	"path/filepath"
	"slices"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/pki"
)

// Without returns the names of machines that are off, each once. It refuses names that the cluster
// does not have, and all masters.
func Without(c *cluster.Cluster, names []string) ([]string, error) {
	var known, masters []string
	for _, h := range c.Hosts() {
		known = append(known, h.Name)
	}
	if err := exit.AllKnown("host", names, known); err != nil {
		return nil, err
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for _, h := range c.Members() {
		if !slices.Contains(names, h.Name) {
			masters = append(masters, h.Name)
		}
	}
	if len(masters) == 0 {
		return nil, exit.Usage("--without leaves no master: name only machines that are off")
	}
	return names, nil
}

// leftOut lists the machines that lack documents of an item's last rotation.
func leftOut(item pki.Item) (hosts []string) {
	if len(item.Generations) == 0 {
		return nil
	}
	for _, step := range item.Generations[len(item.Generations)-1].Steps {
		hosts = append(hosts, step.Without...)
	}
	return slices.Compact(slices.Sorted(slices.Values(hosts)))
}

// comeBack says how the machines come back that were left out.
func (r rotation) comeBack(c *cluster.Cluster) (needs []string) {
	for _, host := range r.Without {
		way := "boot it with its document in " + filepath.Join(TreeOf(r.at, r.Cluster), host)
		switch isHost := func(h cluster.Host) bool { return h.Name == host }; {
		case slices.ContainsFunc(c.Members(), isHost):
			way = r.at.Command("render", "--replace", host)
		case !slices.ContainsFunc(c.Hosts(), isHost):
			continue // it has left the cluster
		}
		needs = append(needs, fmt.Sprintf("%s was left out, and has documents of before: it must not come back with them. While it is off, plan without it (--without %[1]s); when all is done, and unless that was done already, %s", host, way))
	}
	return needs
}
