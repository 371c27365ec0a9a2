package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkRatios times whole processes and what they are measured by, in
// turns, so that a machine that is busy for a while is so for all of them. It
// prints the medians and their ratios, of time and of processor time: the table
// of docs/performance.md. An iteration is one run of each.
func BenchmarkRatios(b *testing.B) {
	at := b.TempDir()
	empty, bare := built(b, at, "empty"), built(b, at, "bare")
	bin, err := filepath.Abs("../../.bin")
	if err != nil {
		b.Fatal(err)
	}
	if output, err := exec.Command("make", "-s", "-C", "../..", ".bin/hagen", ".bin/butane", ".bin/cfssl").CombinedOutput(); err != nil {
		b.Fatalf("make: %v\n%s", err, output)
	}
	program := filepath.Join(bin, "hagen")
	standard, classic := rendered(b, program, "standard"), rendered(b, program, "classic")
	keys, certificates := counted(b, classic)
	hand := byHand(b, standard)
	script, err := filepath.Abs("testdata/bench/by-hand.sh")
	if err != nil {
		b.Fatal(err)
	}

	fresh := func(dir string) func() {
		return func() {
			for _, made := range []string{"pki", "cluster.lock", "rendered"} {
				if err := os.RemoveAll(filepath.Join(dir, made)); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	warm := rendered(b, program, "standard")
	runs := []*timed{
		{name: "an empty Go program", args: []string{empty}},
		{name: "hagen version", args: []string{program, "version"}},
		{name: "hagen render, warm", dir: warm, args: []string{program, "render"}},
		{name: "by hand", dir: hand, args: []string{script}, path: bin},
		{name: "hagen render, cold, standard", dir: standard, before: fresh(standard), args: []string{program, "render"}},
		{name: "bare keys and signatures", args: []string{bare, fmt.Sprint(keys), fmt.Sprint(certificates)}},
		{name: "hagen render, cold, classic", dir: classic, before: fresh(classic), args: []string{program, "render"}},
	}
	for b.Loop() {
		for _, r := range runs {
			r.run(b)
		}
	}
	// Not with Logf: a benchmark's log is cut off after ten lines.
	fmt.Printf("\n%-32s %10s %10s\n", "median of ms", "whole", "processor")
	for _, r := range runs {
		fmt.Printf("%-32s %10.1f %10.1f\n", r.name, r.wall(), r.processor())
	}
	for _, row := range []struct {
		what    string
		of, per *timed
		reach   string
	}{
		{"version/empty", runs[1], runs[0], "at most 3"},
		{"warm/empty", runs[2], runs[0], "at most 7"},
		{"by-hand/cold", runs[3], runs[4], "at least 18"},
		{"classic/bare", runs[6], runs[5], "at most 1.15"},
	} {
		fmt.Printf("%-32s %10.2f %10.2f  to reach: %s\n", row.what, row.of.wall()/row.per.wall(), row.of.processor()/row.per.processor(), row.reach)
		b.ReportMetric(row.of.wall()/row.per.wall(), row.what)
	}
}

// timed is a program that is run again and again.
type timed struct {
	name       string
	dir        string
	path       string // of programs that a script calls
	args       []string
	before     func() // not timed
	walls, cpu []time.Duration
}

func (r *timed) run(b *testing.B) {
	if r.before != nil {
		r.before()
	}
	command := exec.Command(r.args[0], r.args[1:]...)
	command.Dir = r.dir
	if r.path != "" {
		command.Env = append(os.Environ(), "PATH="+r.path+":"+os.Getenv("PATH"))
	}
	begin := time.Now()
	err := command.Run()
	r.walls = append(r.walls, time.Since(begin))
	if err != nil {
		b.Fatalf("%s: %v", r.name, err)
	}
	r.cpu = append(r.cpu, command.ProcessState.UserTime()+command.ProcessState.SystemTime())
}

func (r *timed) wall() float64      { return median(r.walls) }
func (r *timed) processor() float64 { return median(r.cpu) }

// median is in milliseconds.
func median(times []time.Duration) float64 {
	times = slices.Sorted(slices.Values(times))
	return float64((times[(len(times)-1)/2] + times[len(times)/2]).Microseconds()) / 2000
}

// built builds a program of testdata/bench.
func built(b *testing.B, at, name string) string {
	b.Helper()
	program := filepath.Join(at, name)
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./testdata/bench/"+name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, output)
	}
	return program
}

// rendered gives a directory with a cluster that has been rendered.
func rendered(b *testing.B, program, profile string) string {
	b.Helper()
	dir := b.TempDir()
	hagen(b, program, dir, "init", "--profile", profile)
	hagen(b, program, dir, "render")
	return dir
}

// counted counts a cluster's keys and certificates.
func counted(b *testing.B, dir string) (keys, certificates int) {
	b.Helper()
	for _, path := range filesBelow(b, filepath.Join(dir, "pki")) {
		switch {
		case strings.HasSuffix(path, "-key.pem"), strings.HasSuffix(path, "/sa.key"):
			keys++
		case strings.HasSuffix(path, ".pem"):
			certificates++
		}
	}
	return keys, certificates
}

// byHand gives a directory with what the script needs to make the certificates
// and the Ignition documents of a rendered cluster.
func byHand(b *testing.B, from string) string {
	b.Helper()
	to := b.TempDir()
	put := func(path string, contents []byte) {
		path = filepath.Join(to, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, contents, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	certificates := map[string]*x509.Certificate{}
	authorities := map[string]string{} // their names in pki, by common name
	for _, path := range filesBelow(b, filepath.Join(from, "pki")) {
		if !strings.HasSuffix(path, ".pem") || strings.HasSuffix(path, "-key.pem") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		block, _ := pem.Decode(text)
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			b.Fatal(err)
		}
		name, _ := strings.CutPrefix(strings.TrimSuffix(path, ".pem"), filepath.Join(from, "pki")+"/")
		certificates[name] = certificate
		if certificate.IsCA {
			authorities[certificate.Subject.CommonName] = name
		}
	}
	var roots, leaves, machines strings.Builder
	for name, certificate := range certificates {
		put(name+".json", signingRequest(certificate))
		switch {
		case certificate.IsCA:
			fmt.Fprintln(&roots, name)
		default:
			fmt.Fprintln(&leaves, name, authorities[certificate.Issuer.CommonName], "peer")
		}
	}
	for _, path := range filesBelow(b, filepath.Join(from, "rendered")) {
		if filepath.Base(path) != "config.bu" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(path)) + ".bu"
		put(name, text)
		fmt.Fprintln(&machines, name)
	}
	put("authorities.txt", []byte(roots.String()))
	put("leaves.txt", []byte(leaves.String()))
	put("machines.txt", []byte(machines.String()))
	put("policy.json", []byte(`{"signing": {"profiles": {"peer": {"expiry": "8760h", "usages": ["signing", "server auth", "client auth"]}}}}`))
	return to
}

// signingRequest is a certificate's CSR as cfssl reads one.
func signingRequest(of *x509.Certificate) []byte {
	hosts := slices.Clone(of.DNSNames)
	for _, address := range of.IPAddresses {
		hosts = append(hosts, address.String())
	}
	var names []map[string]string
	for _, o := range of.Subject.Organization {
		names = append(names, map[string]string{"O": o})
	}
	text, _ := json.Marshal(map[string]any{ // texts and numbers marshal
		"CN": of.Subject.CommonName, "hosts": hosts, "names": names, "key": map[string]any{"algo": "ecdsa", "size": 256},
	})
	return text
}

func filesBelow(b *testing.B, dir string) (paths []string) {
	b.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return paths
}
