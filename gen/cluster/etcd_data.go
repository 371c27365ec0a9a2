package cluster

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/spec"
	"hagen/profiles"
)

// diskOf returns the disk of a device, if the host's disks or the device's name
// identify it, else the device.
func (s Storage) diskOf(device string) string {
	label, labelled := strings.CutPrefix(device, byLabel)
	for _, d := range s.Disks {
		if labelled && slices.ContainsFunc(d.Partitions, func(p Partition) bool { return p.Label == label }) {
			return d.Device
		}
	}
	if disk, _, _ := profiles.PartitionOf(device); disk != "" {
		return disk
	}
	return device
}

// checkSystemPartitions faults what would erase partitions of the operating system.
func (v *validation) checkSystemPartitions(host Host) {
	boot := host.OS.BootDisk
	for _, d := range host.Disks {
		isBoot := boot.Device != "" && d.Device == boot.Device
		if isBoot && d.WipeTable {
			v.fault(d.At, fmt.Sprintf("is the disk that %s boots from, and its table would be erased", host.OS.Summary), "remove wipeTable: partitions are added to the existing ones")
		}
		for _, p := range d.Partitions {
			own := boot.Owns(p.Label)
			switch {
			case isBoot && p.Wipe && (own || p.Number <= boot.Root):
				v.fault(p.At, fmt.Sprintf("partition %d belongs to the operating system", p.Number), fmt.Sprintf("remove wipePartitionEntry, or write a number from %d", boot.Root+1))
			case own && !isBoot && boot.Device != "":
				v.fault(p.At, fmt.Sprintf("%s is the label of the system's own partition", spec.Quote(p.Label)), "write another one; or write "+boot.Device+" as device if it is that disk")
			case own && !isBoot && (d.WipeTable || p.Wipe):
				v.fault(p.At, fmt.Sprintf("%s is the label of the system's own partition", spec.Quote(p.Label)), "write another one; or remove wipeTable and wipePartitionEntry if it is that disk")
			}
		}
	}
	for _, f := range host.Filesystems {
		label, labelled := strings.CutPrefix(f.Device, byLabel)
		disk, _, _ := profiles.PartitionOf(f.Device)
		if labelled && boot.Owns(label) || boot.Device != "" && (f.Device == boot.Device || disk == boot.Device) {
			v.fault(f.At, fmt.Sprintf("is on %s, which %s boots from", f.Device, host.OS.Summary), "write another device, or a partition that is added to the disk")
		}
	}
}

// checkEtcdData faults changes of the host's disks that would hit etcd's data. made
// reports whether one of the disks has etcd's partition.
func (v *validation) checkEtcdData(host Host, field spec.Text, device string) (made bool) {
	label, labelled := strings.CutPrefix(device, byLabel)
	disk, number, _ := profiles.PartitionOf(device)
	for _, d := range host.Disks {
		of := disk != "" && d.Device == disk
		i := slices.IndexFunc(d.Partitions, func(p Partition) bool { return labelled && p.Label == label || of && p.Number == number })
		made = made || i >= 0
		switch {
		case d.Device == device:
			v.fault(field.At, fmt.Sprintf("the disk has partitions (line %d)", d.At.Line), "write the label of etcd's partition")
		case of && i >= 0:
			v.fault(field.At, fmt.Sprintf("is a partition of the disk in line %d", d.At.Line), "write its label, "+d.Partitions[i].Label)
		case of:
			v.fault(field.At, fmt.Sprintf("is a partition of the disk in line %d, which does not list it", d.At.Line), "add it there, and write its label")
		case i >= 0 && (d.WipeTable || d.Partitions[i].Wipe):
			v.fault(d.At, "would erase the partition with etcd's data whenever the machine is re-imaged", "remove wipeTable and wipePartitionEntry")
		case d.WipeTable || slices.ContainsFunc(d.Partitions, func(p Partition) bool { return p.Wipe }):
			v.mayErase(host, d.At, d.Device, device)
		}
	}
	for _, f := range host.Filesystems {
		const divide = "remove it; or describe the disk with its partitions, and write the label of etcd's partition"
		switch of, _, _ := profiles.PartitionOf(f.Device); {
		case f.Device == device:
			v.fault(f.At, "the device is etcd's (etcd.disk)", "remove filesystem: etcd.disk makes and mounts it")
		case of == device:
			v.fault(f.At, "is on a partition of a disk that etcd uses as a whole (etcd.disk)", divide)
		case disk != "" && f.Device == disk:
			v.fault(f.At, "is on the disk with etcd's partition (etcd.disk)", divide)
		case f.Wipe:
			v.mayErase(host, f.At, f.Device, device)
		}
	}
	return made
}

// mayErase warns of a device that is erased and may be, under another name, etcd's
// device or its disk.
func (v *validation) mayErase(host Host, at spec.At, erased, device string) {
	a, b := host.diskOf(erased), host.diskOf(device)
	if a != b && profiles.MayBeSameDevice(erased, device) && profiles.MayBeSameDevice(a, b) {
		v.warn(at, fmt.Sprintf("%s is erased, and may be the same disk as etcd's, %s", erased, device), "make sure that they differ; names of one kind show it, such as two below /dev/disk/by-id that begin with wwn-")
	}
}
