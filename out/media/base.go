package media

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	digest "hash"
	"io"
	"slices"
	"strings"

	"hagen/out/media/coreos"
	"hagen/out/media/gpt"
	"hagen/out/media/iso9660"
	"hagen/profiles"
)

// Base is an image that media are made from. Its reader is read again when they are made.
type Base struct {
	Path   string // as the user wrote it
	Size   int64
	SHA256 string // whoever reads all of it sets it
	Kind   string // of the media that are made from it
	System string // its operating system; "" is one that cloud-init sets up
	Arch   string // its processor; "" is unknown
	r      io.ReaderAt
	live   *coreos.Live // of an ISO
	table  *gpt.Table   // of a disk
	boot   gpt.Partition
}

// errSectors is the error of a disk on which nothing could read a seed: isofs mounts no
// device whose sectors are longer than those of a volume.
var errSectors = errors.New("is of a disk with sectors of 4096 bytes, on which Linux mounts no ISO 9660 volume")

// Edit is what a medium has instead of its base's bytes.
type Edit struct {
	Offset int64
	Bytes  []byte
}

// packed are files that hold a base in another form: how they begin, and what makes a
// base of them.
var packed = []struct{ magic, form, program string }{
	{"\xFD7zXZ\x00", "compressed by xz", "xz --decompress --keep FILE"},
	{"\x1F\x8B", "compressed by gzip", "gunzip --keep FILE"},
	{"\x28\xB5\x2F\xFD", "compressed by zstd", "unzstd --keep FILE"},
	{"BZh", "compressed by bzip2", "bunzip2 --keep FILE"},
	{"\x04\x22\x4D\x18", "compressed by lz4", "unlz4 FILE"},
	{"PK\x03\x04", "a zip archive", "unzip FILE"},
	{"QFI\xFB", "an image in QEMU's format qcow2", "qemu-img convert -O raw FILE STEM.raw"},
	{"KDMV", "an image in VMware's format", "qemu-img convert -O raw FILE STEM.raw"},
	{"vhdxfile", "an image in Hyper-V's format", "qemu-img convert -O raw FILE STEM.raw"},
	{"conectix", "an image in Azure's format", "qemu-img convert -O raw FILE STEM.raw"},
}

// ReadBase looks at an image: it reads a few of its sectors. The error is for users.
func ReadBase(path string, r io.ReaderAt, size int64) (*Base, error) {
	head := make([]byte, 8)
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for _, p := range packed {
		if strings.HasPrefix(string(head), p.magic) {
			stem := path
			if at := strings.LastIndexByte(path, '.'); at > strings.LastIndexByte(path, '/')+1 {
				stem = path[:at]
			}
			return nil, fmt.Errorf("is %s: unpack it first: %s", p.form, strings.NewReplacer("FILE", path, "STEM", stem).Replace(p.program))
		}
	}
	b := &Base{Path: path, Size: size, r: r}
	live, err := coreos.ReadLive(r, size)
	if !errors.Is(err, iso9660.ErrForeign) {
		return b, errors.Join(b.iso(live, err))
	}
	table, err := gpt.Read(r, size)
	return b, errors.Join(b.disk(table, err))
}

// remedies say what to do about errors of bases.
var remedies = []struct {
	err    error
	remedy string
}{
	{coreos.ErrForeign, "a document can be put only into the ISO that installs Fedora CoreOS; other machines take hagen media --kind seed"},
	{coreos.ErrLegacy, "download a current one"},
	{coreos.ErrMinimal, "download the whole live ISO"},
	{coreos.ErrBroken, "download it again, and compare its checksum"},
	{coreos.ErrUsed, "name the ISO as it was downloaded"},
	{coreos.ErrLonger, "name the ISO as it was downloaded"},
	{iso9660.ErrBroken, "download it again, and compare its checksum"},
	{gpt.ErrForeign, "name a live ISO of Fedora CoreOS, or a raw image of a disk with a GUID partition table"},
	{gpt.ErrBroken, "download it again, and compare its checksum; or mend it: sgdisk --verify says what is wrong"},
	{gpt.ErrHybrid, "boot such a machine with hagen media --kind seed"},
	{gpt.ErrNoRoom, "boot such a machine with hagen media --kind seed"},
	{gpt.ErrTaken, "boot such a machine with hagen media --kind seed"},
	{errSectors, "name an image for sectors of 512 bytes, or boot the machine with hagen media --kind seed, attached as a CD-ROM"},
	{gpt.ErrFull, "name the image as it was downloaded, or boot the machine with hagen media --kind seed"},
	{coreos.ErrNotExt4, "download it again, and compare its checksum"},
	{coreos.ErrMounted, "name the image as it was downloaded"},
}

// withRemedy completes an error of a base.
func withRemedy(err error) error {
	if cut := (iso9660.CutShort{}); errors.As(err, &cut) {
		return fmt.Errorf("%w: download it again", err)
	}
	if cut := (gpt.CutShort{}); errors.As(err, &cut) {
		return fmt.Errorf("%w: download it again", err)
	}
	for _, r := range remedies {
		if errors.Is(err, r.err) {
			return fmt.Errorf("%w: %s", err, r.remedy)
		}
	}
	return err
}

// iso makes it the base of ISOs.
func (b *Base) iso(live *coreos.Live, err error) error {
	if err != nil {
		return withRemedy(err)
	}
	b.Kind, b.live, b.Arch = profiles.ISO, live, live.Arch
	for _, s := range profiles.Systems() {
		if s.Boot.LiveISO {
			b.System = s.Name
		}
	}
	return nil
}

