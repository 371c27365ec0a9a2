package cluster

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/spec"
	"hagen/profiles"
)

// Storage says how a machine's disks are partitioned and formatted when it is
// provisioned, and what is mounted at every boot.
type Storage struct {
	Disks       []Disk
	Filesystems []Filesystem // of disks and of partitions
}

// Disk is a disk to partition.
type Disk struct {
	Device     string
	WipeTable  bool
	Partitions []Partition
	At         spec.At
}

// Partition is one partition of a disk. Ignition finds it again by its number.
type Partition struct {
	Number, StartMiB, SizeMiB int // 0 means unchanged, or all that is left
	Label                     string
	Wipe, Resize              bool
	At                        spec.At
}

// Filesystem is what a device is formatted with. With a Path it is mounted.
type Filesystem struct {
	Device, Format, Label, Path string
	Options                     []string // of the mount
	Wipe                        bool
	At                          spec.At
}

// Bounds on disks.
const (
	maxDisks      = 32      // of a machine
	maxPartitions = 128     // that a GPT has room for (UEFI specification, 5.3)
	maxMiB        = 1 << 30 // a pebibyte: sgdisk counts sectors in 64 bits
)

// labelLengths maps each filesystem format that hagen makes to the longest label
// that it allows (Ignition, config/shared/errors).
var labelLengths = map[string]int{"ext4": 16, "xfs": 12, "btrfs": 256, "vfat": 11}

var formats = []string{"ext4", "xfs", "btrfs", "vfat"}

var (
	// partitionLabel is a label that udev does not escape in /dev/disk/by-partlabel.
	partitionLabel = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	devicePath     = lazy.Regexp(`^/dev(/[A-Za-z0-9._:+=@-]+)+$`)
	// kernelName is a device's name by the order in which the kernel found it.
	kernelName  = lazy.Regexp(`^/dev/((sd|hd|vd|xvd)[a-z]+[0-9]*|nvme[0-9]+n[0-9]+(p[0-9]+)?|mmcblk[0-9]+(p[0-9]+)?)$`)
	mountPath   = lazy.Regexp(`^(/[A-Za-z0-9_][A-Za-z0-9._@+-]*)+$`)
	mountOption = lazy.Regexp(`^[a-z][A-Za-z0-9._:@/+-]*(=[A-Za-z0-9._:@/+-]+)?$`)
)

// maxPartitionLabel is the longest name of a partition, in characters (UEFI
// specification, 5.3.3).
const maxPartitionLabel = 36

const byLabel = "/dev/disk/by-partlabel/"

// diskList is the list of a host's or a role's disks while it is read.
type diskList struct {
	v       *validation
	storage Storage
	labels  map[string]spec.At
	devices map[string]spec.At
	paths   map[string]spec.At
}

// diskList reads the disks of a host or of a role.
func (v *validation) diskList(list spec.List[spec.Disk]) Storage {
	l := diskList{v, Storage{}, map[string]spec.At{}, map[string]spec.At{}, map[string]spec.At{}}
	v.atMost(list.At, len(list.Items), maxDisks, "write only those that hagen must prepare")
	for _, field := range list.Items {
		if field.At.Written() {
			l.disk(field)
		}
	}
	for _, field := range list.Items {
		disk, _, _ := profiles.PartitionOf(field.Device.Value)
		if whole, described := l.devices[disk]; described {
			v.fault(field.Device.At, fmt.Sprintf("is a partition of the disk in line %d", whole.Line), "describe it there, below partitions")
		}
	}
	return l.storage
}

// once faults a name that is used for the second time.
func (l *diskList) once(taken map[string]spec.At, at spec.At, what, name, remedy string) {
	if first, twice := taken[name]; twice {
		l.v.fault(at, fmt.Sprintf("%s is also %s in line %d", spec.Quote(name), what, first.Line), remedy)
		return
	}
	taken[name] = at
}

