package control

import (
	"fmt"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
)

// disks returns the machine's disks, as the cluster file describes them.
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
			made.Why = "etcd's data: a re-imaged machine keeps it"
			mounted.Why = "without it the machine boots, so that an operator can log in, but etcd does not start"
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

// onDisk returns the mount point of the disk in the cluster file that holds a
// directory; "" if none does.
func onDisk(h cluster.Host, directory string) (mount string) {
	for _, f := range h.Filesystems {
		if f.Path != "" && strings.HasPrefix(directory+"/", f.Path+"/") && len(f.Path) > len(mount) {
			mount = f.Path
		}
	}
	return mount
}
