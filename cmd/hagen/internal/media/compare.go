package media

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/out/review/rendered"
)

// compare refuses a tree that was rendered from another cluster file, as far as boot
// media depend on it.
func compare(c *cluster.Cluster, file, dir string, found rendered.Tree) error {
	var faults []string
	if found.Cluster != "" && found.Cluster != c.Name {
		faults = append(faults, fmt.Sprintf("it is of the cluster %s, and %s of %s", found.Cluster, file, c.Name))
	}
	for _, h := range c.Hosts() {
		i := slices.IndexFunc(found.Hosts, func(f rendered.Host) bool { return f.Node.Name == h.Name })
		if i < 0 {
			faults = append(faults, fmt.Sprintf("it has no document of %s", h.Name))
			continue
		}
		at := found.Hosts[i]
		switch {
		case !at.For(h.OS):
			faults = append(faults, fmt.Sprintf("%s has a document for another operating system than %s", h.Name, h.OS.Summary))
		case !sameNetwork(h, at.Node):
			faults = append(faults, fmt.Sprintf("%s has other static addresses there", h.Name))
		default:
			faults = append(faults, erased(h, at.Node)...)
		}
	}
	for _, f := range found.Hosts {
		if !slices.Contains(names(c), f.Node.Name) {
			faults = append(faults, fmt.Sprintf("it has %s, which %s does not list", f.Node.Name, file))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return exit.No("%s was rendered from another cluster file than %s:\n  %s\nRender again, and review that", dir, file, strings.Join(faults, "\n  "))
}

// sameNetwork reports whether a machine's documents have the static interfaces that the
// cluster file says.
func sameNetwork(h cluster.Host, n node.Node) bool {
	have := network.Interfaces(n)
	wanted := control.Interfaces(h)
	if len(have) != len(wanted) {
		return false
	}
	for _, i := range wanted {
		want := network.File(i, h.OS.Network)
		if !slices.ContainsFunc(n.Files, func(f node.File) bool { return f.Path == want.Path && bytes.Equal(f.Contents, want.Contents) }) {
			return false
		}
	}
	return true
}
