package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hagen/e2e/site"
)

var filled = sync.OnceValue(func() error { return site.PartsOfEnvironment().FillMirror() })

// mirror opens the site's mirror for a scenario.
func mirror(t *testing.T, p site.Parts, spoil func(string) []byte) *site.Mirror {
	t.Helper()
	openSite(t, p)
	must(t, filled())
	m, err := p.Serve(spoil)
	must(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

// programs are what units of a machine run, below a directory.
func programs(t *testing.T, c *site.Cluster, h *site.Host, dir string, names ...string) (there []string) {
	t.Helper()
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(h.Root, dir, name)); err == nil {
			there = append(there, name)
		}
	}
	return there
}

// Machines without any binaries fetch them: Kubernetes' by themselves, etcd's
// and HAProxy's in archives.
func TestBinariesFromURLs(t *testing.T) {
	s := scenario(t, "15 binaries from URLs")
	p := site.PartsOfEnvironment()
	m := mirror(t, p, nil)
	c := clusterOf(t, site.FromURLs)
	s.figure(t, "power-on to healthy", time.Since(poweredOn))
	if got := m.Served.Load(); got != 3*4+1 {
		t.Errorf("%d files were fetched", got)
	}
	formed(t, s, c)
	for _, h := range c.Hosts() {
		for _, path := range []string{"/usr/bin/etcd", "/usr/bin/kube-apiserver", "/usr/bin/haproxy"} {
			if (path == "/usr/bin/haproxy") == h.Master {
				continue
			}
			if mode, err := h.Exec("stat", "-c", "%a %U %G", path); mode != "755 root root" {
				t.Errorf("%s: %s is %s %v", h.Name, path, mode, err)
			}
		}
		if left := programs(t, c, h, "usr/sbin", "haproxy", "keepalived"); left != nil {
			t.Errorf("%s had %v", h.Name, left)
		}
		if rest, _ := filepath.Glob(filepath.Join(h.Root, "usr/bin/.hagen-*")); rest != nil {
			t.Errorf("%s: left behind: %v", h.Name, rest)
		}
	}
	// What was unpacked once is left alone at the next boot, without a mirror.
	must(t, m.Close())
	h := c.Masters[0]
	before, err := os.Stat(filepath.Join(h.Root, "usr/bin/etcd"))
	must(t, err)
	must(t, h.Shutdown())
	must(t, h.Boot())
	within(t, 2*time.Minute, c.Healthy)
	after, err := os.Stat(filepath.Join(h.Root, "usr/bin/etcd"))
	must(t, err)
	if !os.SameFile(before, after) {
		t.Error("etcd was unpacked again")
	}
}

