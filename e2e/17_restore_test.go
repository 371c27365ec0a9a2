package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// Where the machines have snapshots, and look for one.
const (
	snapshotDir  = "var/lib/etcd-snapshots"
	restorePlace = "var/lib/etcd-restore/snapshot.db"
)

// Every master takes snapshots, at times of its own, and keeps so many. Then
// all masters are lost with their disks, and begin from a snapshot: what had
// been acknowledged before it is there. Boots after that begin from what etcd
// has, not from the snapshot again.
func TestRestore(t *testing.T) {
	c := clusterOf(t, site.Copied)
	t.Run("snapshots", func(t *testing.T) { snapshotsAreTaken(t, c) })
	t.Run("restore", func(t *testing.T) { allRestored(t, c) })
}

func snapshotsAreTaken(t *testing.T, c *site.Cluster) {
	s := scenario(t, "17 snapshots by timer")
	next := map[string]string{}
	for _, h := range c.Masters {
		at, err := h.Property("etcd-snapshot.timer", "NextElapseUSecRealtime")
		must(t, err)
		if other, taken := next[at]; taken || at == "" {
			t.Errorf("%s and %s take a snapshot at the same time, %q", h.Name, other, at)
		}
		next[at] = h.Name
	}
	// The timer itself, sooner than in a quarter of an hour.
	first := c.Masters[0]
	_, err := first.Exec("sh", "-c", `mkdir -p /run/systemd/system/etcd-snapshot.timer.d &&
		printf '[Timer]\nOnCalendar=*:*:0/3\nAccuracySec=1s\n' >/run/systemd/system/etcd-snapshot.timer.d/soon.conf &&
		systemctl daemon-reload && systemctl restart etcd-snapshot.timer`)
	must(t, err)
	within(t, time.Minute, func() error {
		if n := len(taken(t, first)); n < 2 {
			return fmt.Errorf("%d snapshots", n)
		}
		return nil
	})
	begin := time.Now()
	time.Sleep(8 * time.Second) // more of them than are kept
	_, err = first.Exec("sh", "-c", "rm -r /run/systemd/system/etcd-snapshot.timer.d && systemctl daemon-reload && systemctl restart etcd-snapshot.timer")
	must(t, err)
	for _, h := range c.Masters[1:] {
		_, err := h.Exec("systemctl", "start", "etcd-snapshot.service")
		must(t, err)
	}
	within(t, 20*time.Second, func() error {
		state, err := first.Property("etcd-snapshot.service", "ActiveState")
		if err == nil && state != "inactive" {
			err = fmt.Errorf("%s: etcd-snapshot.service is %s", first.Name, state)
		}
		return err
	})
	for i, h := range c.Masters {
		files := taken(t, h)
		if want := []int{2, 1, 1}[i]; len(files) != want {
			t.Errorf("%s keeps %d snapshots: %v", h.Name, len(files), files)
		}
		out, err := h.Exec(append([]string{"stat", "-c", "%a %U", "/" + snapshotDir}, files...)...)
		must(t, err)
		if want := "700 kube-etcd\n" + strings.Repeat("600 kube-etcd\n", len(files)); strings.TrimSpace(out)+"\n" != want {
			t.Errorf("%s: modes and owners are\n%swant\n%s", h.Name, out, want)
		}
	}
	s.note(t, "%d kept after %.0f s", len(taken(t, first)), time.Since(begin).Seconds())
}

// taken lists a host's snapshots, the oldest first, as paths on the host.
func taken(t *testing.T, h *site.Host) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(h.Root, snapshotDir))
	must(t, err)
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), h.Name+"-") && strings.HasSuffix(e.Name(), ".db") {
			out = append(out, "/"+snapshotDir+"/"+e.Name())
		}
	}
	slices.Sort(out)
	return out
}

