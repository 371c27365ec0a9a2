package iso9660

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// The one time of all files: 2000-01-01, 00:00 UTC.
const (
	recordTime = "\x64\x01\x01\x00\x00\x00\x00" // years since 1900, as ECMA-119, 9.1.5, has it
	noTime     = "0000000000000000\x00"
)

// descriptorTime is the volume's own time (ECMA-119, 8.4.26.1), of which Linux makes its
// UUID (libblkid, superblocks/iso9660.c). So that two volumes differ in that, it is
// derived from the identifier, and is in one of the years 2000 to 2019.
func descriptorTime(id string) string {
	sum, _ := hex.DecodeString(id) // what identifier writes
	n := binary.BigEndian.Uint64(sum)
	take := func(most uint64) uint64 {
		out := n % most
		n /= most
		return out
	}
	return fmt.Sprintf("%04d%02d%02d%02d%02d%02d%02d\x00", 2000+take(20), 1+take(12), 1+take(28), take(24), take(60), take(60), take(100))
}

// both writes a number in both orders of bytes, as ECMA-119 does in most places.
func both(n uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, n), n)
}

func bothShort(n uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, n), n)
}

// descriptor writes the volume descriptor of a tree (ECMA-119, 8.4 and 8.5).
func (l *layout) descriptor(tree int, id string) []byte {
	d := make([]byte, sector)
	text := func(at, length int, text string) {
		if tree == plainTree {
			copy(d[at:at+length], text+strings.Repeat(" ", length))
			return
		}
		length = length / 2 * 2
		copy(d[at:at+length], wide(text+strings.Repeat(" ", length)))
	}
	kind := byte(1)
	if tree == jolietTree {
		kind = 2
		copy(d[88:], "%/E") // UCS-2, level 3
	}
	d[0] = kind
	copy(d[1:], "CD001\x01")
	text(8, 32, "")
	text(40, 32, l.label)
	copy(d[80:], both(l.sectors))
	copy(d[120:], bothShort(1))
	copy(d[124:], bothShort(1))
	copy(d[128:], bothShort(sector))
	copy(d[132:], both(l.pathSize[tree]))
	binary.LittleEndian.PutUint32(d[140:], l.pathTables[tree][0])
	binary.BigEndian.PutUint32(d[148:], l.pathTables[tree][1])
	copy(d[156:], record(l.root, "\x00", tree, nil))
	text(190, 128, id) // of the set
	for _, at := range []int{318, 446} {
		text(at, 128, "")
	}
	text(574, 128, "HAGEN")
	text(702, 111, "") // three names of files: there are none
	copy(d[813:], descriptorTime(id)+descriptorTime(id)+noTime+noTime)
	d[881] = 1
	return d
}

// pathTable lists the directories of a tree (ECMA-119, 9.4).
func (l *layout) pathTable(tree int, order binary.AppendByteOrder) (out []byte) {
	for _, dir := range l.dirs[tree] {
		name := dir.identifierIn(tree)
		if dir == l.root {
			name = []byte{0}
		}
		out = append(out, byte(len(name)), 0)
		out = order.AppendUint32(out, dir.at[tree])
		out = order.AppendUint16(out, dir.parent.number[tree])
		out = append(out, name...)
		if len(name)%2 != 0 {
			out = append(out, 0)
		}
	}
	return out
}

// directory writes the records of a directory. None crosses a sector's end.
func (l *layout) directory(dir *item, tree int) (out []byte) {
	add := func(r []byte) {
		if rest := sector - len(out)%sector; len(r) > rest {
			out = append(out, make([]byte, rest)...)
		}
		out = append(out, r...)
	}
	var self, above []byte
	if tree == plainTree {
		self, above = attributes(dir), attributes(dir.parent)
		if dir == l.root {
			self = append(l.pointer(), self...)
		}
	}
	add(record(dir, "\x00", tree, self))
	add(record(dir.parent, "\x01", tree, above))
	for _, e := range sorted(dir, tree) {
		var further []byte
		if tree == plainTree {
			further = append(attributes(e), longerName(e.name)...)
		}
		add(record(e, string(e.identifierIn(tree)), tree, further))
	}
	return append(out, make([]byte, (sector-len(out)%sector)%sector)...)
}

// record writes a directory record (ECMA-119, 9.1). further is what Rock Ridge adds.
func record(e *item, name string, tree int, further []byte) []byte {
	length := 33 + len(name) + 1 - len(name)%2 + len(further)
	r := append([]byte{byte(length + length%2), 0}, both(e.at[tree])...)
	r = append(r, both(e.size[tree])...)
	r = append(r, recordTime...)
	flags := byte(0)
	if e.isDir {
		flags = 2
	}
	r = append(r, flags, 0, 0)
	r = append(r, bothShort(1)...)
	r = append(r, byte(len(name)))
	r = append(r, name...)
	if len(name)%2 == 0 {
		r = append(r, 0)
	}
	r = append(r, further...)
	return append(r, make([]byte, length%2)...)
}

// attributes writes mode, links and owner (IEEE P1282, PX): root, who alone may read.
func attributes(e *item) []byte {
	mode, links := uint32(0o100400), uint32(1)
	if e.isDir {
		mode, links = 0o040500, 2
		for _, below := range e.below {
			if below.isDir {
				links++
			}
		}
	}
	px := []byte{'P', 'X', 36, 1}
	for _, n := range []uint32{mode, links, 0, 0} {
		px = append(px, both(n)...)
	}
	return px
}

// longerName writes an item's own name (IEEE P1282, NM).
func longerName(name string) []byte {
	return append([]byte{'N', 'M', byte(5 + len(name)), 1, 0}, name...)
}

// pointer begins the entries of the root directory: that the extensions are in use
// (IEEE P1281, SP), and where it is said which (CE).
func (l *layout) pointer() []byte {
	out := []byte{'S', 'P', 7, 1, 0xbe, 0xef, 0}
	out = append(out, 'C', 'E', 28, 1)
	out = append(out, both(l.extensions)...)
	out = append(out, both(0)...)
	return append(out, both(uint32(len(rockRidge())))...)
}

// rockRidge says which extension is in use (IEEE P1281, ER; the texts are IEEE P1282's).
func rockRidge() []byte {
	const (
		id     = "RRIP_1991A"
		about  = "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS"
		source = "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION."
	)
	out := []byte{'E', 'R', byte(8 + len(id) + len(about) + len(source)), 1, byte(len(id)), byte(len(about)), byte(len(source)), 1}
	return append(out, id+about+source...)
}
