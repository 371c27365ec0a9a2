package control

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen/cluster"
)

// TestCalendar: no two masters take a snapshot at the same time.
func TestCalendar(t *testing.T) {
	for _, test := range []struct {
		every   time.Duration
		masters int
		want    []string
	}{
		{6 * time.Hour, 3, []string{"*-*-* 00,06,12,18:00:00 UTC", "*-*-* 02,08,14,20:00:00 UTC", "*-*-* 04,10,16,22:00:00 UTC"}},
		{time.Hour, 3, []string{"*-*-* *:00:00 UTC", "*-*-* *:20:00 UTC", "*-*-* *:40:00 UTC"}},
		{15 * time.Minute, 3, []string{"*-*-* *:00,15,30,45:00 UTC", "*-*-* *:05,20,35,50:00 UTC", "*-*-* *:10,25,40,55:00 UTC"}},
		{24 * time.Hour, 5, []string{"*-*-* 00:00:00 UTC", "*-*-* 04:48:00 UTC", "*-*-* 09:36:00 UTC", "*-*-* 14:24:00 UTC", "*-*-* 19:12:00 UTC"}},
		{30 * time.Minute, 1, []string{"*-*-* *:00,30:00 UTC"}},
	} {
		c := &cluster.Cluster{Snapshots: cluster.Snapshots{Every: test.every}}
		for i := range test.masters {
			c.Machines = append(c.Machines, cluster.Host{Name: string(rune('a' + i)), Role: cluster.Master})
		}
		for i, h := range c.Machines {
			if got := (hostContext{Cluster: c, host: h}).calendar(); got != test.want[i] {
				t.Errorf("every %v, master %d of %d: %s, want %s", test.every, i, test.masters, got, test.want[i])
			}
		}
	}
}

// TestSnapshotScript runs the script with a real shell while the clock goes on,
// back and on again: the newest is always kept, and the oldest goes.
func TestSnapshotScript(t *testing.T) {
	dir := t.TempDir()
	c := &cluster.Cluster{Snapshots: cluster.Snapshots{Every: time.Hour, Keep: 3, Directory: filepath.Join(dir, "snapshots")}}
	s := hostContext{Cluster: c, host: cluster.Host{Name: "m0", Role: cluster.Master}}
	s.host.OS.BinDir = filepath.Join(dir, "bin")
	// What etcdctl gives ends with its SHA-256.
	for name, text := range map[string]string{
		"etcdctl": "head -c 512 /dev/urandom >\"$3\"\nsha256sum <\"$3\" | cut -c1-64 | sed 's/../\\\\x&/g' | xargs -0 printf %b | head -c 32 >>\"$3\"\n",
		"etcdutl": "", "uname": "echo m0\n", "date": "echo $NOW\n",
	} {
		if err := os.MkdirAll(s.host.OS.BinDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.host.OS.BinDir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(c.Snapshots.Directory, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ now, want string }{
		{"20261101T000000Z", "20261101"},
		{"20261102T000000Z", "20261101 20261102"},
		{"20261103T000000Z", "20261101 20261102 20261103"},
		{"20261104T000000Z", "20261102 20261103 20261104"},
		{"19700101T000100Z", "19700101 20261103 20261104"}, // before the machine knows the time
		{"19700102T000100Z", "19700101 19700102 20261104"},
		{"20261105T000000Z", "19700102 20261104 20261105"},
		{"20261105T000000Z", "19700102 20261104 20261105"}, // twice in a second
		{"20991231T000000Z", "20261104 20261105 20991231"},
		{"20261106T000000Z", "20261104 20261105 20261106"},
	} {
		run := exec.Command("sh", "-c", snapshotScript(s))
		run.Env = append(os.Environ(), "PATH="+s.host.OS.BinDir+":"+os.Getenv("PATH"), "NOW="+test.now)
		out, err := run.CombinedOutput()
		name := filepath.Join(c.Snapshots.Directory, "m0-"+test.now+".db")
		if said := fmt.Sprintf("hagen: %s is taken and verified\n", name); err != nil || string(out) != said {
			t.Fatalf("%s: %v\n%s", test.now, err, out)
		}
		kept, err := filepath.Glob(filepath.Join(c.Snapshots.Directory, "*"))
		if err != nil || !slices.Contains(kept, name) {
			t.Errorf("%s: the new one is gone: %v", test.now, kept)
		}
		var days []string
		for _, k := range kept {
			days = append(days, strings.TrimPrefix(filepath.Base(k), "m0-")[:8])
		}
		if got := strings.Join(days, " "); got != test.want {
			t.Errorf("%s: kept %s, want %s", test.now, got, test.want)
		}
	}
}
