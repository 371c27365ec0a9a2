// Package gpt reads the partition table of a disk image (UEFI Specification, chapter
// 5, "GUID Partition Table (GPT) Disk Layout"), and adds a partition before the first
// one. It reads and writes no files.
package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"unicode/utf16"
)

// Offsets and sizes of a table.
const (
	signature   = "EFI PART"
	headerBytes = 92
	entryBytes  = 128
	mostEntries = 1024 // real tables have 128
	nameUnits   = 36   // UTF-16 code units of a partition's name
	protective  = 0xEE // type of the partition in the MBR of a disk with a GPT
	mbrTable    = 446
)

// Errors of images.
var (
	ErrForeign = errors.New("has no GUID partition table")
	ErrBroken  = errors.New("has a GUID partition table that is damaged")
	ErrHybrid  = errors.New("has an MBR with partitions of its own beside its GUID partition table")
	ErrNoRoom  = errors.New("has no room before its first partition")
	ErrTaken   = errors.New("has bytes before its first partition, as of a boot loader")
	ErrFull    = errors.New("has no free entry in its partition table")
)

// CutShort is the error of a disk that is longer than its file.
type CutShort struct{ Want, Have int64 }

func (e CutShort) Error() string {
	return fmt.Sprintf("is cut short: its disk has %d bytes, the file %d", e.Want, e.Have)
}

// Table is a partition table, of which both copies are whole and the same.
type Table struct {
	Partitions []Partition // in the order of their numbers
	sector     int64
	first      int64 // the first sector that partitions may use
	entries    []byte
	copies     [2]header // the first, and the one at the disk's end
	r          io.ReaderAt
}

// Partition is an entry of a table.
type Partition struct {
	Number       int // from 1
	Name         string
	Offset, Size int64 // in bytes
}

// header is one of the two headers, with where it is.
type header struct {
	text []byte // headerBytes, or more
	at   int64  // in bytes
	list int64  // where its entries are, in bytes
}

// Write is what is to be written into an image.
type Write struct {
	Offset int64
	Bytes  []byte
}

// Read reads the table of an image of that size. The error is one of this package's,
// or that of the reader.
func Read(r io.ReaderAt, size int64) (*Table, error) {
	t := &Table{r: r}
	for _, sector := range []int64{512, 4096} { // disks have sectors of either size
		text := make([]byte, len(signature))
		if _, err := r.ReadAt(text, sector); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if string(text) == signature {
			t.sector = sector
			break
		}
	}
	if err := t.mbr(); err != nil {
		return nil, err
	}
	if t.sector == 0 { // but there is what protects it
		return nil, ErrBroken
	}
	first, entries, err := t.copy(t.sector, size)
	if err != nil {
		return nil, err
	}
	second, others, err := t.copy(t.offset(first.text[32:]), size)
	if err != nil {
		return nil, err
	}
	if second.at <= first.at || !bytes.Equal(entries, others) || t.offset(second.text[32:]) != first.at || !bytes.Equal(first.text[40:72], second.text[40:72]) {
		return nil, ErrBroken
	}
	t.copies, t.entries, t.first = [2]header{first, second}, entries, int64(binary.LittleEndian.Uint64(first.text[40:]))
	if t.first*t.sector < first.list+int64(len(entries)) {
		return nil, ErrBroken
	}
	return t, t.partitions(size)
}