// A mirror that is late is waited for. Files that are others than those that
// were locked are refused, and the machine says which; none of its daemons
// starts.
func TestBinariesTampered(t *testing.T) {
	s := scenario(t, "15 tampered binaries")
	p := site.PartsOfEnvironment()
	var spoiled string
	m := mirror(t, p, func(path string) []byte {
		if spoiled != "" && strings.Contains(path, spoiled) {
			return []byte("#!/bin/sh\nexec reboot\n")
		}
		return nil
	})
	c := rendered(t, p, site.FromURLs)
	h := c.Masters[0]

	for _, name := range []string{"kube-scheduler", "etcd-v"} {
		spoiled = name
		err := h.Install(p, c.Document(h))
		if err == nil || !strings.Contains(err.Error(), "hash verification failed") || !strings.Contains(err.Error(), name) {
			t.Errorf("with another %s Ignition says %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(h.Root, "usr/bin/kube-scheduler")); name == "kube-scheduler" && err == nil {
			t.Error("the other file is there")
		}
	}
	spoiled = ""

	// The archive changes between Ignition and the first boot, as on a disk that
	// somebody had.
	must(t, m.Close())
	open := make(chan error, 1)
	var late *site.Mirror
	go func() {
		time.Sleep(3 * time.Second)
		var err error
		late, err = p.Serve(nil)
		open <- err
	}()
	begin := time.Now()
	must(t, h.Install(p, c.Document(h)))
	s.figure(t, "installed, the mirror 3 s late", time.Since(begin))
	must(t, <-open)
	defer late.Close()
	const place = "/var/lib/hagen/etcd.tar.gz"
	archive := filepath.Join(h.Root, place)
	contents, err := os.ReadFile(archive)
	must(t, err)
	contents[len(contents)/2]++
	must(t, os.WriteFile(archive, contents, 0o644))
	must(t, h.Boot())
	refuses(t, c, h, place)
	// Once it is the right one, the next boot needs nothing else.
	contents[len(contents)/2]--
	must(t, h.PowerOff())
	must(t, os.WriteFile(archive, contents, 0o644))
	must(t, h.Boot())
	within(t, time.Minute, func() error {
		state, err := h.Property("etcd.service", "ActiveState")
		if state != "activating" { // its peers are not there
			return fmt.Errorf("etcd.service is %s %w", state, err)
		}
		return nil
	})
}

// rendered gives a layout's machines, empty and off, with their documents.
func rendered(t *testing.T, p site.Parts, layout site.Layout) *site.Cluster {
	t.Helper()
	if shared != nil {
		must(t, shared.Remove())
	}
	c, err := site.NewCluster(p, network, layout)
	must(t, err)
	shared = c
	t.Cleanup(func() { must(t, c.Remove()); shared = nil })
	must(t, c.Render("standard"))
	return c
}

// refuses sees that a host that was switched on says which file is not the one
// that was locked, and that none of its daemons was started.
func refuses(t *testing.T, c *site.Cluster, h *site.Host, file string) {
	t.Helper()
	within(t, 2*time.Minute, func() error {
		state, err := h.Property("hagen-binaries.service", "ActiveState")
		if state != "failed" {
			return fmt.Errorf("hagen-binaries.service is %s %w", state, err)
		}
		return nil
	})
	within(t, 2*time.Minute, func() error { // until no job waits
		jobs, err := h.Exec("systemctl", "list-jobs", "--no-legend")
		if strings.Contains(jobs, "etcd") || strings.Contains(jobs, "kube") {
			return fmt.Errorf("%s %w", jobs, err)
		}
		return nil
	})
	for _, unit := range c.Units(h) {
		began, err := h.Property(unit, "ExecMainStartTimestampMonotonic")
		must(t, err)
		if state, err := h.Property(unit, "ActiveState"); state != "inactive" && state != "failed" || began != "0" {
			t.Errorf("%s is %s, begun at %s: half a control plane %v", unit, state, began, err)
		}
	}
	said, err := h.Journal("--output=cat", "--boot", "--unit=hagen-binaries.service")
	must(t, err)
	if !strings.Contains(said, "hagen: "+file+" is not the file that the document names") {
		t.Errorf("the journal does not name it:\n%s", said)
	}
}

// Machines that cloud-init sets up fetch by themselves, with what Debian's
// image has for that. A mirror that is not there yet is waited for; one that
// gives another file is refused.
func TestBinariesByCloudInit(t *testing.T) {
	s := scenario(t, "15 fetched without Ignition")
	p := site.PartsOfEnvironment()
	must(t, mirror(t, p, nil).Close())
	c := rendered(t, p, site.FetchedByThemselves)
	must(t, c.Install(c.Hosts()...))
	poweredOn = time.Now()
	must(t, c.Boot(c.Hosts()...))
	for _, h := range c.Masters {
		within(t, 2*time.Minute, func() error {
			said, err := h.Journal("--output=cat", "--unit=hagen-binaries.service")
			if !strings.Contains(said, "cannot be fetched; trying again and again") {
				return fmt.Errorf("%s %w", said, err)
			}
			return nil
		})
	}
	begin := time.Now()
	m, err := p.Serve(nil)
	must(t, err)
	within(t, 2*time.Minute, c.Healthy)
	s.figure(t, "mirror to healthy", time.Since(begin))
	if got := m.Served.Load(); got != 3*4 {
		t.Errorf("%d files were fetched", got)
	}
	formed(t, s, c)
	for _, h := range c.Masters {
		cloudInitContent(t, h)
		for _, path := range []string{"/usr/local/bin/etcd", "/usr/local/bin/kube-apiserver"} {
			if mode, err := h.Exec("stat", "-c", "%a %U %G", path); mode != "755 root root" {
				t.Errorf("%s: %s is %s %v", h.Name, path, mode, err)
			}
		}
	}

	// The next boot needs no mirror.
	must(t, m.Close())
	h := c.Masters[0]
	must(t, h.Shutdown())
	must(t, h.Boot())
	within(t, 2*time.Minute, c.Healthy)

	bad, err := p.Serve(func(path string) []byte {
		if strings.HasSuffix(path, "kube-scheduler") {
			return []byte("#!/bin/sh\nexec reboot\n")
		}
		return nil
	})
	must(t, err)
	defer bad.Close()
	must(t, h.PowerOff())
	must(t, c.Install(h))
	must(t, h.Boot())
	refuses(t, c, h, site.MirrorURL+"/dl.k8s.io/release/v"+os.Getenv("E2E_KUBERNETES")+"/bin/linux/amd64/kube-scheduler")
	if _, err := os.Stat(filepath.Join(h.Root, "usr/local/bin/kube-scheduler")); err == nil {
		t.Error("the other file is there")
	}
}

// Machines without any binaries get them in images that systemd-sysext merges.
func TestBinariesInImages(t *testing.T) {
	s := scenario(t, "15 binaries in images")
	p := site.PartsOfEnvironment()
	mirror(t, p, nil)
	begin := time.Now()
	must(t, p.FillImages(site.FromImages))
	s.figure(t, "two images built", time.Since(begin))
	first := images(t, p)
	must(t, p.FillImages(site.FromImages))
	for name, contents := range images(t, p) {
		if !bytes.Equal(contents, first[name]) {
			t.Errorf("%s: other bytes the second time", name)
		}
		s.note(t, "%s %d MB", strings.SplitN(name, "-amd64", 2)[0], len(contents)/1_000_000)
	}
	c := clusterOf(t, site.FromImages)
	s.figure(t, "power-on to healthy", time.Since(poweredOn))
	formed(t, s, c)
	for _, h := range c.Hosts() {
		name := "hagen-load-balancer"
		if h.Master {
			name = "hagen-control-plane"
		}
		if status, err := h.Exec("systemd-sysext", "status"); !strings.Contains(status, name) {
			t.Errorf("%s merges %s %v", h.Name, status, err)
		}
		// None of it is on the machine's own disk.
		if there := programs(t, c, h, "usr/bin", "etcd", "kube-apiserver", "haproxy", "keepalived"); there != nil {
			t.Errorf("%s has %v by itself", h.Name, there)
		}
	}

	// Without its image a machine says so, and starts no daemon.
	h := c.Masters[2]
	must(t, h.PowerOff())
	must(t, os.Remove(filepath.Join(h.Root, "var/lib/extensions/hagen-control-plane.raw")))
	must(t, h.Boot())
	within(t, 2*time.Minute, func() error {
		said, err := h.Journal("--output=cat", "--boot", "--unit=hagen-binaries.service")
		if !strings.Contains(said, "hagen: the image /var/lib/extensions/hagen-control-plane.raw is missing") {
			return fmt.Errorf("%s %w", said, err)
		}
		return nil
	})
	if state, err := h.Property("kube-scheduler.service", "ActiveState"); state != "inactive" && state != "failed" {
		t.Errorf("the scheduler is %s %v", state, err)
	}
	must(t, h.PowerOff())
	must(t, c.Install(h))
	must(t, h.Boot())
	within(t, 2*time.Minute, func() error { // its data is gone with its disk
		state, err := h.Property("hagen-binaries.service", "ActiveState")
		if state != "active" {
			return fmt.Errorf("hagen-binaries.service is %s %w", state, err)
		}
		return nil
	})
	must(t, c.Remove())
	shared = nil
}

// images reads the mirror's images.
func images(t *testing.T, p site.Parts) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	names, err := fs.Glob(os.DirFS(p.MirrorDir()), "*.raw")
	must(t, err)
	for _, name := range names {
		contents, err := os.ReadFile(filepath.Join(p.MirrorDir(), name))
		must(t, err)
		all[name] = contents
	}
	if len(all) != 2 {
		t.Errorf("%d images", len(all))
	}
	return all
}
