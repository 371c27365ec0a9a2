package control

import (
	"fmt"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
)

// disks are what the cluster file says of the machine's.
func disks(s hostContext) node.Node {
	var n node.Node
	for _, d := range s.host.Disks {
		disk := node.Disk{
			Origin: node.Origin{Section: sectionMachine, From: fmt.Sprintf("%s at line %d", d.At.Path, d.At.Line)},
			Device: d.Device, WipeTable: d.WipeTable,
		}
		for _, p := range d.Partitions {
			disk.Partitions = append(disk.Partitions, node.Partition{
				Number: p.Number, Label: p.Label, StartMiB: p.StartMiB, SizeMiB: p.SizeMiB, Wipe: p.Wipe, Resize: p.Resize,
			})
		}
		n.Disks = append(n.Disks, disk)
	}
	for _, f := range s.host.Filesystems {
		origin := node.Origin{Section: sectionMachine, From: fmt.Sprintf("%s at line %d", f.At.Path, f.At.Line)}
		made, mounted := origin, origin
		if f.Path == etcdData {
			made.Why = "etcd's data: a machine that is made anew finds it as it was"
			mounted.Why = "without it the machine boots, for somebody to look at it, and etcd does not start"
		}
		n.Filesystems = append(n.Filesystems, node.Filesystem{
			Origin: made, Device: f.Device, Format: f.Format, Label: f.Label, Path: f.Path, Wipe: f.Wipe,
			Options: node.InInitrd(f.Options),
		})
		if f.Path != "" {
			n.Mounts = append(n.Mounts, node.Mount{Origin: mounted, Device: f.Device, Path: f.Path, Format: f.Format, Options: f.Options})
		}
	}
	return n
}

// onDisk gives where the host's own disk is mounted on which a directory lies,
// "" if it lies on none.
func onDisk(h cluster.Host, directory string) (mount string) {
	for _, f := range h.Filesystems {
		if f.Path != "" && strings.HasPrefix(directory+"/", f.Path+"/") && len(f.Path) > len(mount) {
			mount = f.Path
		}
	}
	return mount
}
