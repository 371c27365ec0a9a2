package check

import (
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/profiles"
)

// diskRules are about disks.
var diskRules = []check{
	{within: (*machine).disks, rules: []rule{
		{ruleForeignDevice, Warning, "the mount fails if the machine has no such device, or no filesystem on it",
			"add the partition or the filesystem, unless the machine comes with it"},
		{ruleNotMounted, Error, "what the first boot writes there is not visible afterwards",
			"mount the same device, with its format, at the path that the filesystem names"},
		{ruleMountNotAwaited, Error, "a daemon that starts before its disk is mounted starts empty, on the system disk",
			"add RequiresMountsFor= with the directory to [Unit]"},
		{ruleDiskWiped, Error, "a member that is re-imaged with its disk kept would come back without its data, and etcd refuses it",
			"remove what wipes it: an existing filesystem that matches is kept"},
	}},
}

// byPartitionLabel is the directory where udev links partitions by label.
const byPartitionLabel = "/dev/disk/by-partlabel/"

// disks checks that partitions, filesystems and mounts match, that daemons
// wait for their disks, and that etcd's data is not erased.
func (m *machine) disks() {
	m.namedTwice()
	mounts := m.mounts()
	for _, d := range mounts {
		i := slices.IndexFunc(m.Filesystems, func(f node.Filesystem) bool { return f.Device == d.device })
		switch {
		case i < 0:
			m.find(ruleForeignDevice, d.at, "mounts %s, on which the document has no filesystem", d.device)
		case d.format != "" && d.format != "auto" && d.format != m.Filesystems[i].Format:
			m.find(ruleNotMounted, d.at, "mounts %s as %s, which is formatted as %s", d.device, d.format, m.Filesystems[i].Format)
		}
		for _, dir := range m.os.ReadOnly {
			if below(m.resolve(d.path), dir) {
				m.find(ruleReadOnly, d.at, "is in %s, which %s keeps read-only", dir, own(m.os.Summary))
			}
		}
		for _, c := range m.claims() {
			if c.leaf && below(d.path, c.path) {
				m.find(ruleClash, d.at, "leads through %s, which is not a directory", c.path)
			}
		}
	}
	for _, f := range m.Filesystems {
		label, isPartition := strings.CutPrefix(f.Device, byPartitionLabel)
		if _, made := m.partition(label); isPartition && !made {
			m.find(ruleForeignDevice, read.Whole(f.Device), "is a partition that no disk of the document has")
		}
		if f.Path != "" && !slices.ContainsFunc(mounts, func(d mounted) bool { return d.path == f.Path && d.device == f.Device }) {
			m.find(ruleNotMounted, read.Whole(f.Device), "is mounted at %s while files are written, but not at boot", f.Path)
		}
	}
	m.keptData(mounts)
}

// namedTwice reports what is named twice: Ignition refuses two items for one
// device, and systemd mounts the second over the first.
func (m *machine) namedTwice() {
	seen := map[string]bool{}
	once := func(kind, name string, at read.Place) {
		if seen[kind+name] {
			m.find(ruleClash, at, "is the %s of two items", own(kind))
		}
		seen[kind+name] = true
	}
	for _, d := range m.Disks {
		once("disk", d.Device, read.Whole(d.Device))
		for _, p := range d.Partitions {
			once("partition label", p.Label, read.Whole(p.Label))
		}
	}
	for _, f := range m.Filesystems {
		once("device", f.Device, read.Whole(f.Device))
	}
	for _, d := range m.mounts() {
		once("place", d.path, d.at)
	}
}

// partition returns the disk that has a partition with that label.
func (m *facts) partition(label string) (node.Disk, bool) {
	for _, d := range m.Disks {
		if slices.ContainsFunc(d.Partitions, func(p node.Partition) bool { return p.Label == label }) {
			return d, true
		}
	}
	return node.Disk{}, false
}

// keptData checks that a daemon waits for the mount that holds its data, and
// that nothing erases etcd's.
func (m *machine) keptData(mounts []mounted) {
	for _, row := range dataPaths {
		p := m.process(row.daemon)
		if p == nil {
			continue
		}
		dir := p.Value(row.flag)
		if row.file {
			dir = path.Dir(dir)
		}
		for _, d := range mounts {
			if !below(dir, d.path) {
				continue
			}
			if d.late && !waitsFor(p.Unit, d.path, dir) {
				m.find(ruleMountNotAwaited, p.Where(row.flag), "--%s is on the disk at %s, which %s does not wait for", own(row.flag), d.path, own(p.Unit.Name))
			}
			if row.daemon == etcd {
				m.erased(d)
			}
		}
	}
}

// waitsFor reports whether a unit starts only when the filesystem of a path is
// mounted.
func waitsFor(u *read.Unit, mount, dir string) bool {
	if slices.ContainsFunc(u.All("Unit", "RequiresMountsFor"), func(w read.Word) bool { return below(w.Text, mount) || w.Text == dir }) {
		return true
	}
	names := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(key string) bool {
			return slices.ContainsFunc(u.All("Unit", key), func(w read.Word) bool { return w.Text == mountName(mount) })
		})
	}
	return names("After") && names("Requires", "BindsTo")
}

// mountName is the unit of a mount, for paths of plain characters
// (systemd-escape --path).
func mountName(p string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.Trim(p, "/"), "-", `\x2d`), "/", "-") + ".mount"
}

// erased checks that nothing in the document erases a filesystem with etcd's
// data, or the disk that holds it.
func (m *machine) erased(d mounted) {
	label := strings.TrimPrefix(d.device, byPartitionLabel)
	of, number, _ := profiles.PartitionOf(d.device)
	if disk, made := m.partition(label); made {
		of = disk.Device
	}
	for _, f := range m.Filesystems {
		part, _, _ := profiles.PartitionOf(f.Device)
		switch {
		case !f.Wipe:
		case f.Device == d.device, f.Device == of:
			m.find(ruleDiskWiped, read.Whole(f.Device), "holds etcd's data, and is formatted whenever the machine is re-imaged")
		case part == d.device:
			m.find(ruleDiskWiped, read.Whole(f.Device), "is a part of the disk with etcd's data, and is formatted whenever the machine is re-imaged")
		}
	}
	for _, disk := range m.Disks {
		switch {
		case disk.Device != of && disk.Device != d.device:
			continue
		case disk.WipeTable:
			m.find(ruleDiskWiped, read.Whole(disk.Device), "holds etcd's data, and its table is erased whenever the machine is re-imaged")
		}
		for _, p := range disk.Partitions {
			if p.Wipe && (p.Label == label || number > 0 && p.Number == number) {
				m.find(ruleDiskWiped, read.Whole(disk.Device), "has the partition %s with etcd's data, which is recreated when it differs", p.Label)
			}
		}
	}
}