func (l *diskList) disk(field spec.Disk) {
	v, device := l.v, field.Device.Value
	partitioned, whole := field.Partitions.At.Written(), field.Filesystem.At.Written()
	if field.Device.At.Written() && v.device(field.Device, "/dev/disk/by-id/virtio-logs") {
		l.once(l.devices, field.Device.At, "the device", device, "describe a disk in one place")
		if kernelName().MatchString(device) {
			v.warn(field.Device.At, device+" may be another disk at the next boot: the kernel numbers disks in the order in which it finds them", "write its name below /dev/disk/by-id")
		}
	}
	_, _, isPartition := profiles.PartitionOf(device)
	switch {
	case partitioned && len(field.Partitions.Items) == 0:
		v.fault(field.Partitions.At, "is empty", "write a partition, or remove the line")
	case partitioned && whole:
		v.fault(field.Filesystem.At, "a disk with partitions has no filesystem of its own", "write it below one of the partitions")
	case partitioned && isPartition:
		v.fault(field.Partitions.At, device+" is a partition and cannot have partitions", "name the disk, or write filesystem instead of partitions")
	case !partitioned && !whole:
		v.fault(field.At, "does not say how to use the disk", "add partitions or filesystem")
	case field.WipeTable.Value && !partitioned:
		v.fault(field.WipeTable.At, "erases a partition table, but the disk has no partitions", "write wipeFilesystem: true below filesystem, or remove the line")
	}
	if whole {
		l.filesystem(device, field.Filesystem)
	}
	if partitioned {
		disk := Disk{Device: device, WipeTable: field.WipeTable.Value, At: field.At}
		disk.Partitions = l.partitions(field.Partitions)
		l.storage.Disks = append(l.storage.Disks, disk)
	}
}

func (l *diskList) partitions(list spec.List[spec.Partition]) (out []Partition) {
	v := l.v
	v.atMost(list.At, len(list.Items), maxPartitions, "write fewer: a partition table has no room for more")
	numbers := map[int]spec.At{}
	for i, field := range list.Items {
		if !field.At.Written() {
			continue
		}
		p := Partition{
			Number: i + 1, Label: field.Label.Value, Wipe: field.WipePartitionEntry.Value, Resize: field.Resize.Value, At: field.At,
			StartMiB: v.size(field.StartMiB), SizeMiB: v.size(field.SizeMiB),
		}
		at := field.At
		if field.Number.At.Written() {
			p.Number, at = field.Number.Value, field.Number.At
		}
		if first, twice := numbers[p.Number]; twice {
			v.fault(at, fmt.Sprintf("has the number %d, like the partition in line %d", p.Number, first.Line), "give each partition of a disk its own number: Ignition finds it again by the number")
		} else if p.Number < 1 || p.Number > maxPartitions {
			v.fault(at, fmt.Sprintf("%d is not a valid number of a partition", p.Number), fmt.Sprintf("write one from 1 to %d, or leave the line out", maxPartitions))
		}
		numbers[p.Number] = at
		if field.Label.At.Written() && v.partitionLabel(field.Label, "") {
			l.once(l.labels, field.Label.At, "the label", p.Label, "give each partition of a machine its own label")
		}
		switch {
		case p.Resize && !field.SizeMiB.At.Written():
			v.fault(field.Resize.At, "needs the new size", "add sizeMiB")
		case !field.SizeMiB.At.Written() && i < len(list.Items)-1:
			v.fault(field.At, "takes the rest of the disk, but others come after it", "add sizeMiB, or write it last")
		}
		v.overlap(p, out)
		out = append(out, p)
		if field.Filesystem.At.Written() {
			l.filesystem(byLabel+p.Label, field.Filesystem)
		}
	}
	return out
}

// size reads a number of mebibytes; 0 stands for none.
func (v *validation) size(field spec.Int) int {
	if field.At.Written() && (field.Value < 1 || field.Value > maxMiB) {
		v.fault(field.At, fmt.Sprintf("%d is not a valid size in MiB", field.Value), "write 1 or more, or leave the line out")
		return 0
	}
	return field.Value
}

// overlap faults a partition that overlaps with another one, as far as both have a
// start.
func (v *validation) overlap(p Partition, before []Partition) {
	for _, other := range before {
		if p.StartMiB > 0 && other.StartMiB > 0 && p.StartMiB < other.StartMiB+max(other.SizeMiB, 1) && other.StartMiB < p.StartMiB+max(p.SizeMiB, 1) {
			v.fault(p.At, fmt.Sprintf("begins at %d MiB and overlaps with the partition in line %d", p.StartMiB, other.At.Line), "leave startMiB out, or write a start after that partition")
		}
	}
}

