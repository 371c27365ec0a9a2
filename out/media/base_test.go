package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"hagen/gen/encode"
	"hagen/gen/node"
	"hagen/out/media/bases"
	"hagen/profiles"
)

// based is the cluster of several with bases.
func based(t *testing.T, images map[string][]byte) Source {
	t.Helper()
	s := several(t)
	for _, path := range slices.Sorted(func(yield func(string) bool) {
		for path := range images {
			if !yield(path) {
				return
			}
		}
	}) {
		b, err := ReadBase(path, bytes.NewReader(images[path]), int64(len(images[path])))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		s.Bases = append(s.Bases, b)
	}
	s.PutFiles = func(system io.ReaderAt, size int64, files []BootFile, present ...string) (edits []Edit, err error) {
		for n, f := range files {
			edits = append(edits, Edit{int64(4096 * (n + 1)), []byte(f.Path + "\n" + string(f.Data))})
		}
		return edits, nil
	}
	return s
}

// boot is as much of a boot partition as is looked at.
func boot() []byte {
	text := make([]byte, 64<<10)
	text[1024+0x38], text[1024+0x39] = 0x53, 0xEF
	return text
}

// written returns a file's contents, as whoever writes it makes them.
func written(t *testing.T, f File, base []byte) []byte {
	t.Helper()
	text := bytes.Clone(base)
	for _, e := range f.Edits {
		copy(text[e.Offset:], e.Bytes)
	}
	sum := sha256.Sum256(text)
	if f.SHA256 != hex.EncodeToString(sum[:]) || f.Bytes != int64(len(text)) {
		t.Errorf("%s has %d bytes with %x, and says %d with %s", f.File, len(text), sum, f.Bytes, f.SHA256)
	}
	if sum := sha256.Sum256(base); f.BaseSHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("%s says that its base is %s", f.File, f.BaseSHA256)
	}
	return text
}

// TestGoldenBased: which machines get which media from bases, and what is in them.
func TestGoldenBased(t *testing.T) {
	live, gap, disk := bases.ISO("fedora-coreos-44", bases.Live()), bases.Disk(512, bases.Debian()), bases.Disk(512, bases.CoreOS(boot()))
	s := based(t, map[string][]byte{"a/live.iso": live, "b/gap.raw": gap, "disk.raw": disk})
	s.Hosts[1].InstallDisk, s.Hosts[1].KeepLabels = "/dev/disk/by-id/a", []string{"etcd"}
	hosts := []string{"fcos", "fcos-static", "flatcar", "generic", "debian"}
	kinds := []string{profiles.ISO, profiles.Disk}
	if got := Makes(s, hosts); !slices.Contains(got, profiles.ISO) || !slices.Contains(got, profiles.Disk) {
		t.Errorf("makes %v", got)
	}
	must(t, CheckBases(s, kinds, hosts))
	made, err := Make(s, kinds, hosts)
	must(t, err)
	for _, b := range s.Bases {
		must(t, b.Measure(made))
	}
	images := map[string][]byte{"live.iso": live, "gap.raw": gap, "disk.raw": disk}
	var got []string
	for _, f := range made {
		got = append(got, f.File+" "+f.Base+" "+f.InstallDisk)
		text := written(t, f, images[f.Base])
		document, _ := s.Hosts[slices.Index(allOf(s), f.Host)].text(profiles.Ignition)
		switch f.File {
		case "fcos/live.iso":
			if f.Edits[0].Offset != f.BaseOf.live.Area.Offset || !bytes.Equal(f.Edits[0].Bytes, s.Hosts[0].archiveWith(document)) {
				t.Errorf("%s: not the archive of the document", f.File)
			}
		case "fcos-static/install.iso":
			if !bytes.Equal(f.Edits[0].Bytes, s.Hosts[1].archiveWith(s.Hosts[1].installing())) {
				t.Errorf("%s: not the archive of an installing document", f.File)
			}
			n, err := encode.ReadIgnition(s.Hosts[1].installing(), s.Hosts[1].OS)
			must(t, err)
			for path, want := range map[string]string{
				"/etc/coreos/dest.ign":                    string(document),
				"/etc/coreos/installer.d/0000-hagen.yaml": "dest-device: \"/dev/disk/by-id/a\"\nignition-file: /etc/coreos/dest.ign\ncopy-network: true\nsave-partlabel:\n  - \"etcd\"\n",
			} {
				at := slices.IndexFunc(n.Files, func(f node.File) bool { return f.Path == path })
				if at < 0 || string(n.Files[at].Contents) != want {
					t.Errorf("%s: %s is not as it should be", f.File, path)
				}
			}
		case "debian/disk.raw":
			seed, err := Make(s, []string{profiles.Seed}, []string{"debian"})
			must(t, err)
			if !bytes.Contains(text, seed[0].Data) || f.Label != "cidata" {
				t.Errorf("%s: not the host's seed", f.File)
			}
		case "fcos-static/disk.raw":
			if len(f.Edits) != 2 || !strings.HasPrefix(string(f.Edits[1].Bytes), "coreos-firstboot-network/52-54-00-00-00-02.nmconnection\n[connection]\n") ||
				string(f.Edits[0].Bytes) != "ignition/config.ign\n"+string(document) || f.Edits[0].Offset != 8192*512+4096 {
				t.Errorf("%s: edits %v", f.File, f.Edits)
			}
		}
		if bytes.Contains(text, []byte("coreos.inst.")) || bytes.Contains(text, []byte("ip=")) {
			t.Errorf("%s has kernel arguments", f.File)
		}
	}
	goldenBased(t, made)
	want := []string{
		"debian/disk.raw gap.raw ", "fcos/disk.raw disk.raw ", "fcos/live.iso live.iso ",
		"fcos-static/disk.raw disk.raw ", "fcos-static/install.iso live.iso /dev/disk/by-id/a",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("made %q", got)
	}
}

