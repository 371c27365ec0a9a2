package ext4_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hagen/out/outside/ext4"
)

const offset = 1 << 20

// need skips the test if a program is missing, unless HAGEN_READERS=required, as in CI.
func need(t *testing.T, programs ...string) {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("HAGEN_READERS") == "required" {
				t.Fatal(p, " is not installed")
			}
			t.Skip(p, " is not installed")
		}
	}
}

// image makes an image with a file system in it, the same each time.
func image(t *testing.T, dir string) string {
	t.Helper()
	inside, whole := filepath.Join(dir, "fs"), filepath.Join(dir, "image.raw")
	must(t, os.WriteFile(inside, make([]byte, 32<<20), 0o600))
	made := exec.Command("mkfs.ext4", "-q", "-L", "boot", "-U", "96d15588-3596-4b3c-adca-a2ff7279ea63", "-E", "hash_seed=96d15588-3596-4b3c-adca-a2ff7279ea63", inside)
	made.Env = append(os.Environ(), "E2FSPROGS_FAKE_TIME=946684800")
	if text, err := made.CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %s", text)
	}
	text, err := os.ReadFile(inside)
	must(t, err)
	must(t, os.WriteFile(whole, append(make([]byte, offset), text...), 0o600))
	return whole
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPut(t *testing.T) {
	need(t, "debugfs", "mkfs.ext4", "e2fsck")
	files := []ext4.File{
		{Path: "ignition/config.ign", Data: bytes.Repeat([]byte("{}\n\x00"), 30_000)},
		{Path: "network/a-52.nmconnection", Data: []byte("[connection]\n")},
		{Path: "network/b.nmconnection", Data: []byte("[connection]\n")},
	}
	var sums [][32]byte
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "with space ?")} {
		must(t, os.MkdirAll(dir, 0o700))
		place := image(t, dir)
		if has, err := ext4.Has(place, offset, "ignition/config.ign"); has || err != nil {
			t.Errorf("before: %v, %v", has, err)
		}
		must(t, ext4.Put(place, offset, files))
		if has, err := ext4.Has(place, offset, "ignition/config.ign"); !has || err != nil {
			t.Errorf("after: %v, %v", has, err)
		}
		text, err := os.ReadFile(place)
		must(t, err)
		sums = append(sums, sha256.Sum256(text))
		judge(t, text, files)
		left, _ := filepath.Glob(filepath.Join(dir, ".hagen*"))
		if len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if err := ext4.Put(place, offset, []ext4.File{{Path: "ignition/config.ign", Data: []byte("another")}}); !errors.Is(err, ext4.ErrRefused) {
			t.Errorf("a second one: %v", err)
		}
	}
	if sums[0] != sums[1] {
		t.Error("the same files made two images")
	}
}

// judge lets e2fsck look at the file system, and debugfs at modes.
func judge(t *testing.T, whole []byte, files []ext4.File) {
	t.Helper()
	place := filepath.Join(t.TempDir(), "fs")
	must(t, os.WriteFile(place, whole[offset:], 0o600))
	if text, err := exec.Command("e2fsck", "-fn", place).CombinedOutput(); err != nil {
		t.Errorf("e2fsck: %v\n%s", err, text)
	}
	for _, f := range files {
		text, err := exec.Command("debugfs", "-R", "cat "+f.Path, place).Output()
		if err != nil || !bytes.Equal(text, f.Data) {
			t.Errorf("%s: %d bytes, %v", f.Path, len(text), err)
		}
		for name, mode := range map[string]string{f.Path: "Mode:  0600", filepath.Dir(f.Path): "Mode:  0700"} {
			text, _ := exec.Command("debugfs", "-R", "stat "+name, place).Output()
			if !strings.Contains(string(text), mode) || !strings.Contains(string(text), "User:     0   Group:     0") {
				t.Errorf("%s:\n%s", name, text)
			}
		}
	}
}

func TestPutRefused(t *testing.T) {
	need(t, "debugfs", "mkfs.ext4")
	place := image(t, t.TempDir())
	for _, f := range []string{"/ignition/config.ign", "a b", "a\nquit", "../a", "a\"b"} {
		if err := ext4.Put(place, offset, []ext4.File{{Path: f}}); err == nil {
			t.Errorf("%q was put", f)
		}
	}
	if err := ext4.Put(place, 0, []ext4.File{{Path: "a", Data: []byte("a")}}); !errors.Is(err, ext4.ErrRefused) {
		t.Errorf("no file system: %v", err)
	}
	if err := ext4.Put(place, offset, []ext4.File{{Path: "a", Data: bytes.Repeat([]byte("a"), 15<<20)}, {Path: "b", Data: bytes.Repeat([]byte("b"), 15<<20)}}); !errors.Is(err, ext4.ErrRefused) {
		t.Errorf("a full file system: %v", err)
	}
}
