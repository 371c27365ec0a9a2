package media

import (
	"path"
	"slices"

	"hagen/gen/encode"
	"hagen/gen/network"
	"hagen/out/media/newc"
	"hagen/profiles"
)

// initrd makes the archive that is loaded after the operating system's initrd.
func initrd(_ Source, h *Host) ([]File, error) {
	return []File{h.carries("initrd.img", h.archiveWith(h.given().Text))}, nil
}

// Doubts says of which machines it is known that some images do not read what media of
// the kinds put into an initrd, one sentence for each operating system.
func Doubts(s Source, kinds, hosts []string) (notes []string) {
	if !slices.Contains(kinds, profiles.Initrd) && !slices.Contains(kinds, profiles.Netboot) {
		return nil
	}
	for _, h := range s.Hosts {
		if note := h.OS.Boot.Appended; note != "" && slices.Contains(hosts, h.Name) && !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	return notes
}

// takesKeyfiles reports whether the operating system takes the network's files from an
// initrd.
func (h *Host) takesKeyfiles() bool {
	return h.OS.Boot.Keyfiles != "" && h.OS.Network == profiles.NetworkManager
}

// keyfiles are the files of the host's static interfaces, by their names, where its system
// takes them before Ignition runs. They replace what kernel arguments say of the network.
func (h *Host) keyfiles() (files []newc.File) {
	for _, f := range h.Node.Files {
		if _, found := network.Read(f); found && h.takesKeyfiles() {
			files = append(files, newc.File{Path: path.Base(f.Path), Mode: 0o600, Data: f.Contents})
		}
	}
	return files
}

// archiveWith is a compressed archive with a document where the host's Ignition looks, and
// its keyfiles.
func (h *Host) archiveWith(config []byte) []byte {
	files := []newc.File{{Path: h.OS.Boot.Document, Mode: 0o600, Data: config}}
	for _, f := range h.keyfiles() {
		f.Path = path.Join(h.OS.Boot.Keyfiles, f.Path)
		files = append(files, f)
	}
	return encode.Gzip(newc.Archive(files))
}
