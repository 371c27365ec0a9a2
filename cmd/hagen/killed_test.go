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
// each time pki and rendered are put back as they are now. Afterwards each of
// them must be as it was or, whole, as hagen would have left it; and the next
// run must finish the work and leave nothing beside it.
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
	ts.Check(copyTree(base, "pki", ".saved"))
	ts.Check(copyTree(base, "rendered", ".saved"))
	before := sumTree(ts, "pki", "rendered/kubernetes")

	putBack := func() {
		for _, dir := range []string{"pki", "rendered"} {
			ts.Check(os.RemoveAll(filepath.Join(base, dir)))
			ts.Check(copyTree(filepath.Join(base, ".saved"), dir, ".."))
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
func killOnce(ts *testscript.TestScript, base string, args []string, before [2]string, moment time.Duration) string {
	cmd := exec.Command("hagen", args...)
	cmd.Dir = base
	cmd.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"))
	ts.Check(cmd.Start())
	time.Sleep(moment)
	cmd.Process.Kill()
	ended := cmd.Wait() == nil

	after := sumTree(ts, "pki", "rendered/kubernetes")
	pkiIsNew, treeIsNew := after[0] != before[0], after[1] != before[1]
	if treeIsNew {
		if !pkiIsNew {
			ts.Fatalf("killed after %v: documents without their certificates", moment)
		}
		checkManifest(ts, filepath.Join(base, "rendered/kubernetes"))
	}
	// hagen reads the whole PKI and refuses one that does not fit together.
	ts.Check(ts.Exec("hagen", args...))
	next := sumTree(ts, "pki", "rendered/kubernetes")
	if pkiIsNew && next[0] != after[0] || treeIsNew && next[1] != after[1] {
		ts.Fatalf("killed after %v: what was new was not whole", moment)
	}
	for _, pattern := range []string{".pki.hagen-*", "rendered/.kubernetes.hagen-*"} {
		if left, _ := filepath.Glob(filepath.Join(base, pattern)); len(left) > 0 {
			ts.Fatalf("killed after %v: %v was left over", moment, left)
		}
	}
	return fmt.Sprintf("ended %t, new pki %t, new tree %t", ended, pkiIsNew, treeIsNew)
}

func copyTree(base, dir, to string) error {
	cmd := exec.Command("sh", "-c", fmt.Sprintf("mkdir -p %s && cp -Rp %s %s", to, dir, to))
	cmd.Dir = base
	return cmd.Run()
}

// sumTree gives a hash over the names, modes and contents of two trees.
func sumTree(ts *testscript.TestScript, first, second string) (sums [2]string) {
	for i, dir := range []string{first, second} {
		hash := sha256.New()
		walk(ts, []string{dir}, func(path string, info os.FileInfo, text []byte) {
			fmt.Fprintf(hash, "%s %v %d\n%s", path, info.Mode(), len(text), text)
		})
		sums[i] = fmt.Sprintf("%x", hash.Sum(nil))
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
