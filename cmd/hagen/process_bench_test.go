package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"hagen/cmd/hagen/internal/console"
)

// BenchmarkProcess times hagen render as a whole process: cold, with neither
// PKI nor tree, and warm, with both as they should be. peak-MiB is the largest
// resident set of any run. The binary is built as the Makefile builds it.
func BenchmarkProcess(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "hagen")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, output)
	}
	for _, profile := range []string{"standard", "classic"} {
		dir := b.TempDir()
		hagen(b, bin, dir, "init", "--profile", profile)
		b.Run("cold/"+profile, func(b *testing.B) {
			peak := 0.0
			for b.Loop() {
				b.StopTimer()
				for _, made := range []string{"pki", "cluster.lock", "rendered"} {
					if err := os.RemoveAll(filepath.Join(dir, made)); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				peak = max(peak, hagen(b, bin, dir, "render"))
			}
			b.ReportMetric(peak, "peak-MiB")
		})
		b.Run("warm/"+profile, func(b *testing.B) {
			hagen(b, bin, dir, "render")
			peak := 0.0
			for b.Loop() {
				peak = max(peak, hagen(b, bin, dir, "render"))
			}
			b.ReportMetric(peak, "peak-MiB")
		})
	}
}

// hagen runs the binary in a directory and gives its peak resident set in MiB.
func hagen(b *testing.B, bin, dir string, args ...string) float64 {
	b.Helper()
	command := exec.Command(bin, args...)
	command.Dir = dir
	if err := command.Run(); err != nil {
		b.Fatalf("hagen %v: %v", args, err)
	}
	usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return float64(usage.Maxrss) / 1024 // kilobytes on Linux (getrusage(2))
}

// BenchmarkRender renders in this process, for make profile.
func BenchmarkRender(b *testing.B) {
	dir := b.TempDir()
	file := filepath.Join(dir, "cluster.yaml")
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	quiet := func(args ...string) {
		if code := run(append([]string{"hagen"}, args...), console.New(null, null)); code != 0 {
			b.Fatalf("hagen %v: exit code %d", args, code)
		}
	}
	quiet("init", "-f", file)
	render := []string{"render", "-f", file, "-o", filepath.Join(dir, "rendered")}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			for _, made := range []string{"pki", "cluster.lock", "rendered"} {
				if err := os.RemoveAll(filepath.Join(dir, made)); err != nil {
					b.Fatal(err)
				}
			}
			quiet(render...)
		}
	})
	b.Run("warm", func(b *testing.B) {
		quiet(render...)
		for b.Loop() {
			quiet(render...)
		}
	})
}
