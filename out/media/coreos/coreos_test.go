package coreos_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"hagen/gen/encode"
	"hagen/out/media/bases"
	"hagen/out/media/coreos"
	"hagen/out/media/iso9660"
	"hagen/profiles"
)

func open(image []byte) (*coreos.Live, error) {
	return coreos.ReadLive(bytes.NewReader(image), int64(len(image)))
}

// filled returns a live ISO with an archive in it.
func filled(t *testing.T, image, archive []byte) []byte {
	t.Helper()
	live, err := open(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := live.Fits(archive); err != nil {
		t.Fatal(err)
	}
	image = bytes.Clone(image)
	copy(image[live.Area.Offset:], archive)
	return image
}

func TestLive(t *testing.T) {
	for name, files := range map[string]map[string][]byte{"IMAGES/IGNITION.IMG": bases.Live(), "IMAGES/CDBOOT.IMG": bases.LiveS390X()} {
		image := bases.ISO("fedora-coreos-44.20261101.3.0", files)
		live, err := open(image)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if live.Area.Size != bases.EmbedArea || !live.Installs || !live.Keyfiles || live.Label != "fedora-coreos-44.20261101.3.0" {
			t.Errorf("%s: %+v", name, live)
		}
		archive := encode.Gzip([]byte("an archive"))
		got := filled(t, image, archive)
		if _, err := open(got); !errors.Is(err, coreos.ErrUsed) {
			t.Errorf("%s: a second document: %v", name, err)
		}
		// Nothing else changes.
		clear(got[live.Area.Offset:][:live.Area.Size])
		if !bytes.Equal(got, image) {
			t.Errorf("%s: bytes outside of the area changed", name)
		}
	}
}

func TestRefused(t *testing.T) {
	with := func(change func(map[string][]byte)) []byte {
		files := bases.Live()
		change(files)
		return bases.ISO("fedora-coreos-44", files)
	}
	info := func(text string) []byte {
		return with(func(f map[string][]byte) { f["COREOS/IGNINFO.JSO"] = []byte(text) })
	}
	for name, tt := range map[string]struct {
		image []byte
		want  error
	}{
		"nothing":     {nil, iso9660.ErrForeign},
		"another ISO": {bases.ISO("cidata", map[string][]byte{"USER_DAT": nil}), coreos.ErrForeign},
		"legacy":      {with(func(f map[string][]byte) { delete(f, "COREOS/IGNINFO.JSO") }), coreos.ErrLegacy},
		"minimal":     {with(func(f map[string][]byte) { delete(f, "IMAGES/PXEBOOT/ROOTFS.IMG") }), coreos.ErrMinimal},
		"used":        {with(func(f map[string][]byte) { f["IMAGES/IGNITION.IMG"][bases.EmbedArea-1] = 1 }), coreos.ErrUsed},
		"no area":     {with(func(f map[string][]byte) { delete(f, "IMAGES/IGNITION.IMG") }), coreos.ErrBroken},
		"empty area":  {with(func(f map[string][]byte) { f["IMAGES/IGNITION.IMG"] = nil }), coreos.ErrBroken},
		"no JSON":     {info("{"), coreos.ErrBroken},
		"no text":     {info(`{"file": 7}`), coreos.ErrBroken},
		"no file":     {info(`{}`), coreos.ErrBroken},
		"a directory": {info(`{"file": "images"}`), coreos.ErrBroken},
		"below zero":  {info(`{"file": "images/ignition.img", "offset": -1}`), coreos.ErrBroken},
		"behind it":   {info(`{"file": "images/ignition.img", "offset": 262145}`), coreos.ErrBroken},
		"too long":    {info(`{"file": "images/ignition.img", "offset": 1, "length": 262144}`), coreos.ErrBroken},
		"no length":   {info(`{"file": "images/ignition.img", "length": 0}`), coreos.ErrBroken},
		"overflow":    {info(`{"file": "images/ignition.img", "offset": 9223372036854775807, "length": 9223372036854775807}`), coreos.ErrBroken},
		"large":       {info(`{"file": "images/ignition.img"` + strings.Repeat(" ", 1<<17) + `}`), iso9660.ErrBroken},
		"features":    {with(func(f map[string][]byte) { f["COREOS/FEATURES.JSO"] = []byte("[]") }), coreos.ErrBroken},
	} {
		if _, err := open(tt.image); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	live, err := open(with(func(f map[string][]byte) { delete(f, "COREOS/FEATURES.JSO") }))
	if err != nil || live.Installs || live.Keyfiles {
		t.Errorf("without features: %+v, %v", live, err)
	}
	if err := live.Fits(make([]byte, bases.EmbedArea+1)); !errors.As(err, &coreos.TooLarge{}) {
		t.Errorf("too large: %v", err)
	}
	if err := live.Fits(make([]byte, bases.EmbedArea)); err != nil {
		t.Errorf("just fits: %v", err)
	}
}

func TestArch(t *testing.T) {
	for machine, want := range map[string]string{"\x64\x86": "amd64", "\x64\xAA": "arm64", "\x00\x00": ""} {
		kernel := make([]byte, 5000)
		copy(kernel, "MZ")
		kernel[0x3C] = 0x40
		copy(kernel[0x40:], "PE\x00\x00"+machine)
		files := bases.Live()
		files["IMAGES/PXEBOOT/VMLINUZ"] = kernel
		live, err := open(bases.ISO("fedora-coreos-44", files))
		if err != nil || live.Arch != want {
			t.Errorf("%x: %q, %v", machine, live.Arch, err)
		}
		files["IMAGES/PXEBOOT/VMLINUZ"][0x3D] = 0xFF // points behind what is read
		if live, err := open(bases.ISO("fedora-coreos-44", files)); err != nil || live.Arch != "" {
			t.Errorf("%x: %+v, %v", machine, live, err)
		}
	}
}

func TestInstalling(t *testing.T) {
	dest := []byte(`{"ignition":{"version":"3.4.0"}}` + "\n")
	text := coreos.Installing(dest, "3.4.0", coreos.Install{
		Device: "/dev/disk/by-id/nvme-a", CopyNetwork: true, Keep: []string{"etcd"}, Kargs: []string{"console=ttyS0,115200n8", "a=\"b\""}, Platform: "qemu",
	})
	system, _ := profiles.FindOS("fcos")
	n, err := encode.ReadIgnition(text, system)
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Files) != 2 {
		t.Fatalf("%d files", len(n.Files))
	}
	for _, f := range n.Files {
		if f.Mode != 0o600 {
			t.Errorf("%s has mode %o", f.Path, f.Mode)
		}
		switch f.Path {
		case "/etc/coreos/dest.ign":
			if !bytes.Equal(f.Contents, dest) {
				t.Errorf("the document is %q", f.Contents)
			}
		case "/etc/coreos/installer.d/0000-hagen.yaml":
			var got map[string]any
			if err := yaml.Unmarshal(f.Contents, &got); err != nil {
				t.Fatal(err)
			}
			shown, _ := json.Marshal(got)
			want := `{"append-karg":["console=ttyS0,115200n8","a=\"b\""],"copy-network":true,"dest-device":"/dev/disk/by-id/nvme-a","ignition-file":"/etc/coreos/dest.ign","platform":"qemu","save-partlabel":["etcd"]}`
			if string(shown) != want {
				t.Errorf("got  %s\nwant %s", shown, want)
			}
		default:
			t.Errorf("a file %s", f.Path)
		}
	}
	if text := coreos.Installing(dest, "3.4.0", coreos.Install{Device: "/dev/vda"}); bytes.Contains(text, []byte("coreos.inst")) {
		t.Error("the installer's kernel arguments are in it")
	}
}

func TestBoot(t *testing.T) {
	good := make([]byte, 4096)
	good[1024+0x38], good[1024+0x39] = 0x53, 0xEF
	for name, tt := range map[string]struct {
		change func([]byte) []byte
		want   error
	}{
		"good":          {func(b []byte) []byte { return b }, nil},
		"other":         {func(b []byte) []byte { b[1024+0x38] = 0; return b }, coreos.ErrNotExt4},
		"not unmounted": {func(b []byte) []byte { b[1024+0x60] = 4; return b }, coreos.ErrMounted},
		"cut short":     {func(b []byte) []byte { return b[:1024] }, coreos.ErrNotExt4},
	} {
		if err := coreos.Boot(bytes.NewReader(tt.change(bytes.Clone(good))), 0); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestJudges: another reader of ISOs finds the area's file, and another reader of its
// contents the document.
func TestJudges(t *testing.T) {
	if _, err := exec.LookPath("isoinfo"); err != nil {
		if os.Getenv("HAGEN_READERS") == "required" {
			t.Fatal("isoinfo is not installed")
		}
		t.Skip("isoinfo is not installed")
	}
	archive := encode.Gzip([]byte("the archive"))
	place := filepath.Join(t.TempDir(), "live.iso")
	if err := os.WriteFile(place, filled(t, bases.ISO("fedora-coreos-44", bases.Live()), archive), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command("isoinfo", "-i", place, "-x", "/IMAGES/IGNITION.IMG;1").Output()
	if err != nil || len(text) != bases.EmbedArea || !bytes.HasPrefix(text, archive) || len(bytes.Trim(text[len(archive):], "\x00")) > 0 {
		t.Errorf("isoinfo reads %d bytes, %v", len(text), err)
	}
}

// FuzzOpen: no ISO makes it crash, wait, or take memory for more than an area.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"file": "images/ignition.img"}`), []byte(`{}`), []byte("\x00"))
	f.Add([]byte(`{"file": "images/cdboot.img", "length": 262144, "offset": 132096}`), []byte(`{"installer-config": true}`), []byte("MZ"))
	f.Fuzz(func(t *testing.T, info, features, kernel []byte) {
		files := bases.Live()
		files["COREOS/IGNINFO.JSO"], files["COREOS/FEATURES.JSO"], files["IMAGES/PXEBOOT/VMLINUZ"] = info, features, kernel
		image := bases.ISO("x", files)
		live, err := open(image)
		if err != nil {
			return
		}
		if live.Area.Offset < 0 || live.Area.Size <= 0 || live.Area.Offset+live.Area.Size > int64(len(image)) {
			t.Errorf("the area is outside: %+v", live.Area)
		}
	})
}
