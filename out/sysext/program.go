package sysext

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// machines are ELF's numbers of the processors that systemd names (elf.h, and
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
	elfHead    = 64 // bytes of the header of 64 bits
	elfClass64 = 2
	elfInterp  = 3 // PT_INTERP: the program that loads a linked one
)

// Program says what a binary needs of a machine: an error if it is none for
// the processor; linked if it takes libraries of the operating system.
func Program(name string, r io.ReaderAt, arch string) (linked bool, err error) {
	head := make([]byte, elfHead)
	if _, err := r.ReadAt(head, 0); err != nil || string(head[:4]) != "\x7fELF" {
		return false, fmt.Errorf("%s: is no program of Linux (no ELF file)", name)
	}
	m := machines[arch]
	if m.order.Uint16(head[18:]) != m.number || head[4] != elfClass64 {
		return false, fmt.Errorf("%s: is a program for another processor, not for %s", name, arch)
	}
	at, size, count := int64(m.order.Uint64(head[32:])), int64(m.order.Uint16(head[54:])), int64(m.order.Uint16(head[56:]))
	for n := range count {
		kind := make([]byte, 4)
		if _, err := r.ReadAt(kind, at+n*size); err != nil {
			return false, fmt.Errorf("%s: is cut short", name)
		}
		linked = linked || m.order.Uint32(kind) == elfInterp
	}
	return linked, nil
}

// Check opens each binary of an image and looks at it. The error joins nothing
// but names the first: a directory with wrong binaries has all of them wrong.
func (i Image) Check() error {
	for _, b := range i.Binaries {
		linked, err := b.look(i.Arch)
		switch {
		case err != nil:
			return err
		case linked && i.For.ID == Any:
			return fmt.Errorf("%s: is linked against libraries of an operating system, so it does not run on any; take a static one, or name the system that has them, such as --for fedora:43", b.Name)
		}
	}
	return nil
}

// look reads a binary into a file, since ELF is read in any order.
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
