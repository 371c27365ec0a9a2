package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hagen/e2e/site"
)

// A cluster of Debian machines that cloud-init sets up: the distribution's
// image with its haproxy and keepalived running, nothing of Ignition's.
func TestCloudInit(t *testing.T) {
	step := func(name string, do func(*testing.T, *row, *site.Cluster)) bool {
		return t.Run(name, func(t *testing.T) {
			s := scenario(t, "13 cloud-init: "+name)
			do(t, s, clusterOf(t, site.CloudInit))
		})
	}
	if !step("formation", cloudInitForms) {
		return
	}
	step("power loss", cloudInitLosesPower)
	step("another document", cloudInitAgain)
}

// cloudInitForms: the first boot is the only one, cloud-init has nothing to
// complain of, and what Ignition would have made is there.
func cloudInitForms(t *testing.T, s *row, c *site.Cluster) {
	s.figure(t, "power-on to healthy", time.Since(poweredOn))
	for _, h := range c.Hosts() {
		cloudInitContent(t, h)
		packed(t, h)
	}
	bootedCleanly(t, c)
	timeline(t, s, c)
	if out := kubectl(t, c, "get", "--raw", "/readyz"); out != "ok" {
		t.Errorf("kubectl gets %q from /readyz", out)
	}
	w := startWriting(t, c)
	w.untilAgain(t)
	w.end(t, s)
	for _, h := range c.HAProxyHosts() {
		replacesPackage(t, h, "haproxy.service")
	}
	must(t, c.RenderWith("--format", "ignition"))
	for _, h := range c.Hosts() {
		asIgnition(t, c, h)
	}
}

// packed sees that masters were given gzip, and others were not.
func packed(t *testing.T, h *site.Host) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.Root, "var/lib/cloud/seed/nocloud/user-data"))
	must(t, err)
	if gzip := strings.HasPrefix(string(text), "\x1f\x8b"); gzip != h.Master || len(text) > 16384 {
		t.Errorf("%s was given %d bytes of user-data, as gzip: %t", h.Name, len(text), gzip)
	}
}

// imageWarns is what cloud-init says of an image without an SSH server and
// systemd-resolved, on a layer of a file system.
var imageWarns = regexp.MustCompile(`ssh_host_|SSH service 'ssh' is not installed|filesystem type of /|'systemd-resolved'\] failed`)

// cloudInitContent asks a host's cloud-init how it went.
func cloudInitContent(t *testing.T, h *site.Host) {
	t.Helper()
	out, err := h.Exec("cloud-init", "status", "--wait", "--long")
	if err != nil || !strings.Contains(out, "status: done") {
		t.Errorf("%s: %v: %s", h.Name, err, out)
	}
	log, err := h.Exec("cat", "/var/log/cloud-init.log")
	must(t, err)
	for line := range strings.Lines(log) {
		if strings.Contains(line, "[WARNING]") && !imageWarns.MatchString(line) {
			t.Errorf("%s: cloud-init warns: %s", h.Name, line)
		}
	}
}

// replacesPackage: a unit of the distribution's package was running before
// ours of the same name.
func replacesPackage(t *testing.T, h *site.Host, unit string) {
	t.Helper()
	path, err := h.Property(unit, "FragmentPath")
	must(t, err)
	began, err := h.Journal("--output=cat", "UNIT="+unit)
	must(t, err)
	if path != "/etc/systemd/system/"+unit || strings.Count(began, "Started ")+strings.Count(began, "Starting ") < 2 {
		t.Errorf("%s: %s is %s; its journal:\n%s", h.Name, unit, path, began)
	}
}

// asIgnition: all that Ignition makes of the machine's document stands on the
// machine that cloud-init and systemd have booted.
func asIgnition(t *testing.T, c *site.Cluster, h *site.Host) {
	t.Helper()
	root := filepath.Join(c.Dir, "as-ignition")
	must(t, site.Lay(c.Parts.CloudBase, root))
	defer site.Take(root)
	must(t, site.Ignite(c.Parts, root, filepath.Join(c.Documents(h), "config.ign")))
	want, err := site.Examine(c.Parts.CloudBase, root)
	must(t, err)
	got, err := site.Examine(c.Parts.CloudBase, h.Root)
	must(t, err)
	for name := range got {
		if _, made := want[name]; !made {
			delete(got, name) // what a running machine writes
		}
	}
	for _, d := range site.Differences(want, got, mayDiffer) {
		t.Errorf("%s: %s", h.Name, d)
	}
}

