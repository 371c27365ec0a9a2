package iso9660

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Offsets and sizes of ISO 9660 (ECMA-119), as far as they are read here.
const (
	firstVolume    = 16      // the block of the first volume descriptor
	mostVolumes    = 64      // descriptors that are looked at: real media have three or four
	mostDirectory  = 1 << 20 // bytes of a directory: some 10,000 entries
	mostComponents = 8       // directories in a path: ECMA-119, 6.8.2.1
	recordHead     = 33      // bytes of a directory record before its name
	standard       = "CD001" // marks a volume descriptor
	primary        = 1       // the type of the descriptor of the primary tree
	terminator     = 255     // the type of the last one
	flagDirectory  = 1 << 1  // of a record's file flags
	flagContinued  = 1 << 7  // the file has another extent
	rootRecord     = 156     // where in the primary descriptor the root's record is
)

// Errors of volumes and of the files in them.
var (
	ErrForeign  = errors.New("is no ISO 9660 volume")
	ErrBroken   = errors.New("is an ISO 9660 volume that contradicts itself")
	ErrNotFound = errors.New("is not in the volume")
)

// CutShort is the error of a volume that is longer than its file.
type CutShort struct{ Want, Have int64 }

func (e CutShort) Error() string {
	return fmt.Sprintf("is cut short: its volume has %d bytes, the file %d", e.Want, e.Have)
}

// Volume is the primary tree of an ISO 9660 volume: names of 8.3 characters in
// upper case, without the extensions Rock Ridge and Joliet. It is what programs
// read that look into the live medium of Fedora CoreOS (coreos/coreos-installer,
// src/iso9660.rs).
type Volume struct {
	Label string // without the blanks that fill it up
	Size  int64  // in bytes, as the volume says
	r     io.ReaderAt
	root  Extent
}

// Extent is where in a volume the bytes of a file or directory are.
type Extent struct{ Offset, Size int64 }

// Open reads the primary volume descriptor. size is the file's, which may be longer
// than the volume, but not shorter. The error is ErrForeign, ErrBroken, a CutShort
// or that of the reader.
func Open(r io.ReaderAt, size int64) (*Volume, error) {
	for n := int64(0); n < mostVolumes; n++ {
		text := make([]byte, sector)
		if _, err := r.ReadAt(text, (firstVolume+n)*sector); errors.Is(err, io.EOF) && n == 0 {
			return nil, ErrForeign
		} else if errors.Is(err, io.EOF) {
			return nil, CutShort{(firstVolume + n + 1) * sector, size}
		} else if err != nil {
			return nil, err
		}
		if string(text[1:6]) != standard {
			if n == 0 {
				return nil, ErrForeign
			}
			return nil, ErrBroken
		}
		switch text[0] {
		case primary:
			return open(r, size, text)
		case terminator:
			return nil, ErrBroken
		}
	}
	return nil, ErrBroken
}

// open reads the primary volume descriptor (ECMA-119, 8.4).
func open(r io.ReaderAt, size int64, text []byte) (*Volume, error) {
	if binary.LittleEndian.Uint16(text[128:]) != sector {
		return nil, ErrBroken
	}
	v := &Volume{
		Label: strings.TrimRight(string(text[40:72]), " \x00"),
		Size:  int64(binary.LittleEndian.Uint32(text[80:])) * sector,
		r:     r,
	}
	if v.Size > size {
		return nil, CutShort{v.Size, size}
	}
	root, rest, ok := readRecord(text[rootRecord : rootRecord+recordHead+1])
	if !ok || rest != nil || root.flags&flagDirectory == 0 || !v.holds(root.Extent) {
		return nil, ErrBroken
	}
	v.root = root.Extent
	return v, nil
}

// holds reports whether an extent is in the volume.
func (v *Volume) holds(e Extent) bool { return e.Offset <= v.Size && e.Size <= v.Size-e.Offset }

// entry is a directory record (ECMA-119, 9.1).
type entry struct {
	Extent
	name  string
	flags byte
}

// readRecord reads the first record of a directory's bytes; rest is what follows it, nil
// if nothing does.
func readRecord(text []byte) (e entry, rest []byte, ok bool) {
	length := int(text[0])
	if length < recordHead || length > len(text) || recordHead+int(text[32]) > length {
		return entry{}, nil, false
	}
	e.Offset = int64(binary.LittleEndian.Uint32(text[2:])) * sector
	e.Size = int64(binary.LittleEndian.Uint32(text[10:]))
	e.flags = text[25]
	e.name = string(text[recordHead : recordHead+int(text[32])])
	if rest = text[length:]; len(rest) == 0 {
		rest = nil
	}
	return e, rest, true
}

// Find returns where a file is. Its path is written as people write it: directories
// are separated by slashes, and the case of letters does not count. The error is
// ErrNotFound, ErrBroken or that of the reader.
func (v *Volume) Find(path string) (Extent, error) {
	parts := strings.Split(strings.ToUpper(strings.Trim(path, "/")), "/")
	if len(parts) > mostComponents {
		return Extent{}, ErrNotFound
	}
	at := entry{Extent: v.root, flags: flagDirectory}
	for _, name := range parts {
		if at.flags&flagDirectory == 0 {
			return Extent{}, ErrNotFound
		}
		next, err := v.lookUp(at.Extent, name)
		if err != nil {
			return Extent{}, err
		}
		at = next
	}
	switch {
	case at.flags&flagDirectory != 0:
		return Extent{}, ErrNotFound
	case at.flags&flagContinued != 0 || !v.holds(at.Extent):
		return Extent{}, ErrBroken
	}
	return at.Extent, nil
}

// lookUp returns the record of a name in a directory.
func (v *Volume) lookUp(dir Extent, name string) (entry, error) {
	if dir.Size > mostDirectory || !v.holds(dir) {
		return entry{}, ErrBroken
	}
	text, err := v.read(dir)
	if err != nil {
		return entry{}, err
	}
	// A record does not cross a block's end: zeros fill the block up.
	for ; len(text) > 0; text = text[min(sector, len(text)):] {
		for rest := text[:min(sector, len(text))]; rest != nil && rest[0] != 0; {
			e, after, ok := readRecord(rest)
			if !ok {
				return entry{}, ErrBroken
			}
			if unversioned(e.name) == name {
				return e, nil
			}
			rest = after
		}
	}
	return entry{}, ErrNotFound
}

// unversioned returns a name without its version and the dot of a name that has no
// extension: VMLINUZ for "VMLINUZ.;1".
func unversioned(name string) string {
	name, _, _ = strings.Cut(name, ";")
	return strings.TrimSuffix(name, ".")
}

// Read returns the bytes of a file, which may have at most the given number.
func (v *Volume) Read(path string, most int64) ([]byte, error) {
	e, err := v.Find(path)
	if err != nil {
		return nil, err
	}
	if e.Size > most {
		return nil, ErrBroken
	}
	return v.read(e)
}

func (v *Volume) read(e Extent) ([]byte, error) {
	text := make([]byte, e.Size)
	if _, err := v.r.ReadAt(text, e.Offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	} else if err != nil && e.Size > 0 && !isWhole(v.r, e) {
		return nil, ErrBroken
	}
	return text, nil
}

// isWhole reports whether the last byte of an extent is there: a reader may return
// io.EOF together with the last bytes.
func isWhole(r io.ReaderAt, e Extent) bool {
	n, _ := r.ReadAt(make([]byte, 1), e.Offset+e.Size-1)
	return n == 1
}
