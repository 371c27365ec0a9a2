package media

import (
	"path"

	"hagen/gen/encode"
	"hagen/gen/network"
	"hagen/out/media/newc"
	"hagen/profiles"
)

// initrd makes the archive that is loaded after the operating system's initrd.
func initrd(_ Source, h *Host) ([]File, error) {
	return []File{h.carries("initrd.img", h.archive())}, nil
}

// archive is a compressed archive with the host's document where its Ignition looks and,
// where the system takes them, the keyfiles of its static interfaces. Those replace what
// kernel arguments say about the network.
func (h *Host) archive() []byte {
	files := []newc.File{{Path: h.OS.Boot.Document, Mode: 0o600, Data: h.given().Text}}
	for _, f := range h.Node.Files {
		if _, found := network.Read(f); found && h.takesKeyfiles() {
			files = append(files, newc.File{Path: path.Join(h.OS.Boot.Keyfiles, path.Base(f.Path)), Mode: 0o600, Data: f.Contents})
		}
	}
	return encode.Gzip(newc.Archive(files))
}

// takesKeyfiles reports whether the operating system takes the network's files from an
// initrd.
func (h *Host) takesKeyfiles() bool {
	return h.OS.Boot.Keyfiles != "" && h.OS.Network == profiles.NetworkManager
}