// cloudInitLosesPower: a master dies, and comes back by itself: cloud-init
// does nothing of its work again.
func cloudInitLosesPower(t *testing.T, s *row, c *site.Cluster) {
	leader, err := c.EtcdLeader()
	must(t, err)
	i := slices.IndexFunc(c.Masters, func(h *site.Host) bool { return h.Name == leader })
	victim := c.Masters[max(i, 0)]
	w := startWriting(t, c)
	off := time.Now()
	must(t, victim.PowerOff())
	time.Sleep(5 * time.Second)
	w.untilAgain(t)
	each, one := w.gaps(off.Add(-time.Second), time.Now())
	s.figure(t, "write gap", each)
	s.figure(t, "on one connection", one)
	if max(each, one) > outageBound {
		t.Error("a bound is broken")
	}
	const removed = "etc/sudoers.d/hagen"
	must(t, os.RemoveAll(filepath.Join(victim.Root, removed)))
	on := time.Now()
	must(t, victim.Boot())
	within(t, 2*time.Minute, c.Healthy)
	s.figure(t, "back", time.Since(on))
	w.end(t, s)
	cloudInitContent(t, victim)
	if _, err := os.Stat(filepath.Join(victim.Root, removed)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the same instance-id, and %s was written again: %v", removed, err)
	}
}

// cloudInitAgain: a machine that is given a changed document applies it at its
// next boot, since its instance-id is another one.
func cloudInitAgain(t *testing.T, s *row, c *site.Cluster) {
	h := c.HAProxyHosts()[0]
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHDWHHBgOpAvVyqTzUDRFR0Kx1kAXsV3BvZb2KDzRpzP second@desk"
	must(t, c.Render("standard", "users: [{name: second, sshKeys: ["+key+"]}]", "apiServer: {extraSANs: [other.example.com]}"))
	must(t, h.Shutdown())
	must(t, site.SeedCloudInit(h.Root, c.Documents(h)))
	must(t, h.Boot())
	within(t, time.Minute, c.Healthy)
	cloudInitContent(t, h)
	for path, want := range map[string]string{"etc/sudoers.d/hagen": "second ALL=", "home/second/.ssh/authorized_keys": key} {
		text, err := os.ReadFile(filepath.Join(h.Root, path))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v: %s", path, err, text)
		}
	}
	within(t, time.Minute, func() error {
		if state, err := h.Property("haproxy.service", "ActiveState"); state != "active" {
			return fmt.Errorf("haproxy is %s %w", state, err)
		}
		return nil
	})
	s.note(t, "applied")
}

// mayDiffer are facts of one machine that Ignition and cloud-init may leave
// in different ways.
var mayDiffer = []*site.Allowed{
	{Facts: regexp.MustCompile(`^/var/lib/cloud($|/)|^/var/log/cloud-init`), Why: "what cloud-init keeps for itself, with the documents it was given"},
	{Facts: regexp.MustCompile(`^/etc/\.ignition-result\.json$|^/etc/systemd/system-preset($|/)`), Why: "Ignition's record, and its way to have systemd enable units at the first boot"},
	{Facts: regexp.MustCompile(`^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$`), Why: "accounts are made in another order, and have other numbers; each is compared by itself"},
	{Facts: regexp.MustCompile(`/\.ssh/authorized_keys($|\.d($|/))`), Why: "Ignition has a file of its own for keys; keys are compared by themselves"},
	{Facts: regexp.MustCompile(`^/etc/systemd/network/10-cloud-init-`), Why: "static addresses: cloud-init sets the network up before it writes the machine's own files, of which Ignition has the same"},
	{Facts: regexp.MustCompile(`^/var/cache/debconf/|^/etc/ssh$`), Why: "Debian's cloud-init tells debconf about GRUB's disk, and has a directory for host keys"},
}

// oneWay is what hagen says of a machine that only Ignition can be told of.
var oneWay = regexp.MustCompile(`(?m)^.*(cloud-init cannot verify a digest|which cloud-init cannot do).*$`)

// For each golden cluster and each of its machines: what Ignition and what
// cloud-init make of it in the same image is the same machine. cloud-init's
// stages are run as its documentation runs them by hand.
func TestCloudInitEquality(t *testing.T) {
	s := scenario(t, "13 Ignition and cloud-init make the same")
	files, err := filepath.Glob("../testdata/*/cluster.yaml")
	must(t, err)
	p := site.PartsOfEnvironment()
	place, err := site.OpenPlace()
	must(t, err)
	free := make(chan struct{}, runtime.NumCPU())
	var all sync.WaitGroup
	clusters, hosts, facts := 0, 0, 0
	var sum sync.Mutex
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		dir := filepath.Join(place, name)
		must(t, os.Mkdir(dir, 0o755))
		// A cluster file has one PKI, which the lock file beside it tells of: a
		// copy has another.
		_, err := site.Run("sh", "-c", `cp "$0"/cluster.* "$1"`, filepath.Dir(file), dir)
		must(t, err)
		_, err = site.Run("env", "-C", dir, p.Hagen, "render", "--prove", "-o", "rendered", "--format", "ignition", "--format", "cloud-init")
		if err != nil && oneWay.MatchString(err.Error()) {
			s.note(t, "%s: %s", name, oneWay.FindString(err.Error()))
			continue
		}
		must(t, err)
		clusters++
		documents, err := filepath.Glob(filepath.Join(dir, "rendered/*/user-data"))
		must(t, err)
		for _, d := range documents {
			free <- struct{}{}
			all.Go(func() {
				defer func() { <-free }()
				n := equalMachines(t, p, place, name, filepath.Dir(d))
				sum.Lock()
				defer sum.Unlock()
				hosts, facts = hosts+1, facts+n
			})
		}
	}
	all.Wait()
	s.note(t, "%d clusters, %d machines, %d facts", clusters, hosts, facts)
	for _, a := range mayDiffer {
		if !a.Used() {
			t.Errorf("nothing differs for the reason: %s", a.Why)
		}
	}
}

