package check_test

import (
	"slices"
	"testing"

	"hagen/gen/check"
	"hagen/gen/node"
)

// TestDisks breaks the disks of a good tree, one at a time.
func TestDisks(t *testing.T) {
	const host, etcdDevice, logs, data = "kubem00", "/dev/disk/by-partlabel/etcd", "/dev/disk/by-id/virtio-logs", "/var/lib/etcd"
	tree := fresh(t, "disks")
	unit := func(name, contents string) func(*node.Node) {
		return func(n *node.Node) {
			n.Units = append(n.Units, node.Unit{Name: name, Enabled: true, Contents: contents})
		}
	}
	etcd := func(old, new string) func(*testing.T, *good) {
		return func(t *testing.T, g *good) { g.edit(t, host, "etcd.service", old, new) }
	}
	etcdOn := func(n *node.Node, device string) { n.Filesystems[1].Device, n.Mounts[1].Device = device, device }
	on := func(do func(*node.Node)) func(*testing.T, *good) {
		return func(t *testing.T, g *good) { do(g.node(t, host)) }
	}
	for _, test := range []struct {
		name  string
		spoil func(*testing.T, *good)
		rule  string
		item  string
	}{
		{"disk twice", on(func(n *node.Node) { n.Disks = append(n.Disks, node.Disk{Device: n.Disks[0].Device}) }), "clash", "/dev/disk/by-id/coreos-boot-disk"},
		{"label twice", on(func(n *node.Node) {
			n.Disks = append(n.Disks, node.Disk{Device: "/dev/disk/by-id/b", Partitions: []node.Partition{{Number: 1, Label: "etcd"}}})
		}), "clash", "etcd"},
		{"filesystem twice", on(func(n *node.Node) { n.Filesystems = append(n.Filesystems, n.Filesystems[0]) }), "clash", logs},
		{"two mounts of one path", on(func(n *node.Node) { n.Mounts[0].Path = data }), "clash", data},
		{"a unit that mounts there, too", on(unit("var-lib-etcd.mount", "[Mount]\nWhat=/dev/sdb\nWhere=/var/lib/etcd\n[Install]\nWantedBy=local-fs.target\n")), "clash", "var-lib-etcd.mount"},
		{"mount over a file", on(func(n *node.Node) {
			n.Mounts[0].Path = "/etc/hostname/x"
		}), "clash", "/etc/hostname/x"},
		{"mount on what is read-only", on(func(n *node.Node) { n.Mounts[0].Path = "/usr/share/x" }), "read-only", "/usr/share/x"},
		{"mount of another device", on(func(n *node.Node) { n.Mounts[0].Device = "/dev/disk/by-id/other" }), "foreign-device", "/var/log/kube-apiserver"},
		{"filesystem of no partition", on(func(n *node.Node) { n.Disks = nil }), "foreign-device", etcdDevice},
		{"mount in another format", on(func(n *node.Node) { n.Mounts[0].Format = "ext4" }), "not-mounted", "/var/log/kube-apiserver"},
		{"mount removed", on(func(n *node.Node) {
			n.Mounts = slices.DeleteFunc(n.Mounts, func(m node.Mount) bool { return m.Path == data })
		}), "not-mounted", etcdDevice},
		{"mount elsewhere", on(func(n *node.Node) { n.Mounts[1].Path = "/var/lib/etcd2" }), "not-mounted", etcdDevice},
		{"etcd does not wait", etcd("RequiresMountsFor=/var/lib/etcd\n", ""), "mount-not-awaited", "etcd.service"},
		{"etcd waits for another", etcd("RequiresMountsFor=/var/lib/etcd\n", "RequiresMountsFor=/var/log\n"), "mount-not-awaited", "etcd.service"},
		{"etcd wants the mount", etcd("RequiresMountsFor=/var/lib/etcd\n", "Wants=var-lib-etcd.mount\nAfter=var-lib-etcd.mount\n"), "mount-not-awaited", "etcd.service"},
		{"API server does not wait", func(t *testing.T, g *good) {
			g.edit(t, host, "kube-apiserver.service", "RequiresMountsFor=/var/log/kube-apiserver\n", "")
		}, "mount-not-awaited", "kube-apiserver.service"},
		{"a unit that mounts later", func(t *testing.T, g *good) {
			g.edit(t, host, "etcd.service", "RequiresMountsFor=/var/lib/etcd\n", "")
			n := g.node(t, host)
			n.Mounts = n.Mounts[:1]
			unit("var-lib-etcd.mount", "[Mount]\nWhat=/dev/disk/by-partlabel/etcd\nWhere=/var/lib/etcd\nType=ext4\nOptions=noatime,nofail\n[Install]\nWantedBy=local-fs.target\n")(n)
		}, "mount-not-awaited", "etcd.service"},
		{"filesystem wiped", on(func(n *node.Node) { n.Filesystems[1].Wipe = true }), "disk-wiped", etcdDevice},
		{"table wiped", on(func(n *node.Node) { n.Disks[0].WipeTable = true }), "disk-wiped", "/dev/disk/by-id/coreos-boot-disk"},
		{"partition wiped", on(func(n *node.Node) {
			n.Disks[0].Partitions = slices.Clone(n.Disks[0].Partitions)
			n.Disks[0].Partitions[1].Wipe = true
		}), "disk-wiped", "/dev/disk/by-id/coreos-boot-disk"},
		{"disk of etcd's partition wiped", on(func(n *node.Node) {
			etcdOn(n, "/dev/disk/by-id/virtio-etcd-part2")
			n.Filesystems = append(n.Filesystems, node.Filesystem{Device: "/dev/disk/by-id/virtio-etcd", Format: "ext4", Wipe: true})
		}), "disk-wiped", "/dev/disk/by-id/virtio-etcd"},
		{"partition of etcd's disk wiped", on(func(n *node.Node) {
			etcdOn(n, "/dev/disk/by-id/virtio-etcd")
			n.Filesystems = append(n.Filesystems, node.Filesystem{Device: "/dev/disk/by-id/virtio-etcd-part1", Format: "ext4", Wipe: true})
		}), "disk-wiped", "/dev/disk/by-id/virtio-etcd-part1"},
		{"table of etcd's partition wiped", on(func(n *node.Node) {
			etcdOn(n, "/dev/disk/by-id/virtio-etcd-part2")
			n.Disks = append(n.Disks, node.Disk{Device: "/dev/disk/by-id/virtio-etcd", WipeTable: true})
		}), "disk-wiped", "/dev/disk/by-id/virtio-etcd"},
		{"table of etcd's disk wiped", on(func(n *node.Node) {
			etcdOn(n, "/dev/disk/by-id/virtio-etcd")
			n.Disks = append(n.Disks, node.Disk{Device: "/dev/disk/by-id/virtio-etcd", WipeTable: true})
		}), "disk-wiped", "/dev/disk/by-id/virtio-etcd"},
		{"number of etcd's partition wiped", on(func(n *node.Node) {
			etcdOn(n, "/dev/disk/by-id/virtio-etcd-part2")
			n.Disks = append(n.Disks, node.Disk{Device: "/dev/disk/by-id/virtio-etcd", Partitions: []node.Partition{{Number: 2, Label: "e", Wipe: true}}})
		}), "disk-wiped", "/dev/disk/by-id/virtio-etcd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := tree.clone()
			test.spoil(t, &g)
			expect(t, test.name, g, test.rule, host, test.item)
		})
	}
	// By name is as good as by path, and a disk that all wait for needs no word.
	for name, spoil := range map[string]func(*testing.T, *good){
		"by name": etcd("RequiresMountsFor=/var/lib/etcd\n", "Requires=var-lib-etcd.mount\nAfter=var-lib-etcd.mount\n"),
		"early": func(t *testing.T, g *good) {
			g.node(t, host).Mounts[1].Options = nil
			g.edit(t, host, "etcd.service", "RequiresMountsFor=/var/lib/etcd\n", "")
		},
	} {
		g := tree.clone()
		spoil(t, &g)
		in := g.input()
		in.ErrorsOnly = true
		if found := check.Run(in).Findings; len(found) > 0 {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
