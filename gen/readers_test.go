package gen_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hagen/gen"
	"hagen/gen/cases"
	"hagen/gen/control"
	"hagen/gen/encode"
	"hagen/pki"
	"hagen/profiles"
)

// The readers of hagen's documents that nobody here wrote. A test whose
// program is missing is skipped, unless HAGEN_READERS=required, as in CI.

// program finds a program in .bin, where make setup puts it, or on the PATH.
func program(t *testing.T, name string) string {
	t.Helper()
	if path, err := filepath.Abs("../.bin/" + name); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	if os.Getenv("HAGEN_READERS") == "required" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// silent runs a program that must succeed and print nothing.
func silent(t *testing.T, name string, args ...string) {
	t.Helper()
	output, err := exec.Command(name, args...).CombinedOutput()
	if err != nil || len(bytes.TrimSpace(output)) > 0 {
		t.Errorf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, output)
	}
}

func write(t *testing.T, path string, contents []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, contents, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestIgnitionValidate: ignition-validate only warns of unknown keys, so any
// output is a fault.
func TestIgnitionValidate(t *testing.T) {
	t.Parallel()
	validate := program(t, "ignition-validate")
	dir := t.TempDir()
	for _, name := range shapes(t) {
		_, _, machines := fresh(t, name)
		for _, m := range machines {
			for _, d := range m.Documents {
				if d.Format == profiles.Ignition {
					silent(t, validate, write(t, filepath.Join(dir, "config.ign"), d.Text))
				}
			}
		}
	}
}

// askSchema does what "cloud-init schema --config-file" does, for many files in
// one Python: it calls what the command calls.
const askSchema = `import contextlib, io, sys
from cloudinit.config import schema
for path in sys.argv[1:]:
    said = io.StringIO()
    sys.argv = ["schema", "--config-file", path]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            schema.main()
        except SystemExit as end:
            print(end.code)
    print(" ".join(said.getvalue().split()))
`

// TestCloudInitSchema: cloud-init itself finds user-data valid, and has nothing
// to say against a key of it. The command says the same of one document as
// Python does, and both refuse one that is wrong.
func TestCloudInitSchema(t *testing.T) {
	t.Parallel()
	cloudInit := program(t, "cloud-init")
	dir := t.TempDir()
	paths := []string{write(t, filepath.Join(dir, "wrong"), []byte("#cloud-config\nruncmd: {a: b}\n"))}
	for _, name := range shapes(t) {
		c, set, machines := fresh(t, name)
		if all, err := gen.Render(c, set, control.Options{}, nil, []string{profiles.UserData}); err == nil {
			machines = all
		} // else a disk is what Ignition alone can do; the others of the case are as they are
		for _, m := range machines {
			for _, d := range m.Documents {
				if d.Format == profiles.UserData {
					paths = append(paths, write(t, filepath.Join(dir, name, d.Path), d.Text))
				}
			}
		}
	}
	output, err := exec.Command("/usr/bin/python3", append([]string{"-c", askSchema}, paths...)...).CombinedOutput()
	said := strings.Split(strings.TrimSpace(string(output)), "\n")
	if err != nil || len(said) != len(paths) || len(paths) < 10 {
		t.Fatalf("of %d documents: %v\n%s", len(paths), err, output)
	}
	for i, path := range paths {
		if valid := said[i] == "Valid cloud-config: "+path; valid != (i > 0) {
			t.Errorf("%s: %s", path, said[i])
		}
	}
	for i, path := range paths[:2] {
		output, err := exec.Command(cloudInit, "schema", "--config-file", path).CombinedOutput()
		if valid := err == nil && strings.TrimSpace(string(output)) == "Valid cloud-config: "+path; valid != (i > 0) {
			t.Errorf("%s: %v\n%s", path, err, output)
		}
	}
}

// TestInstalledButane: the last butane that was released by itself makes the
// same Ignition of every golden document, byte for byte.
func TestInstalledButane(t *testing.T) {
	t.Parallel()
	butane := program(t, "butane")
	for _, name := range goldenCases(t) {
		golden, err := cases.Dir(testdata).Golden(name)
		if err != nil {
			t.Fatal(err)
		}
		for path, source := range golden {
			if filepath.Base(path) != "config.bu" {
				continue
			}
			bu := name + ": " + path
			command := exec.Command(butane)
			command.Stdin = bytes.NewReader(source)
			got, err := command.Output()
			if err != nil {
				t.Errorf("%s: %v\n%s", bu, err, command.Stderr)
				continue
			}
			system, _ := profiles.FindOS("fcos")
			if bytes.Contains(source, []byte("\nvariant: flatcar\n")) {
				system, _ = profiles.FindOS("flatcar")
			}
			want, err := encode.Translate(encode.Document{Text: source}, system)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: butane makes\n%s\nhagen makes\n%s", bu, got, want)
			}
		}
	}
}

