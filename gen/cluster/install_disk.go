package cluster

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/spec"
	"hagen/profiles"
)

// stableName is how a name of a disk begins that means the same disk at every boot.
var stableName = lazy.Regexp(`^/dev/disk/by-(id|path)/`)

// installs faults what cannot be or need not be installed.
func (v *validation) installs(field spec.Text) {
	if field.At.Written() && !slices.ContainsFunc(v.c.Hosts(), func(h Host) bool { return h.OS.Boot.Installs }) {
		v.fault(field.At, "no machine's operating system installs itself from its live system", "remove it")
	}
}

// installDisk reads the disk on which a live system installs itself: the host's, else
// everybody's. It is never one that keeps data.
func (v *validation) installDisk(host *Host, own spec.Text) {
	field := own
	if !field.At.Written() {
		field = v.spec.Boot.InstallDisk
	}
	if !field.At.Written() {
		return
	}
	const example = "/dev/disk/by-id/nvme-SERIAL"
	if !host.OS.Boot.Installs {
		if own.At.Written() {
			v.fault(own.At, host.OS.Summary+" does not install itself from a live system", "remove it")
		}
		return
	}
	if !v.device(field, example) {
		return
	}
	_, _, partition := profiles.PartitionOf(field.Value)
	stable, numbered := stableName().MatchString(field.Value), kernelName().MatchString(field.Value)
	switch {
	case partition:
		v.fault(field.At, field.Value+" is a partition, and the operating system takes a whole disk", "write for example "+example)
		return
	case !stable && !numbered:
		v.fault(field.At, field.Value+" is not the name of a whole disk", "write for example "+example)
		return
	case host.OS.BootDisk.Device == field.Value:
		v.fault(field.At, field.Value+" exists only once the system is installed", "write for example "+example)
		return
	}
	if !v.sparesData(*host, field) {
		return
	}
	host.InstallDisk = field.Value
	if !stable {
		v.warn(field.At, field.Value+" may be another disk at the next boot, and what is on it is lost", "write its name below /dev/disk/by-id or /dev/disk/by-path")
	}
}

// sparesData faults an installation over a disk of the host's, above all etcd's.
func (v *validation) sparesData(host Host, field spec.Text) bool {
	for _, e := range host.ErasedBy(field.Value, host.OS.BootDisk) {
		if e.Sure {
			what := fmt.Sprintf("is the disk of the filesystem in line %d", e.At.Line)
			switch e.Path {
			case EtcdData:
				what = fmt.Sprintf("is etcd's disk (line %d)", e.At.Line)
			case "":
				what = fmt.Sprintf("is the disk in line %d", e.At.Line)
			}
			v.fault(field.At, what+", and an installation would erase it", "write the disk that the operating system is to have")
			return false
		}
		v.warn(field.At, e.Doubt(field.Value), DistinctNames)
	}
	return true
}

// DistinctNames says what to do about two names that may mean one disk.
const DistinctNames = "make sure that they differ; names of one kind show it, such as two below /dev/disk/by-id that begin with wwn-"

// Erased is a disk, or a filesystem's, that an installation erases.
type Erased struct {
	Device string
	Path   string // where the filesystem is mounted; "" is nowhere, or a disk
	Sure   bool   // otherwise the two names may mean different disks
	At     spec.At
}

// Doubt says that a disk to install on may be this one.
func (e Erased) Doubt(disk string) string {
	switch e.Path {
	case EtcdData:
		return fmt.Sprintf("%s may be the same disk as etcd's, %s", disk, e.Device)
	case "":
		return fmt.Sprintf("%s may be the same disk as %s, which has data", disk, e.Device)
	}
	return fmt.Sprintf("%s may be the same disk as that of %s, %s", disk, e.Path, e.Device)
}

// ErasedBy lists the disks and filesystems of a host that an installation of the system on
// a disk erases, and those of which the names leave it open; each device once. Partitions
// with KeepLabels stay.
func (s Storage) ErasedBy(disk string, boot profiles.BootDisk) (out []Erased) {
	keep := s.KeepLabels(boot)
	add := func(e Erased, device string) {
		of := s.diskOf(device)
		label, labelled := strings.CutPrefix(device, byLabel)
		if of == boot.Device && of != "" || labelled && slices.Contains(keep, label) {
			return // it is found by name after an installation
		}
		e.Device, e.Sure = of, of == disk || device == disk
		if seen := slices.ContainsFunc(out, func(o Erased) bool { return o.Device == of }); !seen && (e.Sure || profiles.MayBeSameDevice(of, disk)) {
			out = append(out, e)
		}
	}
	for _, f := range s.Filesystems {
		if f.Path == EtcdData {
			add(Erased{Path: f.Path, At: f.At}, f.Device)
		}
	}
	for _, f := range s.Filesystems {
		add(Erased{Path: f.Path, At: f.At}, f.Device)
	}
	for _, d := range s.Disks {
		add(Erased{At: d.At}, d.Device)
	}
	return out
}

// KeepLabels returns the labels of partitions that an installation leaves alone if they are
// on its disk: those that the host's disks add to the one that the operating system boots
// from, and those of filesystems on a partition whose disk nothing says.
func (s Storage) KeepLabels(boot profiles.BootDisk) (labels []string) {
	for _, d := range s.Disks {
		for _, p := range d.Partitions {
			if d.Device == boot.Device && d.Device != "" && !p.Wipe && !boot.Owns(p.Label) {
				labels = append(labels, p.Label)
			}
		}
	}
	for _, f := range s.Filesystems {
		label, labelled := strings.CutPrefix(f.Device, byLabel)
		if labelled && s.diskOf(f.Device) == f.Device && !boot.Owns(label) && !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	return labels
}
