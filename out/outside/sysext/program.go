package sysext

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// machines are the ELF numbers of systemd's architectures (elf.h, and
// ConditionArchitecture= in systemd.unit(5)), all of 64 bits.
var machines = map[string]struct {
	number uint16
	order  binary.ByteOrder
}{
	"x86-64": {62, binary.LittleEndian}, "arm64": {183, binary.LittleEndian},
	"ppc64-le": {21, binary.LittleEndian}, "s390x": {22, binary.BigEndian},
}

// Offsets and values of ELF, as far as it is read here (elf(5)). debug/elf reads
// all of it, and makes hagen larger by what reads debuggers' data.
const (
	elfMagic   = "\x7fELF"
	elfHead    = 64 // bytes of the header of 64 bits
	elfClass64 = 2
	elfLoad    = 1 // PT_LOAD: what becomes memory
	elfInterp  = 3 // PT_INTERP: the program that loads a linked one
	elfNoBits  = 8 // SHT_NOBITS: a section without bytes in the file
)

// Program returns an error if a binary is not a program for the architecture.
// linked reports whether it needs libraries of the operating system.
func Program(name string, r io.ReaderAt, arch string) (linked bool, err error) {
	head := make([]byte, elfHead)
	if _, err := r.ReadAt(head, 0); err != nil || string(head[:4]) != elfMagic {
		return false, fmt.Errorf("%s: is not a Linux program (not an ELF file)", name)
	}
	m := machines[arch]
	if m.order.Uint16(head[18:]) != m.number || head[4] != elfClass64 {
		return false, fmt.Errorf("%s: is a program for another processor, not for %s", name, arch)
	}
	cut := fmt.Errorf("%s: is cut short", name)
	whole := func(offset, size uint64) bool { // the last byte of a part is there
		_, err := r.ReadAt(make([]byte, 1), int64(offset+size)-1)
		return size == 0 || err == nil
	}
	segments, ok := table(r, m.order.Uint64(head[32:]), m.order.Uint16(head[54:]), m.order.Uint16(head[56:]), 40)
	if !ok {
		return false, cut
	}
	for _, s := range segments {
		kind := m.order.Uint32(s)
		linked = linked || kind == elfInterp
		if kind == elfLoad && !whole(m.order.Uint64(s[8:]), m.order.Uint64(s[32:])) {
			return false, cut
		}
	}
	sections, ok := table(r, m.order.Uint64(head[40:]), m.order.Uint16(head[58:]), m.order.Uint16(head[60:]), 40)
	if !ok {
		return false, cut
	}
	for _, s := range sections {
		if m.order.Uint32(s[4:]) != elfNoBits && !whole(m.order.Uint64(s[24:]), m.order.Uint64(s[32:])) {
			return false, cut
		}
	}
	return linked, nil
}

// table reads the rows of an ELF table, the first bytes of each.
func table(r io.ReaderAt, offset uint64, size, count uint16, bytes int) (rows [][]byte, ok bool) {
	for n := range count {
		row := make([]byte, bytes)
		if _, err := r.ReadAt(row, int64(offset+uint64(n)*uint64(size))); err != nil {
			return nil, false
		}
		rows = append(rows, row)
	}
	return rows, true
}

// Check opens and checks each binary of an image. It returns only the first
// error: in a directory with wrong binaries all are wrong.
func (i Image) Check() error {
	for _, b := range i.Binaries {
		linked, err := b.look(i.Arch)
		switch {
		case err != nil:
			return err
		case linked && i.For.ID == Any:
			return fmt.Errorf("%s: needs libraries of an operating system, so it does not run on every system; use a static one, or name the system that has them, such as --for fedora:43", b.Name)
		}
	}
	return nil
}

// look copies a binary to a file, since ELF is not read in order, and checks
// it.
func (b Binary) look(arch string) (linked bool, err error) {
	from, err := b.Open()
	if err != nil {
		return false, err
	}
	defer from.Close()
	if r, direct := from.(io.ReaderAt); direct {
		return Program(b.Name, r, arch)
	}
	copied, err := os.CreateTemp("", "hagen-sysext-")
	if err != nil {
		return false, fmt.Errorf("%s: cannot be unpacked: %w", b.Name, reason(err))
	}
	defer os.Remove(copied.Name())
	defer copied.Close()
	if _, err := io.Copy(copied, from); err != nil {
		return false, fmt.Errorf("%s: cannot be unpacked: %w", b.Name, reason(err))
	}
	return Program(b.Name, copied, arch)
}
