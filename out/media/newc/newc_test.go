package newc

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// read reads an archive by its headers alone, not as Archive writes it.
func read(t *testing.T, archive []byte) (files []File, dirs []string) {
	t.Helper()
	seen := map[int64]bool{}
	for {
		if len(archive) < 110 || string(archive[:6]) != "070701" {
			t.Fatalf("no header: %.20q", archive)
		}
		field := func(i int) int64 {
			n, err := strconv.ParseInt(string(archive[6+8*i:14+8*i]), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		number, mode, links, size, length := field(0), field(1), field(4), int(field(6)), int(field(11))
		if field(2) != 0 || field(3) != 0 || field(5) != 0 || field(12) != 0 {
			t.Errorf("an owner, a time or a checksum is not 0: %q", archive[:110])
		}
		name := string(archive[110 : 110+length-1])
		at := (110 + length + 3) / 4 * 4
		data := archive[at : at+size]
		archive = archive[(at+size+3)/4*4:]
		if name == trailer {
			if len(archive) != 0 {
				t.Errorf("%d bytes after the end", len(archive))
			}
			return files, dirs
		}
		if seen[number] {
			t.Errorf("%s has the number of another file: the kernel would link them", name)
		}
		seen[number] = true
		switch mode &^ 0o777 {
		case directory:
			if mode != directory|0o755 || size != 0 || links != 2 {
				t.Errorf("directory %s: mode %o, %d bytes, %d links", name, mode, size, links)
			}
			dirs = append(dirs, name)
		case regular:
			if links != 1 {
				t.Errorf("%s has %d links", name, links)
			}
			files = append(files, File{name, uint32(mode & 0o777), bytes.Clone(data)})
		default:
			t.Errorf("%s has mode %o", name, mode)
		}
	}
}

func TestArchive(t *testing.T) {
	files := []File{
		{"usr/share/oem/config.ign", 0o600, []byte("{}\n")},
		{"config.ign", 0o600, []byte("12345")},
		{"usr/share/empty", 0o644, []byte{}},
	}
	got, dirs := read(t, Archive(files))
	if want := []File{files[1], files[2], files[0]}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := []string{"usr", "usr/share", "usr/share/oem"}; !reflect.DeepEqual(dirs, want) {
		t.Errorf("directories %v, want %v", dirs, want)
	}
	files[0], files[2] = files[2], files[0]
	if again := Archive(files); !bytes.Equal(again, Archive([]File{files[1], files[0], files[2]})) {
		t.Error("the order of the files changes the bytes")
	}
}

// FuzzArchive: what is written can be read back, whatever the contents.
func FuzzArchive(f *testing.F) {
	f.Add("config.ign", []byte("x"), "a/b", []byte{})
	f.Add("TRAILER", []byte("070701"), "a/b/c/d", []byte("TRAILER!!!\x00"))
	f.Fuzz(func(t *testing.T, one string, first []byte, other string, second []byte) {
		for _, name := range []string{one, other} {
			if name == "" || name == trailer || strings.Contains(name, "\x00") || strings.HasPrefix(name, "/") || filepath.Clean(name) != name || name == "." || strings.HasPrefix(name, "..") {
				return
			}
		}
		if one == other || strings.HasPrefix(one, other+"/") || strings.HasPrefix(other, one+"/") {
			return
		}
		files, _ := read(t, Archive([]File{{one, 0o600, first}, {other, 0o600, second}}))
		if len(files) != 2 {
			t.Fatalf("%d files", len(files))
		}
		for _, f := range files {
			want := first
			if f.Path == other {
				want = second
			}
			if !bytes.Equal(f.Data, want) {
				t.Errorf("%q is %q, want %q", f.Path, f.Data, want)
			}
		}
	})
}

// TestCpio: the program cpio unpacks an archive.
func TestCpio(t *testing.T) {
	if _, err := exec.LookPath("cpio"); err != nil {
		if os.Getenv("HAGEN_READERS") == "required" {
			t.Fatal("cpio is not installed: make setup")
		}
		t.Skip("cpio is not installed")
	}
	list := exec.Command("cpio", "-itv", "--numeric-uid-gid", "--quiet")
	list.Stdin = bytes.NewReader(Archive([]File{{"usr/share/oem/config.ign", 0o600, []byte("{}\n")}}))
	output, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "drwxr-xr-x   2 0 ") || !strings.HasPrefix(lines[3], "-rw-------   1 0 ") || !strings.HasSuffix(lines[3], " usr/share/oem/config.ign") {
		t.Errorf("cpio lists:\n%s", output)
	}
}