// disk makes it the base of disks. The names of its partitions say which system it has.
func (b *Base) disk(table *gpt.Table, err error) error {
	if err != nil {
		return withRemedy(err)
	}
	b.Kind, b.table = profiles.Disk, table
	for _, label := range []string{cidata, drive} {
		if _, found := table.Find(label); found {
			return errors.New("already has a partition with a document: name the image as it was downloaded")
		}
	}
	for _, s := range profiles.Systems() {
		if len(s.Boot.Partitions) == 0 || slices.ContainsFunc(s.Boot.Partitions, func(name string) bool { _, found := table.Find(name); return !found }) {
			continue
		}
		b.System = s.Name
		if s.Boot.BootPartition == "" {
			return fmt.Errorf("is an image of %s: %s", s.Summary, s.Boot.Instead)
		}
		b.boot, _ = table.Find(s.Boot.BootPartition)
		return withRemedy(coreos.Boot(b.r, b.boot.Offset))
	}
	if table.Sector() > iso9660.Sector {
		return withRemedy(errSectors)
	}
	return nil
}

// serves reports whether media for a host can be made from it.
func (b *Base) serves(h *Host) bool {
	if b.System == "" {
		return h.reader() == profiles.CloudInit
	}
	return b.System == h.OS.Name && h.reader() == profiles.Ignition
}

// base returns the base that media of a kind are made from for a host; nil is none.
// CheckBases has refused that there are two.
func (s Source) base(kind string, h *Host) *Base {
	for _, b := range s.Bases {
		if b.Kind == kind && b.serves(h) {
			return b
		}
	}
	return nil
}

// CheckBases refuses bases that are not used for the hosts and kinds, that are of another
// processor, or of which several, or several systems, may be meant.
func CheckBases(s Source, kinds, hosts []string) error {
	var faults []error
	users := map[string]*Base{} // by kind and host
	for _, b := range s.Bases {
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Errorf("--base %s: "+format, append([]any{b.Path}, args...)...))
		}
		if !slices.Contains(kinds, b.Kind) {
			fault("is a base for --kind %s, which is not asked for: leave one of both out", b.Kind)
			continue
		}
		systems := map[string]bool{}
		for i := range s.Hosts {
			h := &s.Hosts[i]
			if !slices.Contains(hosts, h.Name) || !b.serves(h) {
				continue
			}
			systems[h.OS.Name] = true
			if other := users[b.Kind+"/"+h.Name]; other != nil {
				fault("and %s are both a base for %s: name one of them", other.Path, h.Name)
				break
			}
			users[b.Kind+"/"+h.Name] = b
		}
		switch {
		case len(systems) == 0:
			fault("is a base for %s, and none of %s has that: leave it out", b.describe(), strings.Join(hosts, ", "))
		case len(systems) > 1:
			fault("is a base for one of the systems %s: make the media of each by itself, with --host", strings.Join(sorted(systems), ", "))
		case b.Arch != "" && s.Arch != "" && b.Arch != s.Arch:
			fault("is for %s, and the cluster's machines are %s: name the image for that processor", b.Arch, s.Arch)
		}
	}
	return errors.Join(faults...)
}

func sorted(set map[string]bool) (out []string) {
	for name := range set {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// describe names the operating system.
func (b *Base) describe() string {
	if system, found := profiles.FindOS(b.System); found {
		return system.Summary
	}
	return "systems that cloud-init sets up"
}

// from completes a file that is made from a base.
func (f File) from(b *Base, edits []Edit) File {
	f.BaseOf, f.Edits = b, edits
	slices.SortFunc(f.Edits, func(x, y Edit) int { return cmp.Compare(x.Offset, y.Offset) })
	f.Base = b.Path[strings.LastIndexByte(b.Path, '/')+1:]
	return f
}

// part is how many bytes of a base are in memory.
const part = 1 << 20

// Measure reads a base to its end, and sets its hash and that of each file that is made
// from it.
func (b *Base) Measure(made []File) error {
	own := sha256.New()
	hashes := make([]digest.Hash, len(made))
	for i := range made {
		if made[i].BaseOf == b {
			hashes[i] = sha256.New()
		}
	}
	text, with := make([]byte, part), make([]byte, part)
	for at := int64(0); at < b.Size; at += part {
		n := min(part, b.Size-at)
		if read, err := b.r.ReadAt(text[:n], at); err != nil && (!errors.Is(err, io.EOF) || int64(read) < n) {
			return err
		}
		own.Write(text[:n])
		for i, h := range hashes {
			if h != nil {
				h.Write(edited(text[:n], with[:n], at, made[i].Edits))
			}
		}
	}
	b.SHA256 = hex.EncodeToString(own.Sum(nil))
	for i, h := range hashes {
		if h != nil {
			f := &made[i]
			f.Bytes, f.SHA256, f.BaseSHA256 = b.Size, hex.EncodeToString(h.Sum(nil)), b.SHA256
		}
	}
	return nil
}

// edited returns the bytes of a part that begins at an offset; it uses with if an edit is
// in it.
func edited(text, with []byte, at int64, edits []Edit) []byte {
	out := text
	for _, e := range edits {
		from, to := max(e.Offset, at), min(e.Offset+int64(len(e.Bytes)), at+int64(len(text)))
		if from >= to {
			continue
		}
		if &out[0] == &text[0] {
			out = with[:copy(with, text)]
		}
		copy(out[from-at:to-at], e.Bytes[from-e.Offset:])
	}
	return out
}
