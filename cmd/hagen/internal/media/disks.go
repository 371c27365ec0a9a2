package media

import (
	"fmt"
	"slices"

	"hagen/gen/cluster"
	"hagen/gen/node"
)

// storage returns the disks and filesystems that a machine's documents have: those that it
// keeps data on, whatever the cluster file says by now.
func storage(n node.Node) cluster.Storage {
	var disks []cluster.Disk
	for _, d := range n.Disks {
		var partitions []cluster.Partition
		for _, p := range d.Partitions {
			partitions = append(partitions, cluster.Partition{Number: p.Number, Label: p.Label, Wipe: p.Wipe})
		}
		disks = append(disks, cluster.Disk{Device: d.Device, WipeTable: d.WipeTable, Partitions: partitions})
	}
	var filesystems []cluster.Filesystem
	for _, f := range n.Filesystems {
		filesystems = append(filesystems, cluster.Filesystem{Device: f.Device, Path: f.Path, Wipe: f.Wipe})
	}
	return cluster.Storage{Disks: disks, Filesystems: filesystems}
}

// keep returns the labels of partitions that an installation leaves alone, if it finds
// them: those of the documents, and those of the cluster file.
func keep(h cluster.Host, n node.Node) []string {
	labels := storage(n).KeepLabels(h.OS.BootDisk)
	for _, label := range h.KeepLabels(h.OS.BootDisk) {
		if !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	return labels
}

// erased says which of a machine's disks, by its documents, its installation would erase.
func erased(h cluster.Host, n node.Node) (faults []string) {
	if h.InstallDisk == "" {
		return nil
	}
	for _, e := range storage(n).ErasedBy(h.InstallDisk, h.OS.BootDisk) {
		if !e.Sure {
			continue
		}
		what := "data"
		if e.Path == cluster.EtcdData {
			what = "etcd's data"
		} else if e.Path != "" {
			what = e.Path
		}
		faults = append(faults, fmt.Sprintf("%s has %s on %s there, which installDisk would erase", h.Name, what, e.Device))
	}
	return faults
}

// doubts warns of disks of a machine's documents that may be the one to install on, as far
// as the cluster file has not led to the same warning.
func doubts(h cluster.Host, n node.Node) (warnings []string) {
	if h.InstallDisk == "" {
		return nil
	}
	warned := h.ErasedBy(h.InstallDisk, h.OS.BootDisk)
	for _, e := range storage(n).ErasedBy(h.InstallDisk, h.OS.BootDisk) {
		if !slices.ContainsFunc(warned, func(w cluster.Erased) bool { return w.Device == e.Device }) {
			warnings = append(warnings, fmt.Sprintf("%s: %s, by its documents: %s", h.Name, e.Doubt(h.InstallDisk), cluster.DistinctNames))
		}
	}
	return warnings
}