// goldenBased keeps what media.json says of media from bases, and where they differ from
// those: the same documents and base make the same bytes.
func goldenBased(t *testing.T, made []File) {
	t.Helper()
	var b strings.Builder
	for _, f := range made {
		line, err := json.Marshal(f.Medium)
		must(t, err)
		fmt.Fprintf(&b, "%s\n", line)
		for _, e := range f.Edits {
			fmt.Fprintf(&b, "    %d bytes at %d: %x\n", len(e.Bytes), e.Offset, sha256.Sum256(e.Bytes))
		}
	}
	const path = "testdata/based.txt"
	if *update {
		must(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if got := b.String(); got != string(want) {
		t.Errorf("differs from %s; go test ./out/media -update rewrites it:\n%s", path, got)
	}
}

// TestLiveISORefused: what a live ISO cannot do is not asked of it.
func TestLiveISORefused(t *testing.T) {
	files := bases.Live()
	delete(files, "COREOS/FEATURES.JSO")
	s := based(t, map[string][]byte{"live.iso": bases.ISO("fedora-coreos-44", files)})
	s.Hosts[0].InstallDisk = "/dev/vda"
	_, err := Make(s, []string{profiles.ISO}, []string{"fcos", "fcos-static"})
	for _, want := range []string{
		"--base live.iso: its installer reads no files, so that it cannot install fcos: download a current one",
		"--base live.iso: its initrd reads no NetworkManager keyfiles, and fcos-static has static addresses: download a current one",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	s = based(t, map[string][]byte{"live.iso": bases.ISO("fedora-coreos-44", bases.Live())})
	random := make([]byte, bases.EmbedArea)
	sum := sha256.Sum256(nil)
	for at := 0; at < len(random); at += copy(random[at:], sum[:]) {
		sum = sha256.Sum256(sum[:])
	}
	s.Hosts[0].Documents[1].Text = random
	_, err = Make(s, []string{profiles.ISO}, []string{"fcos"})
	if err == nil || !strings.Contains(err.Error(), "and the ISO has room for 262144") {
		t.Errorf("too large: %v", err)
	}
}

func TestCheckBases(t *testing.T) {
	live, gap := bases.ISO("fedora-coreos-44", bases.Live()), bases.Disk(512, bases.Debian())
	kinds := []string{profiles.ISO, profiles.Disk}
	for name, tt := range map[string]struct {
		images map[string][]byte
		kinds  []string
		hosts  []string
		arch   string
		want   string
	}{
		"good":           {map[string][]byte{"live.iso": live, "gap.raw": gap}, kinds, []string{"fcos", "debian"}, "amd64", ""},
		"for nobody":     {map[string][]byte{"live.iso": live}, kinds, []string{"flatcar", "generic", "debian"}, "", "--base live.iso: is a base for Fedora CoreOS, and none of flatcar, generic, debian has that: leave it out"},
		"not asked for":  {map[string][]byte{"live.iso": live}, []string{profiles.Disk}, []string{"fcos"}, "", "--base live.iso: is a base for --kind iso, which is not asked for: leave one of both out"},
		"two":            {map[string][]byte{"live.iso": live, "x.iso": live}, kinds, []string{"fcos"}, "", "--base x.iso: and live.iso are both a base for fcos: name one of them"},
		"two systems":    {map[string][]byte{"gap.raw": gap}, kinds, []string{"debian", "ubuntu"}, "", "--base gap.raw: is a base for one of the systems debian, ubuntu: make the media of each by itself, with --host"},
		"another kernel": {map[string][]byte{"live.iso": live}, kinds, []string{"fcos"}, "arm64", "--base live.iso: is for amd64, and the cluster's machines are arm64: name the image for that processor"},
	} {
		s := based(t, tt.images)
		s.Arch = tt.arch
		if tt.arch == "arm64" {
			s.Bases[0].Arch = "amd64"
		}
		got := ""
		if err := CheckBases(s, tt.kinds, tt.hosts); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestReadBase(t *testing.T) {
	for name, tt := range map[string]struct {
		image []byte
		want  string
	}{
		"live.iso.xz":  {[]byte("\xFD7zXZ\x00rest"), "is compressed by xz: unpack it first: xz --decompress --keep live.iso.xz"},
		"a/b.x/disk":   {[]byte("QFI\xFB\x00\x00\x00\x03"), "is an image in QEMU's format qcow2: unpack it first: qemu-img convert -O raw a/b.x/disk a/b.x/disk.raw"},
		"disk.vmdk":    {[]byte("KDMV"), "is an image in VMware's format: unpack it first: qemu-img convert -O raw disk.vmdk disk.raw"},
		"flatcar.bin":  {bases.Disk(512, bases.Flatcar()), "is an image of Flatcar Container Linux: its OEM partition is btrfs, which nothing writes without mounting it: boot the machine with hagen media --kind matchbox, or install it with flatcar-install -i config.ign"},
		"coreos.raw":   {bases.Disk(512, bases.CoreOS(make([]byte, 4096))), "has a boot partition that is not ext4: download it again, and compare its checksum"},
		"4k.raw":       {bases.Disk(4096, bases.Debian()), "is of a disk with sectors of 4096 bytes, on which Linux mounts no ISO 9660 volume: name an image for sectors of 512 bytes, or boot the machine with hagen media --kind seed, attached as a CD-ROM"},
		"text":         {[]byte("text"), "has no GUID partition table: name a live ISO of Fedora CoreOS, or a raw image of a disk with a GUID partition table"},
		"cut.iso":      {bases.ISO("x", bases.Live())[:100<<10], "is cut short: its volume has 331776 bytes, the file 102400: download it again"},
		"stick.iso":    {append(bases.ISO("x", bases.Live()), make([]byte, 33<<20)...), "is much longer than the volume in it, like a copy of a whole USB stick: name the ISO as it was downloaded"},
		"cut.raw":      {bases.Disk(512, bases.Debian())[:1<<20], "is cut short: its disk has 8405504 bytes, the file 1048576: download it again"},
		"the seed.iso": {bases.ISO("cidata", map[string][]byte{"USER_DAT": nil}), "is an ISO, but not Fedora CoreOS's live ISO: a document can be put only into the ISO that installs Fedora CoreOS; other machines take hagen media --kind seed"},
	} {
		_, err := ReadBase(name, bytes.NewReader(tt.image), int64(len(tt.image)))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	padded := append(bases.ISO("x", bases.Live()), make([]byte, 1<<20)...) // to whole MiB, as isohybrid does
	if _, err := ReadBase("padded.iso", bytes.NewReader(padded), int64(len(padded))); err != nil {
		t.Errorf("padded.iso: %v", err)
	}
	// Errors of the disk itself stay what they are.
	broken := errors.New("broken disk")
	if _, err := ReadBase("x", failing{broken}, 1<<20); !errors.Is(err, broken) {
		t.Errorf("of a disk that cannot be read: %v", err)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// FuzzReadBase: no image makes hagen crash, wait, or write outside of it.
func FuzzReadBase(f *testing.F) {
	disk := bases.Disk(512, bases.CoreOS(boot()))
	f.Add(bases.ISO("x", map[string][]byte{"COREOS/IGNINFO.JSO": []byte(`{"file":"a"}`), "A": make([]byte, 5000), "IMAGES/PXEBOOT/ROOTFS.IMG": nil})[32<<10:], []byte(nil))
	f.Add(disk[:1024], disk[len(disk)-512:])
	f.Fuzz(func(t *testing.T, head, tail []byte) {
		image := make([]byte, 32<<10, 96<<10)
		if len(tail) > 0 {
			image = image[:0]
		}
		image = append(image, head...)
		image = append(image, make([]byte, 64<<10)...)
		image = append(image, tail...)
		b, err := ReadBase("x", bytes.NewReader(image), int64(len(image)))
		if err != nil {
			return
		}
		s := Source{Hosts: several(t).Hosts, Bases: []*Base{b}, PutFiles: func(io.ReaderAt, int64, []BootFile, ...string) ([]Edit, error) { return nil, nil }}
		made, err := Make(s, []string{profiles.ISO, profiles.Disk}, allOf(s))
		if err != nil {
			return
		}
		must(t, b.Measure(made))
		for _, f := range made {
			for _, e := range f.Edits {
				if e.Offset < 0 || e.Offset+int64(len(e.Bytes)) > int64(len(image)) {
					t.Errorf("%s: an edit outside", f.File)
				}
			}
		}
	})
}
