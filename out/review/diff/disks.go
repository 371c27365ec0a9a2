package diff

import (
	"fmt"
	"strings"

	"hagen/gen/node"
)

func diskFacts(d node.Disk) []fact {
	var partitions []string
	for _, p := range d.Partitions {
		text := fmt.Sprintf("%d %s", p.Number, p.Label)
		for _, part := range []struct {
			what string
			mib  int
		}{{"from", p.StartMiB}, {"of", p.SizeMiB}} {
			if part.mib > 0 {
				text += fmt.Sprintf(" %s %d MiB", part.what, part.mib)
			}
		}
		if p.Wipe {
			text += " wiped"
		}
		if p.Resize {
			text += " resized"
		}
		partitions = append(partitions, text)
	}
	return []fact{{"partitions", strings.Join(partitions, ", ")}, {"the table that is there", keptOr(d.WipeTable)}}
}

func filesystemFacts(f node.Filesystem) []fact {
	return []fact{
		{"format", f.Format}, {"label", f.Label}, {"path", f.Path}, {"options", strings.Join(f.Options, ", ")},
		{"a filesystem that is there", keptOr(f.Wipe)},
	}
}

func mountFacts(m node.Mount) []fact {
	return []fact{{"device", m.Device}, {"format", m.Format}, {"options", strings.Join(m.Options, ", ")}}
}

func keptOr(wiped bool) string {
	if wiped {
		return "wiped"
	}
	return "kept, or a fault"
}

// disks is why a change of a disk cannot be had in place.
const disks = "done once, at the first boot"

// ofDisks warns of data: what a machine is given anew is empty, and what it
// had is not seen any more.
func ofDisks(c Change) string {
	wiped := false
	for _, d := range c.Details {
		wiped = wiped || d.To == "wiped"
	}
	switch {
	case c.Kind == KindMachine || c.Kind != KindDisk && c.Kind != KindFilesystem && c.Kind != KindMount:
		return ""
	case wiped:
		return fmt.Sprintf("%s %s: what is on it is erased whenever the machine is made anew", c.Kind, c.Name)
	case c.Kind == KindMount:
		return fmt.Sprintf("%s: another disk is mounted there, or none: move what is there before, or have it made anew (etcd: as a member that lost its disk)", c.Name)
	case c.How == Changed:
		return fmt.Sprintf("%s %s is described otherwise: Ignition fails on a disk that holds something else, and never erases it unless it is told to", c.Kind, c.Name)
	}
	return ""
}
