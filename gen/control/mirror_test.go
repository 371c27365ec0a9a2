package control

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hagen/gen/cluster"
	"hagen/gen/spec"
	"hagen/profiles"
)

// withoutIgnition is an operating system whose documents fetch nothing.
var withoutIgnition = profiles.OS{Name: "test", BinDir: "/usr/local/bin", HAProxy: "/usr/sbin/haproxy", Delivery: profiles.URLs, HAProxyFrom: profiles.Preinstalled, KeepalivedFrom: profiles.Preinstalled}

// scriptOf gives a master's binaries.sh, with all its places below a directory.
func scriptOf(t *testing.T, dir string, system profiles.OS, digests map[string]string, field string) string {
	t.Helper()
	text := `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: kubernetes}
spec:
  endpoint: kubernetes:6443
  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
  masters: [{name: kubem00, addresses: [10.10.10.80]}]
  loadBalancers: [{name: kubernetes, addresses: [10.10.10.2]}]
  binaries: ` + field + "\n"
	file, err := spec.Parse(spec.Source{Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	c, faults := cluster.New(file)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var locked []cluster.Locked
	for _, a := range c.Fetched() {
		locked = append(locked, cluster.Locked{Name: a.Name, Version: a.Version, Arch: a.Arch, URL: c.Binaries.Sources[a.Name], File: filepath.Base(a.Path), SHA512: digests[a.Name]})
	}
	lock, err := spec.ParseLock(spec.Source{Text: cluster.LockText(c.Name, cluster.LockContents{Artefacts: locked})})
	if err != nil {
		t.Fatal(err)
	}
	if c, faults = c.Lock(lock); len(faults) > 0 {
		t.Fatal(faults)
	}
	s := hostContext{Cluster: c, host: c.Machines[0]}
	s.host.OS = system
	n := binaries(s, standardDaemons)
	script := string(n.Files[len(n.Files)-1].Contents)
	for _, place := range []string{"/var/lib/", "/usr/local/bin"} {
		script = strings.ReplaceAll(script, place, dir+place)
	}
	for _, d := range n.Directories {
		if err := os.MkdirAll(dir+d.Path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Once is enough to wait in a test.
	return strings.ReplaceAll(script, "sleep 5", "sleep 0.1")
}

// program is what a binary of a name has: an ELF file begins so.
func program(name string) string { return "\x7fELF this is " + name }

// archiveOf is upstream's archive of etcd: programs, and by "name=text" files
// that are none.
func archiveOf(t *testing.T, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	for _, member := range members {
		name, contents, given := strings.Cut(member, "=")
		if !given {
			contents = program(name)
		}
		if err := w.WriteHeader(&tar.Header{Name: "etcd-v3/" + name, Typeflag: tar.TypeReg, Mode: 0o644, Uid: 1000, Size: int64(len(contents))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(contents)); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	zipped.Close()
	return b.Bytes()
}

func digest(contents []byte) string { return fmt.Sprintf("%x", sha512.Sum512(contents)) }

const mirrored = "{mode: urls, haproxy: preinstalled, mirror: %q}"

// mirror serves files by name, and may be late, or break off.
type mirror struct {
	*httptest.Server
	files             sync.Map // contents by name: the server reads, a test writes
	late, cut, served atomic.Int64
	digests           map[string]string // of artefacts
	archive           string            // etcd's name
}

func newMirror(t *testing.T) *mirror {
	t.Helper()
	m := &mirror{digests: map[string]string{}, archive: "etcd-v" + profiles.ReleasesOf(profiles.Standard)[0].Etcd.String() + "-linux-amd64.tar.gz"}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		contents, there := m.files.Load(filepath.Base(r.URL.Path))
		switch {
		case m.late.Add(-1) >= 0 || !there:
			http.NotFound(w, r)
		case m.cut.Add(-1) >= 0: // net/http closes what is shorter than it was to be
			w.Header().Set("Content-Length", "100000")
			w.Write(contents.([]byte))
		default:
			m.served.Add(1)
			w.Write(contents.([]byte))
		}
	}))
	t.Cleanup(m.Close)
	for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		m.files.Store(name, []byte(program(name)))
		m.digests[name] = digest([]byte(program(name)))
	}
	m.pack(archiveOf(t, "README.md", "etcd", "etcdctl"))
	return m
}

// pack makes another archive etcd's.
func (m *mirror) pack(archive []byte) {
	m.files.Store(m.archive, archive)
	m.digests["etcd"] = digest(archive)
}

// script is binaries.sh of a master that fetches from the mirror.
func (m *mirror) script(t *testing.T, dir string) string {
	t.Helper()
	return scriptOf(t, dir, withoutIgnition, m.digests, fmt.Sprintf(mirrored, m.URL))
}

// boot runs a script with a shell and the programs that it finds in a path.
func boot(t *testing.T, shell, script, path string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "timeout", "60", shell, "-c", script)
	cmd.Env = []string{"PATH=" + path}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// holds faults a binary that is not there as it was to be.
func holds(t *testing.T, dir, name, want string) {
	t.Helper()
	place := filepath.Join(dir, "usr/local/bin", name)
	text, err := os.ReadFile(place)
	if err != nil || string(text) != want {
		t.Errorf("%s: %q %v", name, text, err)
		return
	}
	if info, err := os.Stat(place); err != nil || info.Mode() != 0o755 {
		t.Errorf("%s: %v %v", name, info.Mode(), err)
	}
}

// exchange puts another file into the place of a binary, as one does by hand.
func exchange(t *testing.T, place, contents string) {
	t.Helper()
	if err := os.WriteFile(place+".new", []byte(contents), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(place+".new", place); err != nil {
		t.Fatal(err)
	}
}

// only makes a directory with links to what the script needs, and of shells and of
// those that fetch one each.
func only(t *testing.T, fetches, shell string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"sh", "timeout", "sha512sum", "mkdir", "sleep", "rm", "chmod", "sync", "mv", "tar", "gzip", "find", "head", "grep", "cat", fetches, shell} {
		found := ""
		for _, place := range []string{"/usr/bin/", "/bin/"} { // the distribution's, not a shim
			if _, err := os.Stat(place + name); err == nil {
				found = place + name
			}
		}
		if found == "" {
			if os.Getenv("HAGEN_READERS") == "required" {
				t.Fatalf("%s is not installed", name)
			}
			t.Skipf("%s is not installed", name)
		}
		if err := os.Symlink(found, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
