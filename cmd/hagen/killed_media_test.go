package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hagen/out/media/bases"
)

// TestMediaKilled kills hagen media of all kinds that need no base at random moments. The media of the render before
// or, whole, of the new one are there each time, and nothing is left beside them after the
// next run.
func TestMediaKilled(t *testing.T) { mediaKilled(t, t.TempDir()) }

// TestBasedMediaKilled is TestMediaKilled for media that are made from bases.
func TestBasedMediaKilled(t *testing.T) {
	dir := t.TempDir()
	live := bases.ISO("fedora-coreos-44", bases.Live())
	if err := os.WriteFile(filepath.Join(dir, "live.iso"), append(live, make([]byte, 4<<20)...), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"--base", "live.iso", "--kind", "iso", "--kind", "seed"}
	if bootable(t, dir) {
		args = append(args, "--base", "disk.raw", "--kind", "disk")
	}
	mediaKilled(t, dir, args...)
}

// bootable makes an image of Fedora CoreOS's disk, if there are the programs for it: disk.raw.
func bootable(t *testing.T, dir string) bool {
	t.Helper()
	for _, program := range []string{"mkfs.ext4", "debugfs"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("without the image of a disk: %s is not installed", program)
			return false
		}
	}
	boot := filepath.Join(dir, "boot")
	for _, args := range [][]string{{"truncate", "-s", "4M", boot}, {"mkfs.ext4", "-q", boot}, {"debugfs", "-w", "-R", "write /dev/null ignition.firstboot", boot}} {
		if output, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, output)
		}
	}
	text, err := os.ReadFile(boot)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "disk.raw"), bases.Disk(512, bases.CoreOS(text)), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

// overNetwork are the fields of machines that boot over the network, and a MAC address each.
func overNetwork(file []byte) []byte {
	file = bytes.Replace(file, []byte("  masters:"), []byte("  boot: {url: 'http://10.10.10.1:8080/assets', kernel: vmlinuz, initrd: initrd.img, rootfs: rootfs.img}\n  masters:"), 1)
	for i, name := range []string{"kubem00", "kubem01", "kubem02", "kubernetes"} {
		file = bytes.Replace(file, fmt.Appendf(nil, "{name: %s, a", name), fmt.Appendf(nil, "{name: %s, mac: '52:54:00:89:d8:1%d', a", name, i), 1)
	}
	return file
}

// mediaKilled kills hagen media with these arguments.
func mediaKilled(t *testing.T, dir string, args ...string) {
	args = append([]string{"media"}, args...)
	hagen := func(args ...string) *exec.Cmd {
		cmd := exec.Command("hagen", args...)
		cmd.Dir = dir
		return cmd
	}
	done := func(args ...string) {
		t.Helper()
		if output, err := hagen(args...).CombinedOutput(); err != nil {
			t.Fatalf("hagen %v: %v\n%s", args, err, output)
		}
	}
	change := func(how func([]byte) []byte) {
		t.Helper()
		file := filepath.Join(dir, "cluster.yaml")
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, how(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	done("init")
	change(overNetwork)
	done("render")
	done(args...)
	before := sumsOf(t, filepath.Join(dir, "media"))
	copied := func(from, to string) {
		t.Helper()
		if output, err := exec.Command("cp", "-Rp", filepath.Join(dir, from), filepath.Join(dir, to)).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	}
	copied("media", "saved")
	change(func(text []byte) []byte {
		return bytes.Replace(text, []byte("  # apiServer:"), []byte("  apiServer: {extraSANs: [a.example.com]}\n  # apiServer:"), 1)
	})
	done("render")
	began := time.Now()
	done(args...)
	life := time.Since(began)
	after := sumsOf(t, filepath.Join(dir, "media"))
	if before == after {
		t.Fatal("another render gives the same media")
	}
	times := 6
	if longer() {
		times = 50
	}
	for range times {
		if err := os.RemoveAll(filepath.Join(dir, "media")); err != nil {
			t.Fatal(err)
		}
		copied("saved", "media")
		cmd := hagen(args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(life/3 + time.Duration(rand.Int64N(int64(life))))
		cmd.Process.Kill()
		_ = cmd.Wait()
		if got := sumsOf(t, filepath.Join(dir, "media")); got != before && got != after {
			t.Fatalf("neither the media of before nor those of after:\n%s", got)
		}
		done(args...)
		if got := sumsOf(t, filepath.Join(dir, "media")); got != after {
			t.Fatalf("the next run did not finish:\n%s", got)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "media", ".*.hagen-*")); len(left) > 0 {
			t.Fatalf("left over: %v", left)
		}
	}
}

// sumsOf gives the mode and hash of each file below a directory, besides stages.
func sumsOf(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.Contains(e.Name(), ".hagen-") {
			return fs.SkipDir
		}
		if !e.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		info, _ := e.Info()
		fmt.Fprintf(&b, "%s %v %x\n", strings.TrimPrefix(path, dir), info.Mode(), sha256.Sum256(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
