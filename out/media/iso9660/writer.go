// Package iso9660 writes small ISO 9660 volumes (ECMA-119) with the extensions Rock Ridge
// (IEEE P1282) and Joliet, from which Linux takes names as they are, and reads the primary
// tree of any. The same files give the same bytes: the times of files are fixed, and the
// volume's time and the identifier of its set are derived from the contents.
package iso9660

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf16"
)

// File is a file of a volume that is written. It belongs to root, who alone may read it.
type File struct {
	Path string // without a leading slash
	Data []byte
}

// Sector is the size of a volume's sectors, in bytes.
const Sector = sector

const (
	sector    = 2048
	longLabel = 16 // a Joliet label has as many characters of two bytes
	longName  = 64 // a name in Joliet's tree, in characters
)

// Types of the trees of a volume: each has its own directories and the same files.
const (
	plainTree  = iota // names of 8.3 characters, and Rock Ridge's beside them
	jolietTree        // names in UTF-16
	trees
)

// item is a directory or file of a volume.
type item struct {
	name   string
	short  string // its name in the plain tree
	isDir  bool
	data   []byte
	parent *item // of the root, itself
	below  []*item
	at     [trees]uint32 // sector of its directory or contents
	size   [trees]uint32 // in bytes
	number [trees]uint16 // of a directory in the path table
}

// layout is a volume while it is written.
type layout struct {
	label      string
	root       *item
	dirs       [trees][]*item // in the order of the path table
	files      []*item        // in the order of their contents
	pathTables [trees][2]uint32
	pathSize   [trees]uint32
	extensions uint32 // the sector that says that the plain tree has Rock Ridge
	sectors    uint32
}

// Image returns a volume. Labels have at most 16 characters, which are letters, digits,
// -, _ and blanks; names at most 64.
func Image(label string, files []File) ([]byte, error) {
	if label == "" || len(label) > longLabel || strings.Trim(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ ") != "" {
		return nil, fmt.Errorf("%q is not a label of a volume", label)
	}
	l := &layout{label: label}
	if err := l.plant(files); err != nil {
		return nil, err
	}
	for tree := range trees {
		l.order(tree)
	}
	l.place()
	image := make([]byte, l.sectors*sector)
	put := func(at uint32, data []byte) { copy(image[at*sector:], data) }
	id := l.identifier()
	put(16, l.descriptor(plainTree, id))
	put(17, l.descriptor(jolietTree, id))
	put(18, []byte("\xffCD001\x01"))
	for tree := range trees {
		put(l.pathTables[tree][0], l.pathTable(tree, binary.LittleEndian))
		put(l.pathTables[tree][1], l.pathTable(tree, binary.BigEndian))
		for _, dir := range l.dirs[tree] {
			put(dir.at[tree], l.directory(dir, tree))
		}
	}
	put(l.extensions, rockRidge())
	for _, f := range l.files {
		put(f.at[plainTree], f.data)
	}
	return image, nil
}

// plant makes the tree of items.
func (l *layout) plant(files []File) error {
	l.root = &item{isDir: true}
	l.root.parent = l.root
	for _, f := range slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Path, b.Path) }) {
		dir := l.root
		if f.Path == "" || path.Clean(f.Path) != f.Path || f.Path[0] == '/' || strings.HasPrefix(f.Path, "..") || f.Path == "." {
			return fmt.Errorf("%q is not a path in a volume", f.Path)
		}
		parts := strings.Split(f.Path, "/")
		for i, name := range parts {
			if !plainName(name) {
				return fmt.Errorf("%q is not a name in a volume", name)
			}
			last := i == len(parts)-1
			at := slices.IndexFunc(dir.below, func(e *item) bool { return e.name == name })
			if at >= 0 && (last || !dir.below[at].isDir) {
				return fmt.Errorf("%q is there twice", f.Path)
			}
			if at < 0 {
				at = len(dir.below)
				dir.below = append(dir.below, &item{name: name, isDir: !last, parent: dir})
			}
			dir = dir.below[at]
		}
		dir.data = f.Data
	}
	return nil
}

