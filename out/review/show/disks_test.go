package show

import (
	"slices"
	"strings"
	"testing"

	"hagen/gen/node"
	"hagen/out/review/order"
)

// TestDisks: a changed disk is told by name, cannot be had in place, and
// comes with a word about the data.
func TestDisks(t *testing.T) {
	const host, device = "kubem00", "/dev/disk/by-partlabel/etcd"
	clone := func(n *node.Node) {
		n.Disks, n.Filesystems, n.Mounts = slices.Clone(n.Disks), slices.Clone(n.Filesystems), slices.Clone(n.Mounts)
		for i := range n.Disks {
			n.Disks[i].Partitions = slices.Clone(n.Disks[i].Partitions)
		}
	}
	for _, test := range []struct {
		what string
		edit func(*node.Node)
		want []string
	}{
		{"partition", func(n *node.Node) { n.Disks[0].Partitions[0].SizeMiB = 16384 }, []string{
			"~ disk /dev/disk/by-id/coreos-boot-disk", "4 root of 16384 MiB resized", "→ has to be re-imaged: only the first boot does it", "changes: Ignition fails"}},
		{"table wiped", func(n *node.Node) { n.Disks[0].WipeTable = true }, []string{
			"an existing table changed from kept if it fits, else an error to wiped", "every re-image erases it"}},
		{"filesystem wiped", func(n *node.Node) { n.Filesystems[1].Wipe = true }, []string{
			"~ filesystem " + device, "every re-image erases it"}},
		{"format", func(n *node.Node) { n.Filesystems[1].Format, n.Mounts[1].Format = "xfs", "xfs" }, []string{
			"format changed from ext4 to xfs", "changes: Ignition fails on a disk", "~ mount /var/lib/etcd"}},
		{"another device", func(n *node.Node) { n.Mounts[1].Device = "/dev/disk/by-id/b" }, []string{
			"device changed from " + device + " to /dev/disk/by-id/b", "move its data first"}},
		{"no disk any more", func(n *node.Node) {
			n.Disks, n.Filesystems, n.Mounts = nil, nil, nil
		}, []string{"- disk ", "- filesystem " + device, "- mount /var/lib/etcd", "move its data first"}},
	} {
		before, after := side(t, "disks"), side(t, "disks")
		for i := range after.Machines {
			if after.Machines[i].Name == host {
				clone(&after.Machines[i])
				test.edit(&after.Machines[i])
			}
		}
		text := Text(order.Of(before, after), Heading{Cluster: "c", Before: "old", After: "new"}, Style{})
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", test.what, want, text)
			}
		}
	}
}
