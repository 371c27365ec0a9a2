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

// cloud-init's own disk_setup knows sizes in percent and no labels, and its
// fs_setup formats a device that holds another filesystem than it looks for,
// whatever `overwrite` says (cc_disk_setup.py, mkfs: "cleared for formatting").
// So bootcmd does what Ignition does: what is there as described is kept, what
// is empty is made, and anything else is left alone and told. What Ignition
// erases in spite of that, a table when it is to format the disk and a
// filesystem when it is to partition it, is left alone, too.

// Once in the life of an instance; the device and the rest follow.
const (
	diskName       = "hagen-disk-%d"
	filesystemName = "hagen-filesystem-%d"
)

// diskTools begin both scripts. $1 is the device.
//
// probe sets holds to what blkid(8) says of the contents. To it a device that
// cannot be read is as one that is empty (2, and not a word), so both ends,
// where all signatures are, must be readable; and of one with the signatures of
// two formats it names none (8). The device is erased once in the life of the
// system, as long as cloud-init remembers it, and not for every changed document.
//
// shellcheck disable=SC2086 $tries $end $at: they are numbers.
//
//go:embed scripts/disk-tools.sh
var diskTools string

// partitionScript: $2 is whether to erase the table, and a line for sfdisk(8)
// for each partition follows.
//
//go:embed scripts/partitions.sh
var partitionScript string

// filesystemScript: $2 is the format, $3 the label, $4 whether to erase it, $5
// where it is mounted, $6 with which options, and $7 the disk of which it is a
// partition: another disk may have one with the same label.
//
// shellcheck disable=SC2016: within ${3:+} and double quotes, single ones are text.
//
//go:embed scripts/filesystem.sh
var filesystemScript string

// perInstance begins a command that is run once in the life of an instance.
func perInstance(name, script string) []string {
	return []string{"cloud-init-per", "instance", name, "sh", "-c", diskTools + script, "sh"}
}

// partitionLine is what sfdisk reads.
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

// orErase is the word of a script for what is kept or erased.
func orErase(erase bool) string {
	if erase {
		return "erase"
	}
	return "keep"
}

// disksFor says what of a node's disks cloud-init cannot be told; "" is
// nothing.
func disksFor(n node.Node) string {
	for _, d := range n.Disks {
		for _, p := range d.Partitions {
			if p.Wipe || p.Resize {
				return fmt.Sprintf("the partition %s of %s is to be wiped or resized, for which cloud-init has no words", p.Label, d.Device)
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
			return fmt.Sprintf("the filesystem of %s is not mounted as it was when it was made", f.Device)
		}
	}
	if mounts != len(n.Mounts) {
		return "a mount has no filesystem"
	}
	return ""
}

// mountOf gives the mount of a filesystem, the zero one if there is none.
func mountOf(n node.Node, f node.Filesystem) node.Mount {
	i := slices.IndexFunc(n.Mounts, func(m node.Mount) bool { return m.Device == f.Device })
	if i < 0 {
		return node.Mount{}
	}
	return n.Mounts[i]
}

// diskOf gives the disk that has a partition by its label, "" if none does.
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

// filesystemOf is a filesystem with what its mount says.
func filesystemOf(f node.Filesystem, m node.Mount) node.Filesystem {
	f.Path, f.Format, f.Options = m.Path, m.Format, node.InInitrd(m.Options)
	return f
}

// disks writes the commands, before all others: files are made on disks.
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

// bootDisk reads a command of bootDisks, and says whether it is one.
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
