package sysext

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/profiles"
)

// program is the smallest ELF file of a processor, linked or static, followed
// by what makes it this one and no other.
func program(machine elf.Machine, linked bool, rest string) []byte {
	var b bytes.Buffer
	head := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Ehsize: 64, Phentsize: 56,
	}
	if linked {
		head.Phoff, head.Phnum = 64, 1
	}
	binary.Write(&b, binary.LittleEndian, head)
	if linked {
		binary.Write(&b, binary.LittleEndian, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: 120, Filesz: uint64(len(rest))})
	}
	b.WriteString(rest)
	return b.Bytes()
}

// file writes a binary to a directory.
func file(t *testing.T, dir, name string, contents []byte) Binary {
	t.Helper()
	place := filepath.Join(dir, name)
	if err := os.WriteFile(place, contents, 0o600); err != nil {
		t.Fatal(err)
	}
	return File(name, place)
}

// archive writes a .tar.gz with upstream's directory in it.
func archive(t *testing.T, dir string, members map[string][]byte) string {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	w.WriteHeader(&tar.Header{Name: "etcd/", Typeflag: tar.TypeDir, Mode: 0o755})
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(members))) {
		contents := members[name]
		w.WriteHeader(&tar.Header{Name: "etcd/" + name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(contents))})
		w.Write(contents)
	}
	w.Close()
	zipped.Close()
	place := filepath.Join(dir, "etcd.tar.gz")
	if err := os.WriteFile(place, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return place
}

func image(t *testing.T, dir string) Image {
	packed := archive(t, dir, map[string][]byte{"README": []byte("read me"), "etcd": program(elf.EM_X86_64, false, "etcd")})
	return Image{
		Name: "hagen-test", Arch: "x86-64", For: Target{ID: Any}, Format: Squashfs,
		Binaries: []Binary{file(t, dir, "kube-apiserver", program(elf.EM_X86_64, false, strings.Repeat("api ", 10000))), Archived("etcd", packed)},
	}
}

// installed skips a test that needs a program that is not there, unless
// HAGEN_READERS=required, as in CI.
func installed(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("HAGEN_READERS") == "required" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
}

// TestMake makes images with the real programs: the same bytes whenever and
// wherever, and what systemd itself takes for a system extension.
func TestMake(t *testing.T) {
	for _, format := range Formats() {
		for _, labels := range []bool{false, true} {
			installed(t, programs[format].program)
			if labels && format == Squashfs && os.Geteuid() != 0 {
				continue // root alone may label files
			}
			var first []byte
			for n := range 2 {
				dir := t.TempDir()
				i := image(t, dir)
				i.Format, i.Labels = format, labels
				if err := i.Check(); err != nil {
					t.Fatal(err)
				}
				later := time.Now().Add(time.Duration(n) * time.Hour)
				if err := os.Chtimes(filepath.Join(dir, "kube-apiserver"), later, later); err != nil {
					t.Fatal(err)
				}
				out := filepath.Join(dir, "hagen-test.raw")
				if err := Make(i, out); err != nil {
					t.Fatal(err)
				}
				made, err := os.ReadFile(out)
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					first = made
				} else if !bytes.Equal(first, made) {
					t.Errorf("%s, labels %t: other bytes", format, labels)
				}
				if rest, _ := filepath.Glob(filepath.Join(dir, ".hagen-*")); len(rest) > 0 {
					t.Errorf("left behind: %v", rest)
				}
				if labels != bytes.Contains(made, []byte("object_r:bin_t:s0")) && format == Erofs {
					t.Errorf("%s, labels %t: they say otherwise", format, labels)
				}
				dissected(t, out)
			}
		}
	}
}

// dissected asks systemd what an image is. That takes a loop device.
func dissected(t *testing.T, place string) {
	t.Helper()
	out, err := exec.Command("systemd-dissect", "--no-pager", place).CombinedOutput()
	if err != nil {
		t.Logf("systemd-dissect could not look: %v %s", err, out)
		return
	}
	for _, want := range []string{"ID=_any", "ARCHITECTURE=x86-64", "✓ extension for system"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("systemd-dissect does not say %q:\n%s", want, out)
		}
	}
}

// TestContents mounts an image, which root may.
func TestContents(t *testing.T) {
	dir := t.TempDir()
	i := image(t, dir)
	i.For = Target{"fedora", "43"}
	out, mount := filepath.Join(dir, "hagen-test.raw"), filepath.Join(dir, "mnt")
	installed(t, "mksquashfs", "unsquashfs")
	if err := Make(i, out); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command("unsquashfs", "-no-xattrs", "-d", mount, out).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, said)
	}
	release, err := os.ReadFile(filepath.Join(mount, "usr/lib/extension-release.d/extension-release.hagen-test"))
	if err != nil || string(release) != "ID=fedora\nVERSION_ID=43\nARCHITECTURE=x86-64\n" {
		t.Errorf("%q %v", release, err)
	}
	for name, rest := range map[string]string{"kube-apiserver": "api ", "etcd": "etcd"} {
		place := filepath.Join(mount, "usr/bin", name)
		text, err := os.ReadFile(place)
		info, statErr := os.Stat(place)
		if err != nil || statErr != nil || !bytes.HasSuffix(text, []byte(rest)) || info.Mode() != 0o755 || !info.ModTime().Equal(time.Unix(0, 0)) {
			t.Errorf("%s: %v %v %v", name, info, err, statErr)
		}
	}
}

