package encode

import (
	_ "embed"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/node"
)

// cloud-init's own disk_setup has sizes in percent and no labels, and its fs_setup formats
// a device with an unexpected filesystem whatever `overwrite` says (cc_disk_setup.py, mkfs:
// "cleared for formatting"). So bootcmd does what Ignition does: it keeps what is as
// described, creates what is missing on an empty device, and otherwise reports an error and
// changes nothing. It also changes nothing in two cases in which Ignition erases: a
// partition table on a disk to format, and a filesystem on a disk to partition.

// Names under which cloud-init remembers that a command has run for the instance.
const (
	diskName       = "hagen-disk-%d"
	filesystemName = "hagen-filesystem-%d"
)

// diskTools begin both scripts. $1 is the device.
//
// probe sets holds to what blkid(8) finds on the device. blkid reports an unreadable device
// like an empty one (exit code 2, no output), so both ends, where all signatures are, must
// be readable; for a device with signatures of two formats it names none (8). A device is
// erased once, as long as cloud-init remembers it, and not for every changed document.
//
// shellcheck disable=SC2086 $tries $end $at: they are numbers.
//
//go:embed scripts/disk-tools.sh
var diskTools string

// partitionScript partitions a disk: $2 says whether to erase the table, then a line for
// sfdisk(8) follows for each partition.
//
//go:embed scripts/partitions.sh
var partitionScript string

// filesystemScript formats and mounts: $2 is the format, $3 the label, $4 whether to erase
// it, $5 the mount point, $6 the mount options, and $7 the disk of the partition: another
// disk may have one with the same label.
//
// shellcheck disable=SC2016: within ${3:+} and double quotes, single ones are text.
//
//go:embed scripts/filesystem.sh
var filesystemScript string

// perInstance begins a command that runs once for each instance.
func perInstance(name, script string) []string {
	return []string{"cloud-init-per", "instance", name, "sh", "-c", diskTools + script, "sh"}
}

// partitionLine matches a line for sfdisk.
var partitionLine = lazy.Regexp(`^([0-9]+) : (?:start=([0-9]+)MiB, )?(?:size=([0-9]+)MiB, )?name="([^"]*)"$`)

func sfdisk(p node.Partition) string {
	line := fmt.Sprintf("%d : ", p.Number)
	if p.StartMiB > 0 {
		line += fmt.Sprintf("start=%dMiB, ", p.StartMiB)
	}
	if p.SizeMiB > 0 {
		line += fmt.Sprintf("size=%dMiB, ", p.SizeMiB)
	}
	return line + fmt.Sprintf("name=%q", p.Label)
}

// orErase returns the argument of a script: keep or erase.
func orErase(erase bool) string {
	if erase {
		return "erase"
	}
	return "keep"
}

// disksFor returns why cloud-init cannot set up a node's disks; "" if it can.
func disksFor(n node.Node) string {
	for _, d := range n.Disks {
		for _, p := range d.Partitions {
			if p.Wipe || p.Resize {
				return fmt.Sprintf("the partition %s of %s is to be wiped or resized, which cloud-init cannot do", p.Label, d.Device)
			}
		}
	}
	mounts := 0
	for _, f := range n.Filesystems {
		m := mountOf(n, f)
		if f.Path != "" {
			mounts++
		}
		if (f.Path != "") != (m.Path != "") || f.Path != "" && !reflect.DeepEqual(f, filesystemOf(f, m)) {
			return fmt.Sprintf("the mount of %s does not match its filesystem", f.Device)
		}
	}
	if mounts != len(n.Mounts) {
		return "a mount has no filesystem"
	}
	return ""
}

// mountOf returns the mount of a filesystem; the zero mount if there is none.
func mountOf(n node.Node, f node.Filesystem) node.Mount {
	i := slices.IndexFunc(n.Mounts, func(m node.Mount) bool { return m.Device == f.Device })
	if i < 0 {
		return node.Mount{}
	}
	return n.Mounts[i]
}