// TestSystemdVerify: systemd reads every unit without a word, in a root that
// holds what the document brings and stubs for the binaries. The distribution's
// own units are there once for all machines.
func TestSystemdVerify(t *testing.T) {
	t.Parallel()
	analyze := program(t, "systemd-analyze")
	root := t.TempDir()
	copyUnits(t, root)
	for _, name := range shapes(t) {
		_, _, machines := fresh(t, name)
		for _, m := range machines {
			units := m.Node.Units
			for _, d := range m.Node.Mounts {
				units = append(slices.Clip(units), encode.MountUnit(d))
			}
			args := []string{"verify", "--man=no", "--root=" + root}
			for _, d := range m.Node.Directories {
				if err := os.MkdirAll(filepath.Join(root, d.Path), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, u := range units {
				if u.Contents == "" {
					continue // the operating system's
				}
				path := "/etc/systemd/system/" + u.Name
				write(t, filepath.Join(root, path), []byte(u.Contents))
				args = append(args, path)
				stubs(t, root, u.Contents)
			}
			silent(t, analyze, args...)
			emptyBut(t, root, "usr")
		}
	}
}

// emptyBut removes all from a directory but one.
func emptyBut(t *testing.T, dir, stays string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == stays {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// copyUnits gives a root the distribution's targets and services, which our
// units name.
func copyUnits(t *testing.T, root string) {
	t.Helper()
	for _, dir := range []string{"/usr/lib/systemd/system", "/lib/systemd/system"} {
		if _, err := os.Stat(dir); err == nil {
			if err := os.CopyFS(filepath.Join(root, "usr/lib/systemd/system"), os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Skip("the machine has no systemd units to check against")
}

// stubs makes every program that a unit runs.
func stubs(t *testing.T, root, unit string) {
	t.Helper()
	for line := range strings.SplitSeq(unit, "\n") {
		for _, key := range []string{"ExecStart=", "ExecStartPre=", "ExecReload="} {
			if command, found := strings.CutPrefix(line, key); found {
				path := write(t, filepath.Join(root, strings.TrimLeft(strings.Fields(command)[0], "-+")), []byte("#!/bin/sh\n"))
				if err := os.Chmod(path, 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestOpenSSLVerify: every leaf verifies strictly against its authority, for
// each purpose that its usages claim.
func TestOpenSSLVerify(t *testing.T) {
	t.Parallel()
	openssl := program(t, "openssl")
	purposes := map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "sslserver", x509.ExtKeyUsageClientAuth: "sslclient"}
	type question struct{ authority, purpose string }
	for _, name := range shapes(t) {
		_, set, _ := fresh(t, name)
		dir := t.TempDir()
		leaves := map[question][]string{}
		for _, item := range set {
			if item.Request.Kind != pki.Leaf {
				continue
			}
			block, _ := pem.Decode(item.Cert)
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			leaf := write(t, filepath.Join(dir, item.Request.Name+".pem"), item.Cert)
			for _, u := range cert.ExtKeyUsage {
				q := question{item.Request.Authority, purposes[u]}
				leaves[q] = append(leaves[q], leaf)
			}
		}
		for q, files := range leaves {
			ca := write(t, filepath.Join(dir, "ca.pem"), set[q.authority].Cert)
			args := append([]string{"verify", "-x509_strict", "-purpose", q.purpose, "-CAfile", ca}, files...)
			output, err := exec.Command(openssl, args...).CombinedOutput()
			if want := strings.Join(files, ": OK\n") + ": OK\n"; err != nil || string(output) != want {
				t.Errorf("%s: %s of %s: %v\n%s", name, q.purpose, q.authority, err, output)
			}
		}
		if len(leaves) == 0 {
			t.Errorf("%s: no leaf was verified", name)
		}
	}
}
