package cluster

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/spec"
	"hagen/profiles"
)

// EtcdData is the directory of etcd's data on every master.
const EtcdData = "/var/lib/etcd"

// etcdFormat is a format that every system can make and check, also in its initrd.
const etcdFormat = "ext4"

// storage reads a host's disks, else those of its role, and on a master the disk
// for etcd.
func (v *validation) storage(host *Host, field spec.Host) {
	list := field.Disks
	if !list.At.Written() {
		list = host.Role.row().disks(v.spec)
	}
	host.Storage = v.diskList(list)
	v.checkSystemPartitions(*host)
	for _, f := range host.Filesystems {
		v.fits(*host, f)
	}
	v.once(*host)
	disk := field.Etcd.Disk
	if !disk.At.Written() {
		disk = v.spec.Etcd.Disk
	}
	switch {
	case !host.Role.Runs(etcd) && field.Etcd.At.Written():
		v.fault(field.Etcd.At, fmt.Sprintf("a %s runs no etcd", host.Role), "remove it, or write it for a master")
	case host.Role.Runs(etcd) && disk.At.Written():
		v.etcdDisk(host, disk)
	}
}

// once faults changes of partitions that cloud-init does not make: it creates a
// table once and never changes one.
func (v *validation) once(host Host) {
	if !slices.Contains(host.OS.Formats, profiles.UserData) {
		return
	}
	for _, d := range host.Disks {
		for _, p := range d.Partitions {
			if p.Wipe || p.Resize {
				v.fault(p.At, fmt.Sprintf("cloud-init sets up %s, and does not change existing partitions", host.OS.Summary),
					"remove wipePartitionEntry and resize; wipeTable: true makes a new table")
			}
		}
	}
}

// fits faults a path at which the host's operating system cannot mount.
func (v *validation) fits(host Host, f Filesystem) {
	for from, to := range host.OS.Links {
		if f.Path == from || strings.HasPrefix(f.Path, from+"/") {
			v.fault(f.At, fmt.Sprintf("%s is a link on %s, and systemd does not mount at links", from, host.OS.Summary), "write "+to+strings.TrimPrefix(f.Path, from))
			return
		}
	}
	top := "/" + strings.Split(strings.TrimPrefix(f.Path, "/"), "/")[0]
	if host.OS.Sealed && f.Path != "" && top != "/var" {
		v.fault(f.At, fmt.Sprintf("%s: the root directory of %s allows no new directory", f.Path, host.OS.Summary), "mount below /var")
	}
}

// etcdDisk gives etcd the device that the field names: a disk, a partition of
// one of the host's disks, or a new one at the end of the boot disk.
func (v *validation) etcdDisk(host *Host, field spec.Text) {
	const example = "/dev/disk/by-id/virtio-etcd"
	device := field.Value
	if !strings.HasPrefix(device, "/") {
		if !v.partitionLabel(field, example) {
			return
		}
		device = byLabel + device
	} else if !v.device(field, example) {
		return
	} else if !strings.HasPrefix(device, "/dev/disk/by-") {
		v.fault(field.At, spec.Quote(device)+" may be another disk at the next boot: the kernel numbers disks in the order in which it finds them", "write its name below /dev/disk/by-id")
		return
	}
	label, labelled := strings.CutPrefix(device, byLabel)
	disk, _, _ := profiles.PartitionOf(device)
	switch boot := host.OS.BootDisk; {
	case labelled && boot.Owns(label):
		v.fault(field.At, spec.Quote(label)+" is a partition of the operating system", "write another label, for example etcd")
		return
	case boot.Device != "" && (device == boot.Device || disk == boot.Device):
		v.fault(field.At, fmt.Sprintf("%s is the disk that %s boots from", spec.Quote(boot.Device), host.OS.Summary), "write the label of a new partition on it, for example etcd")
		return
	}
	made := v.checkEtcdData(*host, field, device)
	if labelled && !made && !strings.HasPrefix(field.Value, "/") {
		v.onBootDisk(host, field, label)
	}
	host.Filesystems = append(host.Filesystems, Filesystem{
		Device: device, Format: etcdFormat, Label: "etcd", Path: EtcdData, Options: []string{"nofail"}, At: field.At,
	})
}

// onBootDisk makes a partition in the space that the operating system leaves on its
// disk.
func (v *validation) onBootDisk(host *Host, field spec.Text, label string) {
	boot := host.OS.BootDisk
	switch {
	case boot.Device == "":
		v.fault(field.At, fmt.Sprintf("no disk has a partition %s, and the boot disk of %s has no fixed name", spec.Quote(label), host.OS.Summary),
			"describe the disk with that partition in disks; or write "+byLabel+label+" if the image has it")
		return
	case slices.ContainsFunc(host.Disks, func(d Disk) bool { return d.Device == boot.Device }):
		v.fault(field.At, fmt.Sprintf("disks describes the boot disk without a partition %s", spec.Quote(label)), "add it there, after the root partition with its number and sizeMiB")
		return
	}
	host.Disks = append(host.Disks, Disk{Device: boot.Device, At: field.At, Partitions: []Partition{
		{Number: boot.Root, Label: boot.Labels[0], SizeMiB: boot.RootMiB, Resize: true, At: field.At},
		{Number: boot.Root + 1, Label: label, At: field.At},
	}})
}