func (v *validation) partitionLabel(field spec.Text, path string) bool {
	switch {
	case !partitionLabel().MatchString(field.Value):
		remedy := "write letters, digits, ., - and _"
		if path != "" {
			remedy = "write " + path + ", or the label of a partition of the boot disk, such as etcd"
		}
		v.fault(field.At, spec.Quote(field.Value)+" is not a valid label of a partition", remedy)
	case len(field.Value) > maxPartitionLabel:
		v.fault(field.At, fmt.Sprintf("has %d characters, at most %d are possible", len(field.Value), maxPartitionLabel), "shorten it")
	default:
		return true
	}
	return false
}

// device faults a text that is not the path of a device, or names one that exists
// only once it has a filesystem.
func (v *validation) device(field spec.Text, example string) bool {
	switch name := spec.Quote(field.Value); {
	case !devicePath().MatchString(field.Value) || path.Clean(field.Value) != field.Value:
		v.fault(field.At, name+" is not a valid path of a device", "write for example "+example)
	case strings.HasPrefix(field.Value, "/dev/disk/by-uuid/"), strings.HasPrefix(field.Value, "/dev/disk/by-label/"):
		v.fault(field.At, name+" names a filesystem, which does not exist before it is made", "write for example "+example)
	default:
		return true
	}
	return false
}

func (l *diskList) filesystem(device string, field spec.Filesystem) {
	v := l.v
	f := Filesystem{
		Device: device, Format: field.Format.Value, Label: field.Label.Value,
		Wipe: field.WipeFilesystem.Value, At: field.At,
	}
	if known := !field.Format.At.Written() || v.choice(field.Format, formats...); known && field.Label.At.Written() {
		most, given := labelLengths[f.Format]
		switch {
		case !partitionLabel().MatchString(f.Label):
			v.fault(field.Label.At, spec.Quote(f.Label)+" is not a valid label of a filesystem", "write letters, digits, ., - and _")
		case given && len(f.Label) > most:
			v.fault(field.Label.At, fmt.Sprintf("has %d characters, %s allows %d", len(f.Label), f.Format, most), "shorten it")
		}
	}
	if field.Path.At.Written() && v.mountPath(field.Path) {
		f.Path, f.At = field.Path.Value, field.Path.At
		l.once(l.paths, field.Path.At, "the path", f.Path, "mount each filesystem at its own path")
	}
	if field.MountOptions.At.Written() && !field.Path.At.Written() {
		v.fault(field.MountOptions.At, "belong to a filesystem that is not mounted", "add path, or remove the line")
	}
	for _, option := range field.MountOptions.Items {
		switch {
		case !option.At.Written():
		case strings.Contains(option.Value, ","):
			v.fault(option.At, spec.Quote(option.Value)+" is more than one option", "write an item for each")
		case !mountOption().MatchString(option.Value):
			v.fault(option.At, spec.Quote(option.Value)+" is not a valid option of mount(8)", "write for example noatime")
		case slices.Contains(f.Options, option.Value):
			v.fault(option.At, spec.Quote(option.Value)+" is written a second time", "keep one of the two")
		default:
			f.Options = append(f.Options, option.Value)
		}
	}
	l.storage.Filesystems = append(l.storage.Filesystems, f)
}

// early lists directories that are in use before disks are mounted, or that the
// kernel or the system fills.
var early = []string{"/bin", "/boot", "/dev", "/efi", "/etc", "/lib", "/lib64", "/ostree", "/proc", "/run", "/sbin", "/sys", "/sysroot", "/tmp", "/usr"}

// mountPath faults a path at which nothing can or should be mounted on any operating
// system.
func (v *validation) mountPath(field spec.Text) bool {
	p := field.Value
	below := func(dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
	switch i := slices.IndexFunc(early, below); {
	case !mountPath().MatchString(p) || path.Clean(p) != p:
		v.fault(field.At, spec.Quote(p)+" is not a valid path to mount at", "write an absolute path of plain characters, for example /var/log")
	case i >= 0:
		v.fault(field.At, fmt.Sprintf("%s is in %s, which is in use before disks are mounted", p, early[i]), "mount below /var, for example")
	case p == EtcdData:
		v.fault(field.At, "is the directory of etcd's data", "write the disk as etcd.disk: it is never reformatted, and etcd waits for it")
	case below(EtcdData):
		v.fault(field.At, "is in etcd's data directory, which is on one disk", "mount it elsewhere, or write the disk as etcd.disk if it is etcd's")
	default:
		return true
	}
	return false
}
