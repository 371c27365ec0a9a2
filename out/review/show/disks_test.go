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
			"~ disk /dev/disk/by-id/coreos-boot-disk", "4 root of 16384 MiB resized", "→ has to be re-imaged: done once, at the first boot", "is described otherwise: Ignition fails"}},
		{"table wiped", func(n *node.Node) { n.Disks[0].WipeTable = true }, []string{
			"the table that is there changed from kept, or a fault to wiped", "what is on it is erased whenever the machine is made anew"}},
		{"filesystem wiped", func(n *node.Node) { n.Filesystems[1].Wipe = true }, []string{
			"~ filesystem " + device, "what is on it is erased"}},
		{"format", func(n *node.Node) { n.Filesystems[1].Format, n.Mounts[1].Format = "xfs", "xfs" }, []string{
			"format changed from ext4 to xfs", "is described otherwise", "~ mount /var/lib/etcd"}},
		{"another device", func(n *node.Node) { n.Mounts[1].Device = "/dev/disk/by-id/b" }, []string{
			"device changed from " + device + " to /dev/disk/by-id/b", "move what is there before"}},
		{"no disk any more", func(n *node.Node) {
			n.Disks, n.Filesystems, n.Mounts = nil, nil, nil
		}, []string{"- disk ", "- filesystem " + device, "- mount /var/lib/etcd", "move what is there before"}},
	} {
		before, after := side(t, "disks"), side(t, "disks")
		for i := range after.Machines {
			if after.Machines[i].Name == host {
				clone(&after.Machines[i])
				test.edit(&after.Machines[i])
			}
		}
		text := Text(order.Of(before, after), Heading{"c", "old", "new"}, Style{})
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", test.what, want, text)
			}
		}
	}
}
