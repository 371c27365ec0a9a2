package iso9660

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// seed is a volume as cloud-init reads one, drive one as OpenStack makes it.
var (
	seed = []File{
		{"user-data", []byte("#cloud-config\n" + strings.Repeat("x", 5000))},
		{"meta-data", []byte("instance-id: kubem00\n")},
		{"network-config", []byte("version: 2\n")},
		{"vendor-data", nil},
	}
	drive = []File{
		{"openstack/latest/user_data", []byte("{}\n")},
		{"openstack/latest/meta_data.json", []byte("{\"uuid\": \"1\"}\n")},
		{"openstack/latest/network_data.json", []byte("{}\n")},
		{"openstack/content/0000", []byte("x")},
	}
)

func image(t *testing.T, label string, files []File) []byte {
	t.Helper()
	made, err := Image(label, files)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestBytes: hashes of volumes, which no other release of Go or of hagen may change
// without anybody noticing.
func TestBytes(t *testing.T) {
	for label, want := range map[string]struct {
		files []File
		size  int
		hash  string
	}{
		"cidata":   {seed, 65536, "32f9c55cd9d740b348518bee00a02dab7b80cf774a260e2ea3faee5d658a6a29"},
		"config-2": {drive, 73728, "6f8cb1692ac844d2b9559cf003f0a725bd34d6b3226a22fda5128bedf4c05e6d"},
	} {
		made := image(t, label, want.files)
		backwards := append([]File{}, want.files...)
		for i, j := 0, len(backwards)-1; i < j; i, j = i+1, j-1 {
			backwards[i], backwards[j] = backwards[j], backwards[i]
		}
		if !bytes.Equal(made, image(t, label, backwards)) {
			t.Errorf("%s: the order of the files changes the bytes", label)
		}
		if hash := fmt.Sprintf("%x", sha256.Sum256(made)); hash != want.hash || len(made) != want.size {
			t.Errorf("%s: %d bytes, %s", label, len(made), hash)
		}
	}
}

// write writes a volume to disk, for programs.
func write(t *testing.T, label string, files []File) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "volume.iso")
	if err := os.WriteFile(name, image(t, label, files), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin")
	if _, err := exec.LookPath(program); err != nil {
		missing(t, program)
	}
	text, err := exec.Command(program, args...).Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, text)
	}
	return string(text)
}

// missing skips a test whose program is not installed, unless all must be.
func missing(t *testing.T, program string) {
	t.Helper()
	if os.Getenv("HAGEN_READERS") == "required" {
		t.Fatal(program + " is not installed: make setup")
	}
	t.Skip(program + " is not installed")
}

// TestIsoinfo: another reader finds every file in each tree, with its bytes.
func TestIsoinfo(t *testing.T) {
	for label, files := range map[string][]File{"cidata": seed, "config-2": drive} {
		name := write(t, label, files)
		about := output(t, "isoinfo", "-d", "-i", name)
		for _, line := range []string{"Volume id: " + label, "Joliet with UCS level 3 found", "Rock Ridge signatures version 1 found", "Logical block size is: 2048"} {
			if !strings.Contains(about, line+"\n") {
				t.Errorf("isoinfo does not say %q:\n%s", line, about)
			}
		}
		for _, f := range files {
			for _, tree := range []string{"-R", "-J"} {
				if got := output(t, "isoinfo", tree, "-i", name, "-x", "/"+f.Path); got != string(f.Data) {
					t.Errorf("%s: %s with %s is %.40q", label, f.Path, tree, got)
				}
			}
		}
		list := output(t, "isoinfo", "-R", "-l", "-i", name)
		if strings.Count(list, "-r--------   1    0    0") != len(files) {
			t.Errorf("not all files are for root alone:\n%s", list)
		}
	}
}

// TestTime: volumes of other contents have other times, and each has a real one.
func TestTime(t *testing.T) {
	seen := map[string]bool{}
	for n := range 200 {
		made := image(t, "cidata", []File{{"user-data", []byte(fmt.Sprint(n))}})
		text := string(made[16*sector+813:][:16])
		at, err := time.Parse("20060102150405", text[:14])
		if err != nil || at.Year() < 2000 || at.Year() > 2019 || seen[text] {
			t.Errorf("%s (%v), seen %t", text, err, seen[text])
		}
		if other := string(made[17*sector+813:][:16]); other != text {
			t.Errorf("%s in one tree, %s in the other", text, other)
		}
		seen[text] = true
	}
}

// TestBlkid: the label is as udev looks for it, and volumes differ in their UUIDs.
func TestBlkid(t *testing.T) {
	for label, want := range map[string]struct {
		files []File
		uuid  string
	}{"cidata": {seed, "2013-10-12-09-13-36-26"}, "config-2": {drive, "2010-07-23-00-47-29-20"}} {
		about := output(t, "blkid", "-p", "-o", "export", write(t, label, want.files))
		for _, line := range []string{"LABEL=" + label, "TYPE=iso9660", "UUID=" + want.uuid} {
			if !strings.Contains(about, line+"\n") {
				t.Errorf("blkid does not say %q:\n%s", line, about)
			}
		}
	}
}

func TestImageRefuses(t *testing.T) {
	for _, files := range [][]File{
		{{"", nil}}, {{"/a", nil}}, {{"../a", nil}}, {{"a/../b", nil}}, {{"a", nil}, {"a", nil}}, {{"a", nil}, {"a/b", nil}},
		{{"a b", nil}}, {{"ä", nil}}, {{"a;1", nil}}, {{strings.Repeat("a", 65), nil}}, {{".", nil}},
	} {
		if _, err := Image("cidata", files); err == nil {
			t.Errorf("%v makes a volume", files)
		}
	}
	for _, label := range []string{"", strings.Repeat("a", 17), "a/b", "ä"} {
		if _, err := Image(label, seed); err == nil {
			t.Errorf("%q is a label", label)
		}
	}
}

// FuzzImage: a program of another author finds what was written; names that are alike
// in their first characters stay apart.
func FuzzImage(f *testing.F) {
	f.Add("user-data", []byte("a"), "user-data.gz", []byte("b"))
	f.Add("a/b/c/d", []byte{}, "a/b/cc", bytes.Repeat([]byte("x"), 5000))
	f.Add("network-config", []byte("1"), "network-config-2", []byte("2"))
	f.Fuzz(func(t *testing.T, one string, first []byte, other string, second []byte) {
		files := []File{{one, first}, {other, second}}
		made, err := Image("cidata", files)
		if err != nil {
			return
		}
		for _, f := range files {
			if !bytes.Contains(made, f.Data) {
				t.Errorf("%s is not in the volume", f.Path)
			}
		}
		if len(made)%sector != 0 {
			t.Errorf("%d bytes", len(made))
		}
		found := read(t, made)
		if len(found) != 2 || !bytes.Equal(found[one], first) || !bytes.Equal(found[other], second) {
			t.Errorf("read back: %q", found)
		}
	})
}
