package coreos

import (
	"encoding/binary"
	"errors"
	"io"
)

// Where an installed Fedora CoreOS looks in its boot partition, at its first boot
// (coreos/coreos-installer, src/install.rs; coreos/fedora-coreos-config,
// coreos-ignition-setup-user.sh and coreos-copy-firstboot-network.sh).
const (
	// BootConfig is the document.
	BootConfig = "ignition/config.ign"
	// BootNetworkDir has NetworkManager's keyfiles, which replace what kernel arguments
	// say of the network.
	BootNetworkDir = "coreos-firstboot-network"
	// FirstBoot is there until the system has booted.
	FirstBoot = "ignition.firstboot"
)

// Errors of boot partitions.
var (
	ErrNotExt4 = errors.New("has a boot partition that is not ext4")
	ErrMounted = errors.New("has a boot partition that was mounted and not unmounted")
)

// Boot looks at the superblock of the boot partition at an offset (kernel documentation,
// filesystems/ext4, "Super Block").
func Boot(r io.ReaderAt, offset int64) error {
	const magic, mounted = 0xEF53, 4
	super := make([]byte, 1024)
	if _, err := r.ReadAt(super, offset+1024); errors.Is(err, io.EOF) {
		return ErrNotExt4
	} else if err != nil {
		return err
	}
	switch {
	case binary.LittleEndian.Uint16(super[0x38:]) != magic:
		return ErrNotExt4
	case binary.LittleEndian.Uint32(super[0x60:])&mounted != 0:
		return ErrMounted
	}
	return nil
}
