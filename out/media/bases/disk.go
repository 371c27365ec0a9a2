package bases

import (
	"encoding/binary"
	"hash/crc32"
	"unicode/utf16"
)

// Part is a partition of a disk. Its type is that of Linux' file systems.
type Part struct {
	Number      int
	Name        string
	Start, Size int64 // in sectors
	Content     []byte
}

// Debian are the partitions of Debian's cloud images: the root is number 1, the two
// that boot stand before it.
func Debian() []Part {
	return []Part{{1, "", 8192, 8192, []byte("root")}, {14, "", 2048, 2048, nil}, {15, "", 4096, 4096, nil}}
}

// Flatcar are the partitions of Flatcar's images (flatcar-docs, "Flatcar Container
// Linux disk layout").
func Flatcar() (parts []Part) {
	for n, name := range []string{"EFI-SYSTEM", "BIOS-BOOT", "USR-A", "USR-B", "", "OEM", "OEM-CONFIG", "", "ROOT"} {
		if name != "" {
			parts = append(parts, Part{n + 1, name, int64(4096 + 2048*n), 2048, nil})
		}
	}
	return parts
}

// CoreOS are the partitions of Fedora CoreOS' metal image (coreos-assembler,
// create_disk.sh) with the contents of the one that boots.
func CoreOS(boot []byte) []Part {
	size := int64(len(boot)+511) / 512
	return []Part{
		{1, "BIOS-BOOT", 2048, 2048, nil}, {2, "EFI-SYSTEM", 4096, 4096, nil},
		{3, "boot", 8192, size, boot}, {4, "root", 8192 + (size+2047)/2048*2048, 4096, nil},
	}
}

// Disk returns an image of a disk with a GUID partition table of 128 entries and
// sectors of that size.
func Disk(sector int64, parts []Part) []byte {
	const entries = 128 * 128
	end := int64(2048)
	list := make([]byte, entries)
	for _, p := range parts {
		end = max(end, p.Start+p.Size)
		e := list[128*(p.Number-1):]
		copy(e, "\xAF\x3D\xC6\x0F\x83\x84\x72\x47\x8E\x79\x3D\x69\xD8\x47\x7D\xE4")
		copy(e[16:], "hagen's fixture")
		e[31] = byte(p.Number)
		binary.LittleEndian.PutUint64(e[32:], uint64(p.Start))
		binary.LittleEndian.PutUint64(e[40:], uint64(p.Start+p.Size-1))
		for n, unit := range utf16.Encode([]rune(p.Name)) {
			binary.LittleEndian.PutUint16(e[56+2*n:], unit)
		}
	}
	listed := entries / sector
	last := (end+2047)/2048*2048 + listed // of the disk
	image := make([]byte, (last+1)*sector)
	for _, p := range parts {
		copy(image[p.Start*sector:][:p.Size*sector], p.Content)
	}
	image[510], image[511] = 0x55, 0xAA
	image[446+2], image[446+4], image[446+5], image[446+6], image[446+7], image[446+8] = 2, 0xEE, 0xFF, 0xFF, 0xFF, 1
	binary.LittleEndian.PutUint32(image[446+12:], uint32(min(last, 0xFFFFFFFF)))
	for _, c := range []struct{ at, other, list int64 }{{1, last, 2}, {last, 1, last - listed}} {
		copy(image[c.list*sector:], list)
		h := image[c.at*sector:][:92]
		copy(h, "EFI PART\x00\x00\x01\x00\x5C\x00\x00\x00")
		for at, n := range map[int]int64{24: c.at, 32: c.other, 40: listed + 2, 48: last - listed - 1, 72: c.list} {
			binary.LittleEndian.PutUint64(h[at:], uint64(n))
		}
		copy(h[56:], "a disk of a test")
		for at, n := range map[int]uint32{80: 128, 84: 128, 88: crc32.ChecksumIEEE(list)} {
			binary.LittleEndian.PutUint32(h[at:], n)
		}
		binary.LittleEndian.PutUint32(h[16:], crc32.ChecksumIEEE(h))
	}
	return image
}