// equalMachines compares what becomes of one machine's documents, and counts
// the facts.
func equalMachines(t *testing.T, p site.Parts, place, cluster, documents string) int {
	name := cluster + " " + filepath.Base(documents)
	fail := func(err error) bool {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return err != nil
	}
	// Beside the rendered tree, which is closed to others.
	root := filepath.Join(place, cluster+"-roots", filepath.Base(documents))
	ignited, inited := root+".ignition", root+".cloud-init"
	defer site.Take(ignited)
	defer site.Take(inited)
	if fail(errors.Join(site.Lay(p.CloudBase, ignited), site.Lay(p.CloudBase, inited), site.SeedCloudInit(inited, documents))) ||
		fail(site.Ignite(p, ignited, filepath.Join(documents, "config.ign"))) {
		return 0
	}
	var before map[string]uint64
	for i, stage := range site.Stages {
		if i == len(site.Stages)-1 {
			before = closedFiles(inited)
		}
		if fail(site.RunStage(inited, stage)) {
			return 0
		}
	}
	fail(stagesContent(inited))
	want, err := site.Examine(p.CloudBase, ignited)
	fail(err)
	got, err := site.Examine(p.CloudBase, inited)
	fail(err)
	for _, d := range site.Differences(want, got, mayDiffer) {
		t.Errorf("%s: %s", name, d)
	}
	neverOpen(t, name, inited, before)
	return len(want)
}

// stagesContent reads what cloud-init says of its stages.
func stagesContent(root string) error {
	text, err := os.ReadFile(filepath.Join(root, "var/lib/cloud/data/result.json"))
	if err != nil {
		return err
	}
	var result struct {
		V1 struct{ Errors []string } `json:"v1"`
	}
	if err := json.Unmarshal(text, &result); err != nil || len(result.V1.Errors) > 0 {
		output, _ := os.ReadFile(filepath.Join(root, "var/log/cloud-init-output.log"))
		return fmt.Errorf("cloud-init: %v, %w\n%s", result.V1.Errors, err, output)
	}
	return nil
}

// closedFiles are the empty files of which root alone may read, by path, with
// the number that the file system knows them by.
func closedFiles(root string) map[string]uint64 {
	found := map[string]uint64{}
	for _, dir := range []string{"etc", "var/lib"} {
		filepath.WalkDir(filepath.Join(root, dir), func(path string, entry os.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			if info, err := entry.Info(); err == nil && info.Mode() == 0o600 && info.Size() == 0 {
				if stat := info.Sys().(*syscall.Stat_t); stat.Uid == 0 && stat.Gid == 0 {
					found[path] = stat.Ino
				}
			}
			return nil
		})
	}
	return found
}

var keyMark = regexp.MustCompile(`PRIVATE KEY-----|(?m)^\s*-?\s*secret: `)

// neverOpen: every file with a key was there, empty and closed, before it was
// filled, and is the same file now: at no moment could anybody else read it.
func neverOpen(t *testing.T, name, root string, before map[string]uint64) {
	keys := 0
	for _, dir := range []string{"etc/etcd", "etc/kubernetes", "etc/haproxy", "var/lib"} {
		filepath.WalkDir(filepath.Join(root, dir), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasPrefix(path, filepath.Join(root, "var/lib/cloud")+"/") {
				return nil
			}
			text, err := os.ReadFile(path)
			info, statErr := os.Lstat(path)
			if err != nil || statErr != nil || !info.Mode().IsRegular() || !keyMark.Match(text) {
				return nil
			}
			keys++
			if info.Mode().Perm()&0o004 != 0 || before[path] == 0 || before[path] != info.Sys().(*syscall.Stat_t).Ino {
				t.Errorf("%s: %s has mode %04o, and was not made closed before", name, strings.TrimPrefix(path, root), info.Mode().Perm())
			}
			return nil
		})
	}
	if _, err := os.Stat(filepath.Join(root, "etc/etcd/pki")); err == nil && keys == 0 {
		t.Errorf("%s: a master without keys", name)
	}
}
