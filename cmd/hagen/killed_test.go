package main

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// enough is how long killed goes on at most: on a busy machine, with the race
// detector, a run takes seconds.
const enough = 10 * time.Second

// killed N ARG… kills `hagen ARG…` at N random moments of its life. Before
// each time pki, cluster.lock and rendered are put back as they are now, or are
// not there. Afterwards each of them must be as it was or, whole, as hagen would
// have left it, and none new before the ones that it follows; and the next run
// must finish the work and leave nothing beside it.
func killed(ts *testscript.TestScript, _ bool, args []string) {
	var times int
	_, err := fmt.Sscan(args[0], &times)
	ts.Check(err)
	args = args[1:]
	limit := enough
	if wanted := os.Getenv("HAGEN_KILLS"); wanted != "" {
		_, err := fmt.Sscan(wanted, &times)
		ts.Check(err)
		limit = time.Hour
	}
	base := ts.MkAbs(".")
	ts.Check(os.RemoveAll(filepath.Join(base, ".saved")))
	kept := []string{"pki", "cluster.lock", "rendered"}
	for _, path := range kept {
		ts.Check(copyTree(base, path, ".saved"))
	}
	before := sumTrees(ts)

	putBack := func() {
		for _, path := range kept {
			ts.Check(os.RemoveAll(filepath.Join(base, path)))
			ts.Check(copyTree(filepath.Join(base, ".saved"), path, ".."))
		}
	}
	var life time.Duration
	seen := map[string]int{}
	for began, n := time.Now(), 0; n < times && time.Since(began) < limit; n++ {
		// A machine is not equally busy all the time, and a moment after the
		// run's end tests nothing.
		if n%10 == 0 {
			putBack()
			start := time.Now()
			ts.Check(ts.Exec("hagen", args...))
			life = time.Since(start)
		}
		putBack()
		// Most of the interest is near the end, where it writes.
		moment := life/2 + time.Duration(rand.Int64N(int64(life)))
		seen[killOnce(ts, base, args, before, moment)]++
	}
	ts.Logf("a run takes %v; %v", life, seen)
}

// killOnce returns how far the run came.
func killOnce(ts *testscript.TestScript, base string, args []string, before [3]string, moment time.Duration) string {
	cmd := exec.Command("hagen", args...)
	cmd.Dir = base
	cmd.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"))
	ts.Check(cmd.Start())
	time.Sleep(moment)
	cmd.Process.Kill()
	ended := cmd.Wait() == nil

	after := sumTrees(ts)
	pkiIsNew, lockIsNew, treeIsNew := after[0] != before[0], after[1] != before[1], after[2] != before[2]
	if lockIsNew && !pkiIsNew || treeIsNew && before[1] == "" && !lockIsNew {
		ts.Fatalf("killed after %v: new pki %t, lock file %t, tree %t", moment, pkiIsNew, lockIsNew, treeIsNew)
	}
	if treeIsNew {
		if !pkiIsNew {
			ts.Fatalf("killed after %v: documents without their certificates", moment)
		}
		checkManifest(ts, filepath.Join(base, "rendered/kubernetes"))
	}
	// hagen reads the whole PKI and refuses one that does not fit together.
	ts.Check(ts.Exec("hagen", args...))
	next := sumTrees(ts)
	if pkiIsNew && next[0] != after[0] || lockIsNew && next[1] != after[1] || treeIsNew && next[2] != after[2] {
		ts.Fatalf("killed after %v: what was new was not whole", moment)
	}
	if next[0] == "" || next[1] == "" || next[2] == "" {
		ts.Fatalf("killed after %v: the next run did not finish the work", moment)
	}
	for _, pattern := range []string{".pki.hagen-*", "rendered/.kubernetes.hagen-*", ".cluster.lock.hagen-*"} {
		if left, _ := filepath.Glob(filepath.Join(base, pattern)); len(left) > 0 {
			ts.Fatalf("killed after %v: %v was left over", moment, left)
		}
	}
	return fmt.Sprintf("ended %t, new pki %t, new lock file %t, new tree %t", ended, pkiIsNew, lockIsNew, treeIsNew)
}

func copyTree(base, dir, to string) error {
	cmd := exec.Command("sh", "-c", fmt.Sprintf("mkdir -p %s && { [ ! -e %s ] || cp -Rp %[2]s %[1]s; }", to, dir))
	cmd.Dir = base
	return cmd.Run()
}

// sumTrees gives hashes over the names, modes and contents of what hagen render
// writes, in its order; "" is for what is not there, or is a directory that
// holds nothing yet.
func sumTrees(ts *testscript.TestScript) (sums [3]string) {
	for i, dir := range []string{"pki", "cluster.lock", "rendered/kubernetes"} {
		if _, err := os.Lstat(ts.MkAbs(dir)); err != nil {
			continue
		}
		hash, files := sha256.New(), 0
		walk(ts, []string{dir}, func(path string, info os.FileInfo, text []byte) {
			fmt.Fprintf(hash, "%s %v %d\n%s", path, info.Mode(), len(text), text)
			if !info.IsDir() {
				files++
			}
		})
		if files > 0 {
			sums[i] = fmt.Sprintf("%x", hash.Sum(nil))
		}
	}
	return sums
}

// checkManifest holds a tree against its SHA256SUMS.
func checkManifest(ts *testscript.TestScript, dir string) {
	manifest, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	ts.Check(err)
	for line := range strings.Lines(string(manifest)) {
		sum, path, _ := strings.Cut(strings.TrimSpace(line), "  ")
		text, err := os.ReadFile(filepath.Join(dir, path))
		ts.Check(err)
		if fmt.Sprintf("%x", sha256.Sum256(text)) != sum {
			ts.Fatalf("%s is not as SHA256SUMS says", path)
		}
	}
}
