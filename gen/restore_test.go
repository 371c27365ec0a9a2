package gen_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
)

// restoring is a machine's script that restores etcd, in a directory of the
// test's, with a stand-in for etcdutl.
type restoring struct {
	bash, root, script string
}

const snapshotText = "a snapshot"

func newRestoring(t *testing.T, bash string) restoring {
	t.Helper()
	root := t.TempDir()
	h, text := restoreScript(t)
	utl := write(t, filepath.Join(root, "etcdutl"), []byte(`#!/bin/sh
[ "$1 $2" = "snapshot restore" ] || exit 2
for a; do case $a in --data-dir=*) dir=${a#*=} ;; esac; done
[ ! -e "$dir" ] || exit 3
mkdir -p "$dir/member" && cp "$3" "$dir/member/db"
`))
	if err := os.Chmod(utl, 0o700); err != nil {
		t.Fatal(err)
	}
	text = strings.NewReplacer("/var/lib", root, "chown -R kube-etcd:kube-etcd", "true", h.OS.BinDir+"/etcdutl", utl).Replace(text)
	if err := os.MkdirAll(filepath.Join(root, "etcd"), 0o700); err != nil {
		t.Fatal(err)
	}
	return restoring{bash, root, text}
}

var restoringCases onces

// restoreScript gives a machine and its script.
func restoreScript(t *testing.T) (cluster.Host, string) {
	t.Helper()
	set := fixedPKI(t, "small")
	m := restoringCases.of(t, "small", func() (made, error) {
		c, err := openCase("small")
		if err != nil {
			return made{}, err
		}
		restore := control.Restore{SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(snapshotText))), Path: "/var/lib/etcd-restore/snapshot.db"}
		machines, err := gen.Render(c, set, control.Options{Restore: restore}, nil, nil)
		return made{machines: machines}, err
	}).machines[0]
	for _, f := range m.Node.Files {
		if f.Path == "/etc/hagen/etcd-restore.sh" {
			return m.Host, string(f.Contents)
		}
	}
	t.Fatal("there is no script that restores")
	return cluster.Host{}, ""
}

// run runs the script, and kills it before a line; 0 lets it end.
func (r restoring) run(killedBefore int) (said string, ok bool) {
	lines := strings.Split(r.script, "\n")
	if killedBefore > 0 {
		lines[killedBefore-1] = "kill -KILL $$\n" + lines[killedBefore-1]
	}
	out, err := exec.Command(r.bash, "-c", strings.Join(lines, "\n"), "sh", "m0", "https://10.10.10.10:2380").CombinedOutput()
	return string(out), err == nil
}

func (r restoring) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.root, name))
	if err != nil {
		return ""
	}
	return string(text)
}

// TestRestoreKilled: whenever the machine dies, the next boot has the snapshot
// restored, once, and what was there before is kept, once.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	bash := program(t, "bash")
	inMiddle := 0
	for line := 1; ; line++ {
		r := newRestoring(t, bash)
		lines := strings.Split(r.script, "\n")
		if line > len(lines) {
			break
		}
		if strings.HasPrefix(lines[line-1], "  ") || strings.HasPrefix(lines[line-1], "}") {
			continue // the middle of a command
		}
		write(t, filepath.Join(r.root, "etcd-restore/snapshot.db"), []byte(snapshotText))
		write(t, filepath.Join(r.root, "etcd/member/db"), []byte("old"))
		if _, ok := r.run(line); !ok {
			inMiddle++
		}
		if said, ok := r.run(0); !ok {
			t.Errorf("killed before line %d, the next boot says %s", line, said)
		}
		if got := r.read(t, "etcd/member/db"); got != snapshotText {
			t.Errorf("killed before line %d, etcd has %q", line, got)
		}
		if got := r.read(t, "etcd/member.before-1/db"); got != "old" {
			t.Errorf("killed before line %d, %q is kept", line, got)
		}
		if kept, _ := filepath.Glob(filepath.Join(r.root, "etcd/member.before-*")); len(kept) != 1 {
			t.Errorf("killed before line %d, %v are kept", line, kept)
		}
		// etcd has gone on; whatever lies at the path, boots leave it alone.
		write(t, filepath.Join(r.root, "etcd/member/db"), []byte("new"))
		for _, snapshot := range []string{snapshotText, "another"} {
			write(t, filepath.Join(r.root, "etcd-restore/snapshot.db"), []byte(snapshot))
			if said, ok := r.run(0); !ok || r.read(t, "etcd/member/db") != "new" {
				t.Errorf("a later boot restores again: %s", said)
			}
		}
	}
	if inMiddle < 15 {
		t.Errorf("the script was killed %d times", inMiddle)
	}
}

// TestRestoreRefused: without the snapshot that the document names nothing is
// changed, and the reason is plain.
func TestRestoreRefused(t *testing.T) {
	t.Parallel()
	bash := program(t, "bash")
	for _, test := range []struct{ snapshot, says string }{
		{"", "is missing: put the file with SHA-256 "},
		{"another", "is not the snapshot that the document names: it has SHA-256 "},
	} {
		r := newRestoring(t, bash)
		write(t, filepath.Join(r.root, "etcd/member/db"), []byte("old"))
		if test.snapshot != "" {
			write(t, filepath.Join(r.root, "etcd-restore/snapshot.db"), []byte(test.snapshot))
		}
		said, ok := r.run(0)
		if ok || !strings.Contains(said, test.says) || strings.Count(said, "\n") != 1 {
			t.Errorf("%t, %s", ok, said)
		}
		if got := r.read(t, "etcd/member/db"); got != "old" {
			t.Errorf("etcd has %q", got)
		}
	}
}
