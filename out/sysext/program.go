package sysext

import (
	"debug/elf"
	"fmt"
	"io"
	"os"
	"slices"
)

// machines are ELF's names of the processors that systemd names (elf.h and
// ConditionArchitecture= in systemd.unit(5)).
var machines = map[string]elf.Machine{
	"x86-64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "ppc64-le": elf.EM_PPC64, "s390x": elf.EM_S390,
}

// Program says what a binary needs of a machine: an error if it is none for
// the processor; linked if it takes libraries of the operating system.
func Program(name string, r io.ReaderAt, arch string) (linked bool, err error) {
	file, err := elf.NewFile(r)
	if err != nil {
		return false, fmt.Errorf("%s: is no program of Linux (no ELF file)", name)
	}
	if file.Machine != machines[arch] {
		return false, fmt.Errorf("%s: is a program for another processor (%s), not for %s", name, file.Machine, arch)
	}
	return slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }), nil
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
