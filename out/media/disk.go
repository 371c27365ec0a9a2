package media

import (
	"crypto/sha256"
	"fmt"
	"io"
	"path"

	"hagen/out/media/coreos"
	"hagen/out/media/gpt"
	"hagen/profiles"
)

// PutFiles returns what is to be written into an ext4 file system to put files into it,
// by their paths. Files in present must be there before. A program does it, so whoever
// makes media brings it.
type PutFiles func(system io.ReaderAt, size int64, files []BootFile, present ...string) ([]Edit, error)

// BootFile is a file in a boot partition.
type BootFile struct {
	Path string
	Data []byte
}

// disk makes the image of the host's disk. cloud-init finds the seed in a partition as it
// finds it on a volume; Ignition takes its document from the boot partition.
func disk(s Source, h *Host) ([]File, error) {
	base := s.base(profiles.Disk, h)
	if base == nil {
		return nil, nil
	}
	label, edits, err := "", []Edit(nil), error(nil)
	if base.System == "" {
		label, edits, err = h.intoGap(s, base)
	} else {
		edits, err = h.intoBoot(s, base)
	}
	if err != nil {
		return nil, fmt.Errorf("--base %s: %w", base.Path, withRemedy(err))
	}
	f := h.carries("disk.raw", nil).from(base, edits)
	f.Label = label
	return []File{f}, nil
}

// intoGap puts the host's seed before the first partition. The partition has its label.
func (h *Host) intoGap(s Source, base *Base) (label string, edits []Edit, err error) {
	made, err := seed(s, h)
	if err != nil {
		return "", nil, err
	}
	label = made[0].Label
	writes, err := base.table.Before(label, gpt.Identity(sha256.Sum256(made[0].Data)), made[0].Data)
	for _, w := range writes {
		edits = append(edits, Edit(w))
	}
	return label, edits, err
}

// intoBoot puts the host's document into the boot partition, and its keyfiles.
func (h *Host) intoBoot(s Source, base *Base) ([]Edit, error) {
	files := []BootFile{{coreos.BootConfig, h.given().Text}}
	for _, f := range h.keyfiles() {
		files = append(files, BootFile{path.Join(coreos.BootNetworkDir, f.Path), f.Data})
	}
	partition := base.boot
	edits, err := s.PutFiles(io.NewSectionReader(base.r, partition.Offset, partition.Size), partition.Size, files, coreos.FirstBoot)
	for i := range edits {
		edits[i].Offset += partition.Offset
	}
	return edits, err
}
