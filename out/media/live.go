package media

import (
	"fmt"

	"hagen/out/media/coreos"
	"hagen/profiles"
)

// live makes the host's live ISO: the system in memory takes the document, or, if the host
// has a disk for that, installs itself there, and the installed system takes it.
func live(s Source, h *Host) ([]File, error) {
	base := s.base(profiles.ISO, h)
	if base == nil {
		return nil, nil
	}
	name, config := "live.iso", h.given().Text
	if h.InstallDisk != "" {
		if !base.live.Installs {
			return nil, fmt.Errorf("--base %s: its installer reads no files, so that it cannot install %s: download a current one", base.Path, h.Name)
		}
		name, config = "install.iso", h.installing()
	}
	if len(h.keyfiles()) > 0 && !base.live.Keyfiles {
		return nil, fmt.Errorf("--base %s: its initrd reads no NetworkManager keyfiles, and %s has static addresses: download a current one", base.Path, h.Name)
	}
	archive := h.archiveWith(config)
	if err := base.live.Fits(archive); err != nil {
		return nil, TooLarge{fmt.Errorf("%s: %w", h.given().Path, err)}
	}
	f := h.carries(name, nil).from(base, []Edit{{base.live.Area.Offset, archive}})
	f.InstallDisk = h.InstallDisk
	return []File{f}, nil
}

// installing is the document of a live system that installs itself. The keyfiles of the
// live system become the installed one's.
func (h *Host) installing() []byte {
	return coreos.Installing(h.given().Text, h.OS.Spec, coreos.Install{
		Device: h.InstallDisk, CopyNetwork: len(h.keyfiles()) > 0, Keep: h.KeepLabels, Kargs: h.Arguments, Platform: h.Platform,
	})
}
