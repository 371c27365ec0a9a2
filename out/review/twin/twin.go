// Package twin makes the copy of a machine that may be shown: the same document, with
// every secret replaced by a fingerprint and every certificate by its fields. Any change
// of a secret changes a line of the twin; no byte of a secret that hagen writes is in it.
package twin

import (
	"net/url"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/redact"
)

// Of returns the twin of a node. Nothing in a twin is marked secret. The twin of a twin is
// the same. If a key of the machine is in an unexpected place, or in pieces, the whole
// contents there are hidden.
func Of(n node.Node) node.Node { return of(n, piecesOf(n)) }

// of is Of with the keys that must not be in it.
func of(n node.Node, keys *keyPieces) node.Node {
	hide := func(shown []byte) []byte {
		if keys.in(shown) {
			return []byte(redact.Everything)
		}
		return shown
	}
	// comment hides secrets in comments of a document that was edited by hand.
	comment := func(o *node.Origin) {
		o.Section, o.Why = string(redact.Line([]byte(o.Section))), string(redact.Text([]byte(o.Why)))
		if keys.in([]byte(o.Section)) || keys.in([]byte(o.Why)) {
			o.Section, o.Why = "", redact.Hidden
		}
	}
	n.Groups = each(n.Groups, func(g *node.Group) { comment(&g.Origin) })
	n.Users = each(n.Users, func(u *node.User) { comment(&u.Origin) })
	n.Disks = each(n.Disks, func(d *node.Disk) { comment(&d.Origin) })
	n.Filesystems = each(n.Filesystems, func(f *node.Filesystem) { comment(&f.Origin) })
	n.Mounts = each(n.Mounts, func(m *node.Mount) { comment(&m.Origin) })
	n.Directories = each(n.Directories, func(d *node.Directory) { comment(&d.Origin) })
	n.Files = each(n.Files, func(f *node.File) {
		comment(&f.Origin)
		f.Contents, f.Secret, f.Source.URL = hide(redact.Text(f.Contents)), false, open(f.Source.URL)
	})
	n.Links = each(n.Links, func(l *node.Link) { comment(&l.Origin) })
	n.Units = each(n.Units, func(u *node.Unit) {
		comment(&u.Origin)
		// systemd reads a unit line by line, so a line stays one line.
		lines := func(contents string) string {
			shown := redact.Line([]byte(contents))
			if keys.in(shown) {
				shown = []byte("# " + redact.Everything)
			}
			return string(shown)
		}
		u.Contents = lines(u.Contents)
		u.DropIns = each(u.DropIns, func(d *node.DropIn) { d.Contents = lines(d.Contents) })
	})
	return n
}

// open returns a URL without credentials: hagen writes none, people do.
func open(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "http://" + strings.ToLower(redact.Hidden)
	}
	if u.User != nil {
		u.User = url.User(redact.Hidden)
	}
	if u.RawQuery != "" {
		u.RawQuery = redact.Hidden
	}
	return u.String()
}

func each[T any](items []T, change func(*T)) []T {
	items = slices.Clone(items)
	for i := range items {
		change(&items[i])
	}
	return items
}
