package ext4_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hagen/out/outside/ext4"
)

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

// system makes a file system, the same each time.
func system(t *testing.T) []byte {
	place := filepath.Join(t.TempDir(), "fs")
	must(t, os.WriteFile(place, make([]byte, 32<<20), 0o600))
	made := exec.Command("mkfs.ext4", "-q", "-L", "boot", "-U", "96d15588-3596-4b3c-adca-a2ff7279ea63", "-E", "hash_seed=96d15588-3596-4b3c-adca-a2ff7279ea63", place)
	made.Env = append(os.Environ(), "E2FSPROGS_FAKE_TIME=946684800")
	if text, err := made.CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %s", text)
	}
	text, err := os.ReadFile(place)
	must(t, err)
	return text
}

// put returns the file system with the files.
func put(t *testing.T, text []byte, files []ext4.File, present ...string) ([]byte, error) {
	scratch := filepath.Join(t.TempDir(), "with space ?")
	must(t, os.Mkdir(scratch, 0o700))
	writes, err := ext4.Put(bytes.NewReader(text), int64(len(text)), scratch, files, present...)
	if left, _ := os.ReadDir(scratch); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	text = bytes.Clone(text)
	for _, w := range writes {
		copy(text[w.Offset:], w.Bytes)
	}
	return text, err
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
	before := system(t)
	after, err := put(t, before, files, "lost+found")
	must(t, err)
	judge(t, after, files)
	if again, _ := put(t, before, files); !bytes.Equal(again, after) {
		t.Error("the same files made another file system")
	}
	if _, err := put(t, after, files[:1]); !errors.As(err, &ext4.Exists{}) {
		t.Errorf("a second one: %v", err)
	}
	if _, err := put(t, before, files, "ignition.firstboot"); !errors.As(err, &ext4.Lacks{}) {
		t.Errorf("without what must be there: %v", err)
	}
}

// judge lets e2fsck look at the file system, and debugfs at modes.
func judge(t *testing.T, whole []byte, files []ext4.File) {
	t.Helper()
	place := filepath.Join(t.TempDir(), "fs")
	must(t, os.WriteFile(place, whole, 0o600))
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
	good := system(t)
	for _, f := range []string{"/ignition/config.ign", "a b", "a\nquit", "../a", "a\"b"} {
		if _, err := put(t, good, []ext4.File{{Path: f}}); err == nil {
			t.Errorf("%q was put", f)
		}
	}
	large := bytes.Repeat([]byte("a"), 15<<20)
	for name, tt := range map[string]struct {
		system []byte
		files  []ext4.File
	}{
		"no file system":     {make([]byte, 1<<20), []ext4.File{{Path: "a", Data: []byte("a")}}},
		"a full file system": {good, []ext4.File{{Path: "a", Data: large}, {Path: "b", Data: large}}},
		"nothing":            {nil, []ext4.File{{Path: "a", Data: []byte("a")}}},
	} {
		if _, err := put(t, tt.system, tt.files); !errors.Is(err, ext4.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A damaged file system is refused, or written to; it does not take for ever.
	for seed := range 10 {
		damaged := bytes.Clone(good)
		for n := range 40 {
			damaged[1024+(seed*7919+n*104729)%(200<<10)] ^= byte(seed + n + 1)
		}
		after, err := put(t, damaged, []ext4.File{{Path: "a", Data: []byte("a")}})
		if err == nil && bytes.Equal(after, damaged) {
			t.Errorf("damaged file system %d: nothing was put, and no error", seed)
		}
	}
}
