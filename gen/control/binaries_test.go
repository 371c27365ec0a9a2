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
		locked = append(locked, cluster.Locked{Artefact: a, File: filepath.Base(a.Path), SHA512: digests[a.Name]})
	}
	lock, err := spec.ParseLock(spec.Source{Text: c.LockText(locked)})
	if err != nil {
		t.Fatal(err)
	}
	if faults := c.Lock(lock); len(faults) > 0 {
		t.Fatal(faults)
	}
	s := site{c, c.Masters[0]}
	s.host.OS = system
	n := binaries(s, plans[profiles.Standard].daemons)
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

// archiveOf is upstream's archive of etcd.
func archiveOf(t *testing.T, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	for _, name := range members {
		contents := "this is " + name
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

// TestScript runs binaries.sh with a real shell: each program that may fetch,
// a mirror that is late, files that are others than those that were locked.
func TestScript(t *testing.T) {
	var files sync.Map // contents by name: the server reads, a test writes
	file := func(name string) []byte { contents, _ := files.Load(name); return contents.([]byte) }
	var late, served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		contents, there := files.Load(filepath.Base(r.URL.Path))
		if late.Add(-1) >= 0 || !there {
			http.NotFound(w, r)
			return
		}
		served.Add(1)
		w.Write(contents.([]byte))
	}))
	defer server.Close()
	digests := map[string]string{}
	for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		files.Store(name, []byte("this is "+name))
		digests[name] = digest(file(name))
	}
	archive := "etcd-v" + profiles.ReleasesOf(profiles.Standard)[0].Etcd.String() + "-linux-amd64.tar.gz"
	files.Store(archive, archiveOf(t, "README.md", "etcd", "etcdctl"))
	digests["etcd"] = digest(file(archive))
	run := func(script, path string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "timeout", "60", "sh", "-c", script)
		cmd.Env = []string{"PATH=" + path}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	mirror := fmt.Sprintf("{mode: urls, haproxy: preinstalled, mirror: %q}", server.URL)

	for _, by := range []string{"curl", "wget", "python3"} {
		t.Run(by, func(t *testing.T) {
			dir := t.TempDir()
			tools := only(t, by)
			script := scriptOf(t, dir, withoutIgnition, digests, mirror)
			late.Store(2)
			served.Store(0)
			out, err := run(script, tools)
			if err != nil || strings.Count(out, "cannot be fetched; trying again and again") != 1 {
				t.Fatalf("%v %s", err, out)
			}
			for name, want := range map[string]string{"etcd": "this is etcd", "etcdctl": "this is etcdctl", "kube-scheduler": "this is kube-scheduler"} {
				place := filepath.Join(dir, "usr/local/bin", name)
				text, err := os.ReadFile(place)
				info, statErr := os.Stat(place)
				if err != nil || statErr != nil || string(text) != want || info.Mode() != 0o755 {
					t.Errorf("%s: %q %v %v", name, text, info.Mode(), err)
				}
			}
			if entries, _ := os.ReadDir(filepath.Join(dir, "usr/local/bin")); len(entries) != 5 {
				t.Errorf("left behind: %v", entries)
			}
			if n := served.Load(); n != 4 {
				t.Errorf("%d files were fetched", n)
			}
			// The next boot fetches nothing and unpacks nothing.
			served.Store(0)
			before, _ := os.Stat(filepath.Join(dir, "usr/local/bin/etcd"))
			if out, err := run(script, tools); err != nil || out != "" || served.Load() != 0 {
				t.Errorf("again: %v %s, %d served", err, out, served.Load())
			}
			if after, _ := os.Stat(filepath.Join(dir, "usr/local/bin/etcd")); !os.SameFile(before, after) {
				t.Error("etcd was unpacked again")
			}
			// A binary that is lost comes back.
			os.Remove(filepath.Join(dir, "usr/local/bin/etcd"))
			os.Remove(filepath.Join(dir, "usr/local/bin/kube-scheduler"))
			if out, err := run(script, tools); err != nil || out != "" || served.Load() != 1 {
				t.Errorf("lost: %v %s, %d served", err, out, served.Load())
			}
		})
	}

	for _, test := range []struct {
		what, file string
		contents   []byte
		digest     bool // that of the other contents was locked
		want       string
	}{
		{"another binary", "kube-scheduler", []byte("x"), false, "/kube-scheduler is not the file that the document names: it has SHA-512 " + digest([]byte("x"))},
		{"another archive", archive, []byte("x"), false, "/" + archive + " is not the file that the document names"},
		{"no archive", archive, []byte("x"), true, archive + " cannot be unpacked"},
		{"an archive without etcd", archive, archiveOf(t, "README.md"), true, "/usr/local/bin/etcd is missing or cannot be executed; etcd "},
	} {
		t.Run(test.what, func(t *testing.T) {
			dir := t.TempDir()
			good, locked := file(test.file), map[string]string{}
			for name, d := range digests {
				locked[name] = d
			}
			files.Store(test.file, test.contents)
			defer files.Store(test.file, good)
			if test.digest {
				locked["etcd"] = digest(test.contents)
			}
			late.Store(0)
			out, err := run(scriptOf(t, dir, withoutIgnition, locked, mirror), os.Getenv("PATH"))
			if err == nil || !strings.Contains(out, test.want) {
				t.Errorf("%v\n%s", err, out)
			}
			if rest, _ := filepath.Glob(filepath.Join(dir, "usr/local/bin/.hagen-*")); rest != nil {
				t.Errorf("left behind: %v", rest)
			}
			if _, err := os.Stat(filepath.Join(dir, "usr/local/bin", test.file)); err == nil {
				t.Error("the other file is in its place")
			}
		})
	}
}

// only makes a directory with links to what the script needs, and of those that
// fetch one alone.
func only(t *testing.T, fetches string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"sh", "timeout", "sha512sum", "mkdir", "sleep", "rm", "chmod", "sync", "mv", "mktemp", "tar", "gzip", "find", "head", "cat", fetches} {
		found := ""
		for _, place := range []string{"/usr/bin/", "/bin/"} { // the distribution's, not a shim
			if _, err := os.Stat(place + name); err == nil {
				found = place + name
			}
		}
		if found == "" {
			t.Skipf("%s is not installed", name)
		}
		if err := os.Symlink(found, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
