package encode

import (
	"strings"
	"unicode"

	"hagen/gen/node"
)

// restore sets the comments of a node's items from its Butane text, so that writing it
// gives the same text again. It finds none in a text with another layout.
func restore(n *node.Node, text []byte) {
	found := commentsAt(text, 1)
	give(found["passwd groups"], n.Groups, func(g *node.Group) *node.Origin { return &g.Origin })
	give(found["passwd users"], n.Users, func(u *node.User) *node.Origin { return &u.Origin })
	give(found["storage disks"], n.Disks, func(d *node.Disk) *node.Origin { return &d.Origin })
	give(found["storage filesystems"], n.Filesystems, func(f *node.Filesystem) *node.Origin { return &f.Origin })
	give(found["storage directories"], n.Directories, func(d *node.Directory) *node.Origin { return &d.Origin })
	give(found["storage files"], n.Files, func(f *node.File) *node.Origin { return &f.Origin })
	give(found["storage links"], n.Links, func(l *node.Link) *node.Origin { return &l.Origin })
	units := found["systemd units"]
	if len(units) == len(n.Mounts)+len(n.Units) { // Butane writes mounts before all other units
		give(units[:len(n.Mounts)], n.Mounts, func(m *node.Mount) *node.Origin { return &m.Origin })
		give(units[len(n.Mounts):], n.Units, func(u *node.Unit) *node.Origin { return &u.Origin })
	}
}

func give[T any](origins []node.Origin, items []T, of func(*T) *node.Origin) {
	if len(origins) != len(items) {
		return // another layout: it is unknown which item a comment belongs to
	}
	for i := range items {
		*of(&items[i]) = origins[i]
	}
}

// headingMark begins a comment that is the heading of a section.
const headingMark = "--- "

// commentsAt collects section and comment of every item, by list. The key of a list is
// indented by two spaces for each depth, its items by two more; with depth 1 the key above
// comes before its name. Texts of files and units are indented deeper than that.
func commentsAt(text []byte, depth int) map[string][]node.Origin {
	found := map[string][]node.Origin{}
	lead := strings.Repeat("  ", depth+1)
	var part, list, section string
	var above []string
	for line := range strings.SplitSeq(string(text), "\n") {
		key, isKey := strings.CutSuffix(strings.TrimLeft(line, " "), ":")
		comment, isComment := strings.CutPrefix(line, lead+"#")
		switch deep := len(line) - len(strings.TrimLeft(line, " ")); {
		case deep == 2*depth && isKey:
			list, section, above = strings.TrimSpace(part+" "+key), "", nil
		case deep == 0 && isKey:
			part, list = key, ""
		case list == "":
		case isComment:
			if comment = strings.TrimPrefix(comment, " "); !strings.ContainsFunc(comment, unprintable) {
				above = append(above, comment)
			}
		case strings.HasPrefix(line, lead+"- "):
			if len(above) > 0 && strings.HasPrefix(above[0], headingMark) {
				section, above = strings.TrimPrefix(above[0], headingMark), above[1:]
			}
			found[list] = append(found[list], node.Origin{Section: section, Why: strings.Join(above, "\n")})
			above = nil
		}
	}
	return found
}

// unprintable reports whether a character could end a comment's line, or is one that
// blockable refuses.
func unprintable(r rune) bool {
	return r != '\t' && !unicode.IsPrint(r) || r == unicode.ReplacementChar
}
