package encode

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"hagen/gen/node"
)

// disks writes disks and filesystems. It leaves out sizes and positions that are 0 in a
// node: Ignition gives 0 another meaning.
func (w *writer) disks(n node.Node) {
	if len(n.Disks) > 0 {
		w.group(1, "disks")
	}
	for _, d := range n.Disks {
		w.item(2, d.Origin)
		w.line(2, "- device: %s", scalar(d.Device))
		w.line(3, "wipe_table: %t", d.WipeTable)
		w.partitions(d.Partitions)
	}
	if len(n.Filesystems) > 0 {
		w.group(1, "filesystems")
	}
	for _, f := range n.Filesystems {
		w.item(2, f.Origin)
		w.line(2, "- device: %s", scalar(f.Device))
		w.line(3, "format: %s", scalar(f.Format))
		w.optional(3, "label", f.Label)
		w.optional(3, "path", f.Path)
		w.line(3, "wipe_filesystem: %t", f.Wipe)
		w.list(3, "mount_options", f.Options)
	}
}

func (w *writer) partitions(partitions []node.Partition) {
	if len(partitions) > 0 {
		w.line(3, "partitions:")
	}
	for _, p := range partitions {
		w.line(4, "- number: %d", p.Number)
		w.optional(5, "label", p.Label)
		for _, size := range []struct {
			key string
			mib int
		}{{"start_mib", p.StartMiB}, {"size_mib", p.SizeMiB}} {
			if size.mib != 0 {
				w.line(5, "%s: %d", size.key, size.mib)
			}
		}
		w.line(5, "wipe_partition_entry: %t", p.Wipe)
		if p.Resize {
			w.line(5, "resize: true")
		}
	}
}

// MountUnit returns the systemd unit of a mount. A machine waits for its mounts before it
// starts anything (local-fs.target), except for those with nofail.
func MountUnit(m node.Mount) node.Unit {
	wanted := "RequiredBy"
	if slices.Contains(m.Options, node.NoFail) {
		wanted = "WantedBy"
	}
	check := "systemd-fsck@" + unit.UnitNamePathEscape(m.Device) + ".service"
	var b strings.Builder
	fmt.Fprintf(&b, "[Unit]\nRequires=%s\nAfter=%[1]s\n\n[Mount]\nWhat=%s\nWhere=%s\nType=%s\n", check, m.Device, m.Path, m.Format)
	if len(m.Options) > 0 {
		fmt.Fprintf(&b, "Options=%s\n", strings.Join(m.Options, ","))
	}
	fmt.Fprintf(&b, "\n[Install]\n%s=local-fs.target\n", wanted)
	return node.Unit{Origin: m.Origin, Name: unit.UnitNamePathEscape(m.Path) + ".mount", Enabled: true, Contents: b.String()}
}

// readMount returns the mount that a unit was made from. A unit with anything else stays a
// unit.
func readMount(u node.Unit) (node.Mount, bool) {
	if !strings.HasSuffix(u.Name, ".mount") {
		return node.Mount{}, false
	}
	m := node.Mount{Origin: u.Origin}
	for line := range strings.SplitSeq(u.Contents, "\n") {
		switch key, value, _ := strings.Cut(line, "="); key {
		case "What":
			m.Device = value
		case "Where":
			m.Path = value
		case "Type":
			m.Format = value
		case "Options":
			m.Options = strings.Split(value, ",")
		}
	}
	return m, reflect.DeepEqual(MountUnit(m), u)
}

// mountsOf moves mounts from the units of a node to its mounts.
func mountsOf(n *node.Node) {
	var units []node.Unit
	for _, u := range n.Units {
		if m, isMount := readMount(u); isMount {
			n.Mounts = append(n.Mounts, m)
		} else {
			units = append(units, u)
		}
	}
	n.Units = units
}

// readDisks reads disks and filesystems.
func readDisks(n *node.Node, storage types.Storage) {
	for _, d := range storage.Disks {
		disk := node.Disk{Device: d.Device, WipeTable: value(d.WipeTable)}
		for _, p := range d.Partitions {
			disk.Partitions = append(disk.Partitions, node.Partition{
				Number: p.Number, Label: value(p.Label), StartMiB: value(p.StartMiB), SizeMiB: value(p.SizeMiB),
				Wipe: value(p.WipePartitionEntry), Resize: value(p.Resize),
			})
			if p.Number == 0 {
				n.Further = append(n.Further, node.Further{Item: d.Device, Says: "a partition without number"})
			}
			p.Number, p.Label, p.WipePartitionEntry, p.Resize = 0, nil, nil, nil
			for _, size := range []**int{&p.StartMiB, &p.SizeMiB} {
				if value(*size) != 0 { // 0 differs from a missing value
					*size = nil
				}
			}
			further(n, d.Device, p)
		}
		n.Disks = append(n.Disks, disk)
	}
	for _, f := range storage.Filesystems {
		n.Filesystems = append(n.Filesystems, node.Filesystem{
			Device: f.Device, Format: value(f.Format), Label: value(f.Label), Path: value(f.Path), Wipe: value(f.WipeFilesystem),
			Options: texts(f.MountOptions),
		})
		item := f.Device
		f.Device, f.Format, f.Label, f.Path, f.WipeFilesystem, f.MountOptions = "", nil, nil, nil, nil, nil
		further(n, item, f)
	}
}

func texts[T ~string](items []T) []string {
	var out []string
	for _, i := range items {
		out = append(out, string(i))
	}
	return out
}
