package diff

import (
	"cmp"
	"fmt"
	"io/fs"
	"strings"

	"hagen/gen/node"
)

func userProperties(u node.User) []property {
	return []property{
		{"primary group", u.Primary}, {"groups", strings.Join(u.Groups, ", ")}, {"home", u.Home}, {"shell", u.Shell},
		{"system account", fmt.Sprint(u.System)}, {"SSH keys", strings.Join(u.SSHKeys, ", ")},
	}
}

func access(user, group string, mode fs.FileMode) []property {
	return []property{{"owner", cmp.Or(user, "root")}, {"group", cmp.Or(group, "root")}, {"mode", fmt.Sprintf("%04o", mode)}}
}

// existing is what a first boot does if the system brings a file of that path: replace
// it, or fail.
func existing(f *node.File) property {
	if f.Overwrite {
		return property{detailExisting, "replaced"}
	}
	return property{detailExisting, "an error"}
}

// origin is where a file is fetched from, and its digest.
func origin(f *node.File) []property {
	digest := f.Source.Hash
	if kind, value, found := strings.Cut(digest, "-"); found && len(value) > 16 {
		digest = kind + "-" + value[:16] + "…"
	}
	return []property{{detailFetched, f.Source.URL}, {"digest", digest}}
}

func diskProperties(d node.Disk) []property {
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
	return []property{{"partitions", strings.Join(partitions, ", ")}, {"an existing table", keptOr(d.WipeTable)}}
}

func filesystemProperties(f node.Filesystem) []property {
	return []property{
		{"format", f.Format}, {"label", f.Label}, {"path", f.Path}, {"options", strings.Join(f.Options, ", ")},
		{"an existing filesystem", keptOr(f.Wipe)},
	}
}

func mountProperties(m node.Mount) []property {
	return []property{{"device", m.Device}, {"format", m.Format}, {"options", strings.Join(m.Options, ", ")}}
}

func keptOr(wiped bool) string {
	if wiped {
		return "wiped"
	}
	return "kept if it fits, else an error"
}
