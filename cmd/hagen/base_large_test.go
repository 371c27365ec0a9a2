package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"hagen/out/media/bases"
)

// TestLargeBase: memory does not grow with a base, and a hole in it stays a hole.
func TestLargeBase(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("memory is counted in another unit here")
	}
	dir := t.TempDir()
	run := func(args ...string) int64 {
		t.Helper()
		cmd := exec.Command("hagen", args...)
		cmd.Dir = dir
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("hagen %v: %v\n%s", args, err, output)
		}
		return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	}
	live, size := bases.ISO("fedora-coreos-44", bases.Live()), int64(256<<20)
	if longer() {
		size = 1 << 30
	}
	for name, size := range map[string]int64{"small.iso": int64(len(live)), "large.iso": size} {
		place := filepath.Join(dir, name)
		// The volume is as long as its file (ECMA-119, 8.4.8), in both byte orders.
		image := bytes.Clone(live)
		binary.LittleEndian.PutUint32(image[16*2048+80:], uint32(size/2048))
		binary.BigEndian.PutUint32(image[16*2048+84:], uint32(size/2048))
		if err := os.WriteFile(place, image, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(place, size); err != nil {
			t.Fatal(err)
		}
	}
	run("init")
	run("render")
	run("media", "--base", "small.iso", "-o", "small")
	small := run("media", "--base", "small.iso", "-o", "small")
	large := run("media", "--base", "large.iso", "-o", "large")
	const few = 24 << 10 // KiB
	if large-small > few {
		t.Errorf("%d KiB of memory for a base of %d bytes, and %d for a small one", large, size, small)
	}
	info, err := os.Stat(filepath.Join(dir, "large", "kubem00", "live.iso"))
	if err != nil {
		t.Fatal(err)
	}
	if blocks := info.Sys().(*syscall.Stat_t).Blocks; info.Size() != size || blocks*512 > size/4 {
		t.Errorf("%d bytes in %d blocks", info.Size(), blocks)
	}
}
