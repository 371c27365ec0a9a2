package node

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Add appends the items of parts to n. It replaces nothing: Clashes reports
// two items with the same name or path.
func (n *Node) Add(parts ...Node) {
	for _, p := range parts {
		n.Groups = append(n.Groups, p.Groups...)
		n.Users = append(n.Users, p.Users...)
		n.Disks = append(n.Disks, p.Disks...)
		n.Filesystems = append(n.Filesystems, p.Filesystems...)
		n.Directories = append(n.Directories, p.Directories...)
		n.Files = append(n.Files, p.Files...)
		n.Links = append(n.Links, p.Links...)
		n.Mounts = append(n.Mounts, p.Mounts...)
		n.Units = append(n.Units, p.Units...)
	}
}

// Clashes lists conflicts: one path for two items, one name for two users,
// groups or units, one device for two disks or filesystems, one place for two
// mounts, an item below a file or link. Each entry is a sentence without a
// stop that names both origins.
func (n Node) Clashes() []string {
	var out []string
	paths := map[string]string{}
	claim := func(kind, name, from string) {
		key := kind + name
		if first, taken := paths[key]; taken {
			out = append(out, fmt.Sprintf("%s%s comes from both %s and %s", kind, name, first, from))
			return
		}
		paths[key] = from
	}
	for _, g := range n.Groups {
		claim("group ", g.Name, g.From)
	}
	for _, u := range n.Users {
		claim("user ", u.Name, u.From)
	}
	for _, u := range n.Units {
		claim("unit ", u.Name, u.From)
		claim("", path.Join(UnitDir, u.Name), u.From)
		for _, d := range u.DropIns {
			claim("", d.Path(u.Name), u.From)
		}
	}
	for _, d := range n.Disks {
		claim("disk ", d.Device, d.From)
		for _, p := range d.Partitions {
			claim("partition ", p.Label, d.From)
		}
	}
	for _, f := range n.Filesystems {
		claim("filesystem ", f.Device, f.From)
	}
	for _, m := range n.Mounts {
		claim("mount ", m.Path, m.From)
	}
	for _, d := range n.Directories {
		claim("", d.Path, d.From)
	}
	for _, l := range n.Links {
		claim("", l.Path, l.From)
	}
	for _, f := range n.Files {
		claim("", f.Path, f.From)
	}
	return append(out, n.under(paths)...)
}

// under lists items whose path leads through a file or a link.
func (n Node) under(paths map[string]string) []string {
	leaf := map[string]bool{}
	for _, f := range n.Files {
		leaf[f.Path] = true
	}
	for _, l := range n.Links {
		leaf[l.Path] = true
	}
	var out []string
	for p, from := range paths {
		if !strings.HasPrefix(p, "/") {
			continue
		}
		for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
			if leaf[dir] {
				out = append(out, fmt.Sprintf("%s (%s) leads through %s, which is not a directory", p, from, dir))
			}
		}
	}
	slices.Sort(out)
	return out
}

// Overwriting returns the node with files that all replace existing ones, as
// cloud-init does.
func (n Node) Overwriting() Node {
	n.Files = slices.Clone(n.Files)
	for i := range n.Files {
		n.Files[i].Overwrite = true
	}
	return n
}

// Bare returns the node without origins, in the order of names and paths: two
// documents describe the same machine if their bare nodes are equal.
func (n Node) Bare() Node {
	bare := Node{Name: n.Name}
	for _, g := range n.Groups {
		g.Origin = Origin{}
		bare.Groups = append(bare.Groups, g)
	}
	for _, u := range n.Users {
		u.Origin = Origin{}
		u.Groups = slices.Sorted(slices.Values(u.Groups))
		bare.Users = append(bare.Users, u)
	}
	for _, d := range n.Disks {
		d.Origin = Origin{}
		bare.Disks = append(bare.Disks, d)
	}
	for _, f := range n.Filesystems {
		f.Origin = Origin{}
		bare.Filesystems = append(bare.Filesystems, f)
	}
	for _, m := range n.Mounts {
		m.Origin = Origin{}
		bare.Mounts = append(bare.Mounts, m)
	}
	for _, d := range n.Directories {
		d.Origin = Origin{}
		bare.Directories = append(bare.Directories, d)
	}
	for _, f := range n.Files {
		f.Origin = Origin{}
		bare.Files = append(bare.Files, f)
	}
	for _, l := range n.Links {
		l.Origin = Origin{}
		bare.Links = append(bare.Links, l)
	}
	for _, u := range n.Units {
		u.Origin = Origin{}
		u.DropIns = slices.SortedFunc(slices.Values(u.DropIns), func(a, b DropIn) int { return strings.Compare(a.Name, b.Name) })
		bare.Units = append(bare.Units, u)
	}
	bare.Further = slices.SortedFunc(slices.Values(n.Further), func(a, b Further) int { return strings.Compare(a.String(), b.String()) })
	slices.SortFunc(bare.Groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(bare.Users, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(bare.Disks, func(a, b Disk) int { return strings.Compare(a.Device, b.Device) })
	slices.SortFunc(bare.Filesystems, func(a, b Filesystem) int { return strings.Compare(a.Device, b.Device) })
	slices.SortFunc(bare.Mounts, func(a, b Mount) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(bare.Directories, func(a, b Directory) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(bare.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(bare.Links, func(a, b Link) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(bare.Units, func(a, b Unit) int { return strings.Compare(a.Name, b.Name) })
	return bare
}