// mbr refuses an MBR that is not the one that only protects the GPT.
func (t *Table) mbr() error {
	text := make([]byte, 512)
	if _, err := t.r.ReadAt(text, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if text[510] != 0x55 || text[511] != 0xAA {
		return ErrForeign
	}
	protects := false
	for n := range 4 {
		switch text[mbrTable+16*n+4] {
		case 0:
		case protective:
			protects = true
		default:
			return ErrHybrid
		}
	}
	if !protects {
		return ErrForeign
	}
	return nil
}

// offset reads a sector's number as an offset in bytes; -1 if there is none.
func (t *Table) offset(text []byte) int64 {
	if n := binary.LittleEndian.Uint64(text); n < 1<<48 {
		return int64(n) * t.sector
	}
	return -1
}

// copy reads a header and its entries.
func (t *Table) copy(at, size int64) (h header, entries []byte, err error) {
	if at < 0 {
		return h, nil, ErrBroken
	}
	if at+t.sector > size {
		return h, nil, CutShort{at + t.sector, size}
	}
	text := make([]byte, t.sector)
	if _, err := t.r.ReadAt(text, at); err != nil && !errors.Is(err, io.EOF) {
		return h, nil, err
	}
	length := binary.LittleEndian.Uint32(text[12:])
	if string(text[:8]) != signature || length < headerBytes || int64(length) > t.sector || t.offset(text[24:]) != at {
		return h, nil, ErrBroken
	}
	h = header{text[:length], at, t.offset(text[72:])}
	if sum := binary.LittleEndian.Uint32(text[16:]); sum != checksum(h.text) {
		return h, nil, ErrBroken
	}
	count := binary.LittleEndian.Uint32(text[80:])
	if count == 0 || count > mostEntries || binary.LittleEndian.Uint32(text[84:]) != entryBytes || h.list < 0 {
		return h, nil, ErrBroken
	}
	entries = make([]byte, count*entryBytes)
	if end := h.list + int64(len(entries)); end > size {
		return h, nil, CutShort{end, size}
	}
	if _, err := t.r.ReadAt(entries, h.list); err != nil && !errors.Is(err, io.EOF) {
		return h, nil, err
	}
	if crc32.ChecksumIEEE(entries) != binary.LittleEndian.Uint32(text[88:]) {
		return h, nil, ErrBroken
	}
	return h, entries, nil
}

// checksum is a header's, whose own field counts as zero.
func checksum(text []byte) uint32 {
	text = slices.Clone(text)
	clear(text[16:20])
	return crc32.ChecksumIEEE(text)
}

// entry returns the bytes of an entry, from 0.
func (t *Table) entry(n int) []byte { return t.entries[n*entryBytes:][:entryBytes] }

func used(entry []byte) bool { return !bytes.Equal(entry[:16], make([]byte, 16)) }

// partitions reads the entries that are used.
func (t *Table) partitions(size int64) error {
	for n := range len(t.entries) / entryBytes {
		e := t.entry(n)
		if !used(e) {
			continue
		}
		start, last := t.offset(e[32:]), t.offset(e[40:])
		if start < t.first*t.sector || last < start {
			return ErrBroken
		}
		if end := last + t.sector; end > size {
			return CutShort{end, size}
		}
		var name []uint16
		for at := 56; at < entryBytes && (e[at] != 0 || e[at+1] != 0); at += 2 {
			name = append(name, binary.LittleEndian.Uint16(e[at:]))
		}
		t.Partitions = append(t.Partitions, Partition{n + 1, string(utf16.Decode(name)), start, last + t.sector - start})
	}
	return nil
}

// Sector is the size of the disk's sectors.
func (t *Table) Sector() int64 { return t.sector }

// Find returns the partition of a name; found is false if there is none, or more than
// one.
func (t *Table) Find(name string) (p Partition, found bool) {
	for _, other := range t.Partitions {
		if other.Name == name {
			if found {
				return Partition{}, false
			}
			p, found = other, true
		}
	}
	return p, found
}

// GUID identifies a partition, as a table holds it.
type GUID [16]byte

// linuxData is the type "Linux filesystem data", 0FC63DAF-8483-4772-8E79-3D69D8477DE4
// (uapi-group.org, Discoverable Partitions Specification). systemd mounts no
// partition of this type by itself.
var linuxData = GUID{0xAF, 0x3D, 0xC6, 0x0F, 0x83, 0x84, 0x72, 0x47, 0x8E, 0x79, 0x3D, 0x69, 0xD8, 0x47, 0x7D, 0xE4}

// Identity makes a GUID of a digest: version 8 (RFC 9562), so that the same content has
// the same one.
func Identity(sum [32]byte) (id GUID) {
	copy(id[:], sum[:])
	id[7] = id[7]&0x0F | 0x80 // the version is in the third field, which is little-endian
	id[8] = id[8]&0x3F | 0x80
	return id
}

// align is where partitions begin: both kinds of sectors, and the blocks of file
// systems, are whole there.
const align = 4096

// Before adds a partition with that content before the first one: it moves nothing,
// and nothing that grows is in its way. It takes the last entry, so that the numbers of
// the others stay the next ones. It returns what is to be written.
func (t *Table) Before(name string, id GUID, content []byte) ([]Write, error) {
	if len(t.Partitions) == 0 {
		return nil, ErrNoRoom
	}
	if len(utf16.Encode([]rune(name))) > nameUnits || len(content) == 0 {
		return nil, ErrBroken
	}
	start := up(t.first*t.sector, align)
	size := up(int64(len(content)), t.sector)
	limit := slices.MinFunc(t.Partitions, func(a, b Partition) int { return int(min(1, max(-1, a.Offset-b.Offset))) }).Offset
	if start+size > limit {
		return nil, ErrNoRoom
	}
	there := make([]byte, size)
	if _, err := t.r.ReadAt(there, start); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(there, func(b byte) bool { return b != 0 }) {
		return nil, ErrTaken
	}
	number := len(t.entries)/entryBytes - 1
	if used(t.entry(number)) {
		return nil, ErrFull
	}
	return append([]Write{{start, content}}, t.with(number, entry(name, id, start/t.sector, (start+size)/t.sector-1))...), nil
}

func up(n, to int64) int64 { return (n + to - 1) / to * to }

// entry makes an entry; last is inclusive.
func entry(name string, id GUID, start, last int64) []byte {
	e := make([]byte, entryBytes)
	copy(e, linuxData[:])
	copy(e[16:], id[:])
	binary.LittleEndian.PutUint64(e[32:], uint64(start))
	binary.LittleEndian.PutUint64(e[40:], uint64(last))
	for n, unit := range utf16.Encode([]rune(name)) {
		binary.LittleEndian.PutUint16(e[56+2*n:], unit)
	}
	return e
}

// with returns both copies of the table with another entry. The one at the disk's end
// is first, as the specification wants it: a reader always finds a whole one.
func (t *Table) with(number int, e []byte) (writes []Write) {
	entries := slices.Clone(t.entries)
	copy(entries[number*entryBytes:], e)
	for _, h := range []header{t.copies[1], t.copies[0]} {
		text := slices.Clone(h.text)
		binary.LittleEndian.PutUint32(text[88:], crc32.ChecksumIEEE(entries))
		binary.LittleEndian.PutUint32(text[16:], checksum(text))
		writes = append(writes, Write{h.list, entries}, Write{h.at, text})
	}
	return writes
}