// TestRefused: what is no binary for the machines is not put into an image.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	good := program(elf.EM_X86_64, false, "")
	packed := archive(t, dir, map[string][]byte{"etcdctl": good, "init.d/etcdctl": []byte("#!/bin/sh\n"), "init.d/init": []byte("#!/bin/sh\n")})
	cut := filepath.Join(dir, "cut.tar.gz")
	text, err := os.ReadFile(packed)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what   string
		binary Binary
		id     string
		want   string
	}{
		{"good", file(t, dir, "a", good), Any, ""},
		{"good, in an archive", Archived("etcdctl", packed), Any, ""},
		{"another processor", file(t, dir, "b", program(elf.EM_AARCH64, false, "")), Any, "b: is a program for another processor, not for x86-64"},
		{"linked", file(t, dir, "c", program(elf.EM_X86_64, true, "/lib/ld.so")), Any, "c: needs libraries of an operating system"},
		{"linked, for one system", file(t, dir, "c", program(elf.EM_X86_64, true, "/lib/ld.so")), "fedora", ""},
		{"cut short", file(t, dir, "g", program(elf.EM_X86_64, true, "")[:64]), Any, "g: is cut short"},
		{"a script", file(t, dir, "d", []byte("#!/bin/sh\n")), Any, "d: is not a Linux program"},
		{"nothing", file(t, dir, "e", nil), Any, "e: is not a Linux program"},
		{"none", File("f", filepath.Join(dir, "f")), Any, "/f: cannot be opened: no such file or directory"},
		{"a script of its name in the archive", Archived("init", packed), Any, "etcd.tar.gz: the binary is not in it"},
		{"not in the archive", Archived("etcd", packed), Any, "etcd.tar.gz: the binary is not in it"},
		{"a broken archive", Archived("etcd", cut), Any, "cut.tar.gz: is no"},
		{"no archive", Archived("etcd", filepath.Join(dir, "a")), Any, "a: is not a gzip archive"},
	} {
		err := Image{Binaries: []Binary{test.binary}, Arch: "x86-64", For: Target{ID: test.id}}.Check()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.what, err)
		}
	}
	if err := Make(Image{Format: "ext4"}, filepath.Join(dir, "x.raw")); err == nil || !strings.Contains(err.Error(), "no format ext4") {
		t.Error(err)
	}
	t.Setenv("PATH", dir)
	if err := Make(image(t, dir), filepath.Join(dir, "x.raw")); err == nil || !strings.Contains(err.Error(), "squashfs-tools") {
		t.Error(err)
	}
}

// TestFails: of an image that cannot be made nothing is left.
func TestFails(t *testing.T) {
	dir, bin := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\nfor last; do :; done\necho half >\"$2\"\necho it is broken\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "mksquashfs"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	out := filepath.Join(dir, "x.raw")
	err := Make(image(t, dir), out)
	if err == nil || !strings.Contains(err.Error(), "mksquashfs cannot make hagen-test: exit status 1\nit is broken") {
		t.Error(err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("half of an image is left")
	}
	broken := image(t, dir)
	broken.Binaries = append(broken.Binaries, Binary{"x", func() (io.ReadCloser, error) { return nil, os.ErrPermission }})
	if err := Make(broken, out); err == nil {
		t.Error("no error")
	}
}

// TestCutShort cuts a real program, which the linker has made, at every place
// that may matter: it is refused, and whole it is none the worse for that.
func TestCutShort(t *testing.T) {
	arch := profiles.SystemdArch(runtime.GOARCH)
	dir := t.TempDir()
	source, place := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() { println(1) }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flags := range []string{"", "-s -w"} {
		build := exec.Command("go", "build", "-ldflags", flags, "-o", place, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		whole, err := os.ReadFile(place)
		if err != nil {
			t.Fatal(err)
		}
		if linked, err := Program("it", bytes.NewReader(whole), arch); linked || err != nil {
			t.Errorf("whole: %t %v", linked, err)
		}
		for _, length := range []int{64, 3000, len(whole) / 2, len(whole) - 1} {
			if _, err := Program("it", bytes.NewReader(whole[:length]), arch); err == nil || err.Error() != "it: is cut short" {
				t.Errorf("%q, %d of %d bytes: %v", flags, length, len(whole), err)
			}
		}
	}
}
