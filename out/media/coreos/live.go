// Package coreos knows how Fedora CoreOS takes its document from the media it boots
// from: the area for an initrd in its live ISO, and the files in its boot partition.
package coreos

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"hagen/out/media/iso9660"
)

// Names in the live ISO (coreos/coreos-installer, src/live/embed.rs and
// src/live/customize.rs), as its primary tree has them.
const (
	infoPath     = "COREOS/IGNINFO.JSO"
	featuresPath = "COREOS/FEATURES.JSO"
	rootfsPath   = "IMAGES/PXEBOOT/ROOTFS.IMG"
	kernelPath   = "IMAGES/PXEBOOT/VMLINUZ"
	legacyPath   = "IMAGES/IGNITION.IMG"
)

const (
	mostJSON = 64 << 10
	mostArea = 16 << 20 // bytes of an area: all that are known have 262144
	mostRest = 32 << 20 // bytes after the volume's end: what makes it bootable from a stick
)

// Errors of live ISOs.
var (
	ErrForeign = errors.New("is an ISO, but not Fedora CoreOS's live ISO")
	ErrLegacy  = errors.New("is a live ISO from before 2023, which does not say where a document goes")
	ErrMinimal = errors.New("is a minimal ISO, which fetches the rest of the system from a server")
	ErrBroken  = errors.New("is a live ISO that contradicts itself")
	ErrUsed    = errors.New("already has a document")
	ErrLonger  = errors.New("is much longer than the volume in it, like a copy of a whole USB stick")
	ErrOld     = errors.New("is a live ISO whose installer or network reads no files")
)

// Live is a live ISO without a document.
type Live struct {
	Label string // of the volume: its stream's release
	Arch  string // of the kernel, as Go calls it; "" is unknown
	Area  iso9660.Extent

	// What it can do (coreos/features.json).
	Installs bool // its installer reads files: Installing
	Keyfiles bool // its initrd reads NetworkManager's files: NetworkDir
}

// ReadLive looks at a live ISO; size is the length of its file.
func ReadLive(r io.ReaderAt, size int64) (*Live, error) {
	v, err := iso9660.Open(r, size)
	if err != nil {
		return nil, err
	}
	area, err := area(v)
	if err != nil {
		return nil, err
	}
	if size-v.Size > mostRest {
		return nil, ErrLonger
	}
	if _, err := v.Find(rootfsPath); errors.Is(err, iso9660.ErrNotFound) {
		return nil, ErrMinimal
	}
	var features struct {
		Installs bool `json:"installer-config"`
		Keyfiles bool `json:"live-initrd-network"`
	}
	if err := decode(v, featuresPath, &features); err != nil && !errors.Is(err, iso9660.ErrNotFound) {
		return nil, err
	}
	if err := pristine(r, area); err != nil {
		return nil, err
	}
	return &Live{Label: v.Label, Arch: arch(r, v), Area: area, Installs: features.Installs, Keyfiles: features.Keyfiles}, nil
}

// area finds the area: a file, or on s390x a part of one.
func area(v *iso9660.Volume) (iso9660.Extent, error) {
	var none iso9660.Extent
	var info struct {
		File           string
		Offset, Length *int64
	}
	err := decode(v, infoPath, &info)
	if errors.Is(err, iso9660.ErrNotFound) {
		if _, err := v.Find(legacyPath); err == nil {
			return none, ErrLegacy
		}
		return none, ErrForeign
	}
	if err != nil {
		return none, err
	}
	e, err := v.Find(info.File)
	if errors.Is(err, iso9660.ErrNotFound) {
		return none, ErrBroken
	}
	if err != nil {
		return none, err
	}
	offset := int64(0)
	if info.Offset != nil {
		offset = *info.Offset
	}
	if offset < 0 || offset > e.Size {
		return none, ErrBroken
	}
	length := e.Size - offset
	if info.Length != nil {
		length = *info.Length
	}
	if length <= 0 || length > e.Size-offset || length > mostArea {
		return none, ErrBroken
	}
	return iso9660.Extent{Offset: e.Offset + offset, Size: length}, nil
}

// decode reads a JSON file of the volume.
func decode(v *iso9660.Volume, path string, into any) error {
	text, err := v.Read(path, mostJSON)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return ErrBroken
	}
	return nil
}

// pristine returns ErrUsed if an area has other bytes than zeros.
func pristine(r io.ReaderAt, area iso9660.Extent) error {
	text := make([]byte, area.Size)
	if _, err := r.ReadAt(text, area.Offset); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(bytes.Trim(text, "\x00")) > 0 {
		return ErrUsed
	}
	return nil
}

// machines are the numbers of processors in kernels that firmware can start (PE,
// "Machine Types").
var machines = map[uint16]string{0x8664: "amd64", 0xAA64: "arm64"}

// arch returns the processor that the kernel is for, or "" if it does not say.
func arch(r io.ReaderAt, v *iso9660.Volume) string {
	kernel, err := v.Find(kernelPath)
	if err != nil {
		return ""
	}
	head := make([]byte, min(4096, kernel.Size))
	if _, err := r.ReadAt(head, kernel.Offset); err != nil || len(head) < 4096 || string(head[:2]) != "MZ" {
		return ""
	}
	at := int(binary.LittleEndian.Uint32(head[0x3C:]) & 0xFFFF)
	if at+6 > len(head) || string(head[at:at+4]) != "PE\x00\x00" {
		return ""
	}
	return machines[binary.LittleEndian.Uint16(head[at+4:])]
}

// TooLarge is the error of an archive that does not fit.
type TooLarge struct{ Size, Room int64 }

func (e TooLarge) Error() string {
	return fmt.Sprintf("the compressed document has %d bytes, and the ISO has room for %d", e.Size, e.Room)
}

// Fits returns TooLarge if an archive has no room. It is written where the area begins:
// the zeros that follow are the rest of the area.
func (l *Live) Fits(archive []byte) error {
	if int64(len(archive)) > l.Area.Size {
		return TooLarge{int64(len(archive)), l.Area.Size}
	}
	return nil
}
