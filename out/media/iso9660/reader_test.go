package iso9660_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"hagen/out/media/bases"
	"hagen/out/media/iso9660"
)

func open(image []byte) (*iso9660.Volume, error) {
	return iso9660.Open(bytes.NewReader(image), int64(len(image)))
}

func TestFind(t *testing.T) {
	files := bases.LiveS390X()
	image := bases.ISO("fedora-coreos-44", files)
	v, err := open(image)
	if err != nil {
		t.Fatal(err)
	}
	if v.Label != "fedora-coreos-44" || v.Size != int64(len(image)) {
		t.Errorf("label %q, size %d", v.Label, v.Size)
	}
	for name, want := range files {
		got, err := v.Read(name, 1<<20)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, error %v", name, len(got), err)
		}
		if e, err := v.Find(name); err != nil || !bytes.Equal(image[e.Offset:][:e.Size], want) {
			t.Errorf("%s: found at %+v, error %v", name, e, err)
		}
	}
	if got, err := v.Read("/coreos/igninfo.jso", 1<<10); err != nil || !bytes.Equal(got, files["COREOS/IGNINFO.JSO"]) {
		t.Errorf("as people write it: %q, %v", got, err)
	}
	for _, name := range []string{"COREOS", "COREOS/NONE", "NONE/IGNINFO.JSO", "COREOS/IGNINFO.JSO/X", "", "/", "A/B/C/D/E/F/G/H/I/J"} {
		if _, err := v.Find(name); !errors.Is(err, iso9660.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := v.Read("IMAGES/CDBOOT.IMG", 1000); !errors.Is(err, iso9660.ErrBroken) {
		t.Errorf("a larger file: %v", err)
	}
}

// TestBadVolumes changes a good volume.
func TestBadVolumes(t *testing.T) {
	const descriptor, directory = 16 * 2048, 18 * 2048
	le := binary.LittleEndian
	cut := iso9660.CutShort{} // any
	for name, tt := range map[string]struct {
		change func(b []byte) []byte
		want   error
	}{
		"empty":         {func([]byte) []byte { return nil }, iso9660.ErrForeign},
		"zeros":         {func([]byte) []byte { return make([]byte, 1<<16) }, iso9660.ErrForeign},
		"no descriptor": {func(b []byte) []byte { return b[:descriptor+100] }, iso9660.ErrForeign},
		"cut short":     {func(b []byte) []byte { return b[:len(b)-1] }, cut},
		"another magic": {func(b []byte) []byte { b[descriptor+1] = 'X'; return b }, iso9660.ErrForeign},
		"no primary":    {func(b []byte) []byte { b[descriptor] = 2; return b }, iso9660.ErrBroken},
		"descriptors for ever": {func(b []byte) []byte {
			for n := range 80 {
				copy(b[descriptor+n*2048:], "\x02CD001\x01")
			}
			return b
		}, iso9660.ErrBroken},
		"other blocks":         {func(b []byte) []byte { le.PutUint16(b[descriptor+128:], 512); return b }, iso9660.ErrBroken},
		"root is a file":       {func(b []byte) []byte { b[descriptor+156+25] = 0; return b }, iso9660.ErrBroken},
		"root outside":         {func(b []byte) []byte { le.PutUint32(b[descriptor+156+2:], 1<<31); return b }, iso9660.ErrBroken},
		"root record too long": {func(b []byte) []byte { b[descriptor+156] = 200; return b }, iso9660.ErrBroken},
		"huge directory":       {func(b []byte) []byte { le.PutUint32(b[descriptor+156+10:], 1<<31); return b }, iso9660.ErrBroken},
		"record past block":    {func(b []byte) []byte { b[directory+34] = 255; b[directory+34+32] = 255; return b }, iso9660.ErrBroken},
		"record without head":  {func(b []byte) []byte { b[directory] = 5; return b }, iso9660.ErrBroken},
		"file outside": {func(b []byte) []byte {
			at := bytes.Index(b, []byte("IGNINFO.JSO;1")) - 33
			le.PutUint32(b[at+2:], 1<<30)
			return b
		}, iso9660.ErrBroken},
		"file in parts": {func(b []byte) []byte {
			at := bytes.Index(b, []byte("IGNINFO.JSO;1")) - 33
			b[at+25] = 0x80
			return b
		}, iso9660.ErrBroken},
	} {
		v, err := open(tt.change(bases.ISO("x", bases.Live())))
		if err == nil {
			_, err = v.Read("COREOS/IGNINFO.JSO", 4096)
		}
		if got := (iso9660.CutShort{}); tt.want == cut && errors.As(err, &got) && got.Want == got.Have+1 {
			continue
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOtherWriters: volumes of other programs are read, too.
func TestOtherWriters(t *testing.T) {
	dir := t.TempDir()
	for name, text := range bases.Live() {
		place := filepath.Join(dir, "tree", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(place, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	made := false
	for _, program := range [][]string{{"genisoimage"}, {"xorriso", "-as", "mkisofs"}} {
		if _, err := exec.LookPath(program[0]); err != nil {
			continue
		}
		made = true
		image := filepath.Join(dir, program[0]+".iso")
		args := append(program[1:], "-quiet", "-R", "-J", "-V", "cidata", "-o", image, filepath.Join(dir, "tree"))
		if text, err := exec.Command(program[0], args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		text, err := os.ReadFile(image)
		if err != nil {
			t.Fatal(err)
		}
		v, err := open(text)
		if err != nil {
			t.Fatal(err)
		}
		if v.Label != "cidata" {
			t.Errorf("%s: label %q", program[0], v.Label)
		}
		for name, want := range bases.Live() {
			if got, err := v.Read(name, 1<<20); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s: %d bytes, %v", program[0], name, len(got), err)
			}
		}
	}
	if !made {
		t.Skip("neither genisoimage nor xorriso is installed")
	}
}

// FuzzOpen: no volume makes the reader crash, wait, or take memory for more than a
// directory.
func FuzzOpen(f *testing.F) {
	small := bases.ISO("x", map[string][]byte{"COREOS/IGNINFO.JSO": []byte("{}"), "A/B": []byte("b")})
	f.Add(small[descriptors:])
	f.Fuzz(func(t *testing.T, text []byte) {
		image := append(make([]byte, descriptors), text...)
		v, err := open(image)
		if err != nil {
			return
		}
		for _, name := range []string{"COREOS/IGNINFO.JSO", "A/B", "NONE"} {
			if e, err := v.Find(name); err == nil && (e.Offset < 0 || e.Size < 0 || e.Offset+e.Size > int64(len(image))) {
				t.Errorf("%s is outside: %+v", name, e)
			}
		}
	})
}

const descriptors = 16 * 2048