func allRestored(t *testing.T, c *site.Cluster) {
	s := scenario(t, "17 all masters lost, restored")
	space := freshNamespace(t, c, "restore")
	writes := operator(t, c, site.NewEachTime, 5*time.Second).Write(space, "write", 100*time.Millisecond)
	time.Sleep(5 * time.Second)
	source := c.Masters[1]
	before := time.Now()
	_, err := source.Exec("systemctl", "start", "etcd-snapshot.service")
	must(t, err)
	files := taken(t, source)
	snapshot, err := os.ReadFile(filepath.Join(source.Root, files[len(files)-1]))
	must(t, err)
	time.Sleep(3 * time.Second) // these are lost
	must(t, c.PowerOff(c.Masters...))
	writes.Stop()

	copied := filepath.Join(c.Dir, "snapshot.db")
	damaged := bytes.Clone(snapshot)
	damaged[len(damaged)/2] ^= 1
	must(t, os.WriteFile(copied, damaged, 0o600))
	if err := c.RenderWith("--restore", "snapshot.db"); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a damaged snapshot is rendered: %v", err)
	}
	must(t, os.WriteFile(copied, snapshot, 0o600))
	must(t, c.RenderWith("--restore", "snapshot.db"))
	must(t, c.Install(c.Masters...))
	last := c.Masters[2]
	placeSnapshot(t, c.Masters[0], snapshot)
	placeSnapshot(t, c.Masters[1], snapshot)
	placeSnapshot(t, last, damaged)
	on := time.Now()
	must(t, c.Boot(c.Masters...))

	// One that has another file says so, and starts no etcd.
	within(t, time.Minute, func() error { return says(last, "is not the snapshot that the document names") })
	startsNoEtcd(t, last)
	must(t, last.PowerOff())
	must(t, os.Remove(filepath.Join(last.Root, restorePlace)))
	must(t, last.Boot())
	within(t, time.Minute, func() error { return says(last, "snapshot.db is missing: put the file with SHA-256") })
	startsNoEtcd(t, last)
	must(t, last.PowerOff())
	placeSnapshot(t, last, snapshot)
	must(t, last.Boot())

	within(t, 2*time.Minute, c.Healthy)
	s.figure(t, "power-on to healthy", time.Since(on))
	lost, err := writes.LostOf(before)
	must(t, err)
	if len(lost) > 0 {
		t.Errorf("%d writes that were acknowledged before the snapshot are lost: %v", len(lost), lost)
	}
	all, err := writes.Lost()
	must(t, err)
	if len(all) == 0 {
		t.Error("writes after the snapshot are there: nothing was restored")
	}
	sameData(t, c)

	// From now on the machines have data of their own.
	further := operator(t, c, site.NewEachTime, 5*time.Second).Write(space, "further", 100*time.Millisecond)
	time.Sleep(3 * time.Second)
	must(t, c.PowerOff(c.Masters...))
	further.Stop()
	must(t, c.Boot(c.Masters...))
	within(t, 2*time.Minute, c.Healthy)
	lost, err = further.Lost()
	must(t, err)
	if len(lost) > 0 || further.Acked(time.Time{}) == 0 {
		t.Errorf("%d of %d writes after the restore are lost with the second boot", len(lost), further.Acked(time.Time{}))
	}
	for _, h := range c.Masters {
		out, err := h.Journal("-b", "-u", "etcd-restore")
		must(t, err)
		if strings.Contains(out, "etcd begins from") {
			t.Errorf("%s restored again:\n%s", h.Name, out)
		}
	}
	must(t, c.RenderWith()) // as the last step of the runbook has it
	s.note(t, "%d writes before the snapshot, 0 lost; %d after it, gone", writes.Acked(time.Time{})-len(all), len(all))
}

// placeSnapshot writes a snapshot to where a host looks for it.
func placeSnapshot(t *testing.T, h *site.Host, data []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(h.Root, filepath.Dir(restorePlace)), 0o700))
	must(t, os.WriteFile(filepath.Join(h.Root, restorePlace), data, 0o600))
}

// says looks for words of the host's unit that restores.
func says(h *site.Host, words string) error {
	out, err := h.Journal("-b", "-u", "etcd-restore")
	if err == nil && !strings.Contains(out, words) {
		err = fmt.Errorf("%s does not say %q:\n%s", h.Name, words, out)
	}
	return err
}

// startsNoEtcd faults a host whose etcd runs, or has data.
func startsNoEtcd(t *testing.T, h *site.Host) {
	t.Helper()
	if state, err := h.Property("etcd.service", "ActiveState"); err != nil || state != "inactive" {
		t.Errorf("%s: etcd is %s, %v", h.Name, state, err)
	}
	if _, err := os.Stat(filepath.Join(h.Root, "var/lib/etcd/member")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: etcd has data: %v", h.Name, err)
	}
}