// plainName reports whether a name can be written in each tree.
func plainName(name string) bool {
	for _, r := range name {
		if r <= ' ' || r > '~' || strings.ContainsRune(`*/:;?\`, r) {
			return false
		}
	}
	return name != "" && len(name) <= longName
}

// order gives items their names in a tree, and lists the directories as the path table
// does: by depth, by their parent, by name.
func (l *layout) order(tree int) {
	queue := []*item{l.root}
	for n := 0; n < len(queue); n++ {
		dir := queue[n]
		dir.number[tree] = uint16(n + 1)
		if tree == plainTree {
			shorten(dir.below)
		}
		for _, e := range sorted(dir, tree) {
			if e.isDir {
				queue = append(queue, e)
			} else if tree == plainTree {
				l.files = append(l.files, e)
			}
		}
	}
	l.dirs[tree] = queue
}

// shorten gives the items of a directory names of 8.3 characters, all different.
func shorten(below []*item) {
	taken := map[string]bool{}
	for _, e := range below {
		stem, extension, _ := strings.Cut(e.name, ".")
		stem, extension = plain(stem, 8), plain(extension, 3)
		if e.isDir {
			extension = ""
		}
		short := func(stem string) string {
			if e.isDir {
				return stem
			}
			return stem + "." + extension
		}
		e.short = short(stem)
		for n := 1; taken[e.short]; n++ {
			digits := fmt.Sprint(n)
			e.short = short(stem[:min(len(stem), 8-len(digits))] + digits)
		}
		taken[e.short] = true
	}
}

// plain writes a name with the characters that ECMA-119 allows, 7.4.1.
func plain(name string, most int) string {
	out := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
	return out[:min(len(out), most)]
}

// identifierIn returns the name of an item as a tree has it. In Joliet's tree it has no
// version, as genisoimage writes it.
func (e *item) identifierIn(tree int) []byte {
	switch {
	case tree == jolietTree:
		return wide(e.name)
	case e.isDir:
		return []byte(e.short)
	}
	return []byte(e.short + ";1")
}

// wide writes a text in UTF-16 with the high byte first.
func wide(text string) (out []byte) {
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.BigEndian.AppendUint16(out, unit)
	}
	return out
}

// sorted lists a directory as a tree does.
func sorted(dir *item, tree int) []*item {
	return slices.SortedFunc(slices.Values(dir.below), func(a, b *item) int {
		return cmp.Compare(string(a.identifierIn(tree)), string(b.identifierIn(tree)))
	})
}

// place gives everything its sectors, one after the other.
func (l *layout) place() {
	next := uint32(19)
	take := func(size uint32) uint32 {
		at := next
		next += max(1, (size+sector-1)/sector)
		return at
	}
	for tree := range trees {
		l.pathSize[tree] = uint32(len(l.pathTable(tree, binary.LittleEndian)))
		for i := range l.pathTables[tree] {
			l.pathTables[tree][i] = take(l.pathSize[tree])
		}
	}
	for tree := range trees {
		for _, dir := range l.dirs[tree] {
			dir.size[tree] = uint32(len(l.directory(dir, tree)))
			dir.at[tree] = take(dir.size[tree])
		}
	}
	l.extensions = take(sector)
	for _, f := range l.files {
		at, size := take(uint32(len(f.data))), uint32(len(f.data))
		for tree := range trees {
			f.at[tree], f.size[tree] = at, size
		}
	}
	l.sectors = next
}

// identifier is derived from the names and contents of all files.
func (l *layout) identifier() string {
	sum := sha256.New()
	for _, f := range l.files {
		name := f.name
		for dir := f.parent; dir != l.root; dir = dir.parent {
			name = dir.name + "/" + name
		}
		fmt.Fprintf(sum, "%s\x00%d\x00", name, len(f.data))
		sum.Write(f.data)
	}
	return hex.EncodeToString(sum.Sum(nil))[:32]
}