// diskOf returns the disk that has the partition of a label; "" if none has it.
func diskOf(n node.Node, device string) string {
	label, labelled := strings.CutPrefix(device, "/dev/disk/by-partlabel/")
	i := slices.IndexFunc(n.Disks, func(d node.Disk) bool {
		return slices.ContainsFunc(d.Partitions, func(p node.Partition) bool { return labelled && p.Label == label })
	})
	if i < 0 {
		return ""
	}
	return n.Disks[i].Device
}

// filesystemOf returns a filesystem with the fields of its mount.
func filesystemOf(f node.Filesystem, m node.Mount) node.Filesystem {
	f.Path, f.Format, f.Options = m.Path, m.Format, node.InInitrd(m.Options)
	return f
}

// bootDisks writes the commands for disks, before all others: files are on disks.
func (w *writer) bootDisks(n node.Node) {
	run := func(o node.Origin, words []string) {
		w.item(1, o)
		for i, word := range words {
			lead := "  "
			if i == 0 {
				lead = "- "
			}
			if !strings.Contains(word, "\n") {
				w.line(1, "%s- %s", lead, command(word))
				continue
			}
			w.line(1, "%s- |", lead)
			for l := range strings.SplitSeq(strings.TrimSuffix(word, "\n"), "\n") {
				w.line(4, "%s", l)
			}
		}
	}
	for i, d := range n.Disks {
		words := append(perInstance(fmt.Sprintf(diskName, i), partitionScript), d.Device, orErase(d.WipeTable))
		for _, p := range d.Partitions {
			words = append(words, sfdisk(p))
		}
		run(d.Origin, words)
	}
	for i, f := range n.Filesystems {
		options := strings.Join(mountOf(n, f).Options, ",")
		if f.Path != "" && options == "" {
			options = "defaults"
		}
		run(f.Origin, append(perInstance(fmt.Sprintf(filesystemName, i), filesystemScript), f.Device, f.Format, f.Label, orErase(f.Wipe), f.Path, options, diskOf(n, f.Device)))
	}
}

// bootDisk reads a command of bootDisks, and reports whether it is one.
func (r *userData) bootDisk(words []string) bool {
	rest := func(name, script string) []string {
		first := perInstance(name, script)
		if len(words) < len(first)+2 || !slices.Equal(words[:len(first)], first) {
			return nil
		}
		return words[len(first):]
	}
	if args := rest(fmt.Sprintf(diskName, len(r.node.Disks)), partitionScript); args != nil {
		return r.partitions(args)
	}
	args := rest(fmt.Sprintf(filesystemName, len(r.node.Filesystems)), filesystemScript)
	if len(args) != 7 || args[6] != diskOf(r.node, args[0]) || args[3] != orErase(false) && args[3] != orErase(true) || (args[4] == "") != (args[5] == "") {
		return false
	}
	f := node.Filesystem{Device: args[0], Format: args[1], Label: args[2], Wipe: args[3] == orErase(true)}
	if args[4] != "" {
		m := node.Mount{Device: f.Device, Path: args[4], Format: f.Format}
		if args[5] != "defaults" {
			m.Options = strings.Split(args[5], ",")
		}
		f = filesystemOf(f, m)
		r.node.Mounts = append(r.node.Mounts, m)
	}
	r.node.Filesystems = append(r.node.Filesystems, f)
	return true
}

func (r *userData) partitions(args []string) bool {
	d := node.Disk{Device: args[0], WipeTable: args[1] == orErase(true)}
	for _, line := range args[2:] {
		m := partitionLine().FindStringSubmatch(line)
		if m == nil {
			return false
		}
		p := node.Partition{Label: m[4]}
		for i, into := range []*int{&p.Number, &p.StartMiB, &p.SizeMiB} {
			*into, _ = strconv.Atoi(m[i+1]) // digits, or none
		}
		if sfdisk(p) != line {
			return false
		}
		d.Partitions = append(d.Partitions, p)
	}
	r.node.Disks = append(r.node.Disks, d)
	return args[1] == orErase(d.WipeTable)
}
