//go:build unix

package tree

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// generation is a tree that tells which one it is in every file.
func generation(n int) []File {
	var files []File
	for i := range 70 {
		data := strings.Repeat(fmt.Sprintf("generation %d, file %d\n", n, i), 80)
		files = append(files, testFile(fmt.Sprintf("host%d/file%d", i%7, i), 0o600, data))
	}
	for i := range 2 { // that are filled
		data := files[i].Data
		files[i].Sum = files[i].Hash()
		files[i].Fill = func(w *os.File) error {
			_, err := w.Write(data)
			return err
		}
	}
	return files
}

// child is the test binary as another process. It writes one generation after
// another, and ends itself with SIGKILL the nth time it reaches a step.
func child() int {
	env := func(name string) string { return os.Getenv("TREE_TEST_" + name) }
	number := func(name string) int { n, _ := strconv.Atoi(env(name)); return n }
	noExchange = env("WAY") == "aside"
	var reached atomic.Int64
	atStep = func(step string) error {
		if step == env("STEP") && reached.Add(1) == int64(number("NTH")) {
			unix.Kill(os.Getpid(), unix.SIGKILL)
			select {}
		}
		return nil
	}
	for n := number("FIRST"); n < number("FIRST")+number("ROUNDS"); n++ {
		d, err := Open(env("CHILD"), nil)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		changed, err := d.Replace(generation(n), nil)
		if err == nil {
			err = d.Close()
		}
		if err != nil || !changed {
			fmt.Fprintln(os.Stderr, "changed:", changed, "error:", err)
			return 1
		}
	}
	return 0
}

// longer says whether everything is run, as in CI, also what repeats what an
// everyday run has shown, with more of the same.
func longer() bool { return os.Getenv("HAGEN_TESTS") == "all" }

func childCommand(t *testing.T, root string, vars ...string) *exec.Cmd {
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "TREE_TEST_CHILD="+root)
	for _, v := range vars {
		cmd.Env = append(cmd.Env, "TREE_TEST_"+v)
	}
	cmd.Stderr = os.Stderr
	return cmd
}

// wholeGeneration checks that the tree is one generation, with the foreign
// file, and nothing else; it returns which.
func wholeGeneration(t *testing.T, root string) int {
	t.Helper()
	d := mustOpen(t, root)
	defer d.Close()
	files, err := d.Read(1 << 30)
	must(t, err)
	var found int
	if _, err := fmt.Sscanf(string(files[len(files)-1].Data), "generation %d", &found); err != nil {
		t.Fatalf("no generation in %s", files[len(files)-1].Path)
	}
	want := append(generation(found), testFile("foreign", 0o644, "mine"))
	byPath := func(a, b File) int { return strings.Compare(a.Path, b.Path) }
	slices.SortFunc(want, byPath)
	slices.SortFunc(files, byPath)
	if !slices.EqualFunc(files, want, func(a, b File) bool {
		return a.Path == b.Path && a.Mode == b.Mode && string(a.Data) == string(b.Data)
	}) {
		t.Fatalf("the tree is no whole generation: %d files, of generation %d or so", len(files), found)
	}
	noLeftovers(t, root)
	return found
}

func layGeneration(t *testing.T, root string) {
	t.Helper()
	lay(t, root, "foreign=mine")
	d := mustOpen(t, root)
	_, err := d.Replace(generation(0), nil)
	must(t, err)
	must(t, d.Close())
}

// TestKilledAtEveryStep kills a run before everything it does to the disk: each
// file and directory that it makes, brings over, writes and syncs, and each
// exchange, rename and removal; of the 70 equal files most are left to the longer
// run.
func TestKilledAtEveryStep(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		root := filepath.Join(t.TempDir(), "tree")
		layGeneration(t, root)
		var steps []string
		var mutex sync.Mutex
		atStep = func(step string) error {
			mutex.Lock()
			defer mutex.Unlock()
			steps = append(steps, step)
			return nil
		}
		d := mustOpen(t, root)
		_, err := d.Replace(generation(1), nil)
		atStep = func(string) error { return nil }
		must(t, err)
		must(t, d.Close())
		way := "WAY="
		if noExchange {
			way = "WAY=aside"
		}
		nth, swapped := map[string]int{}, false
		for _, step := range steps {
			nth[step]++
			want := 0
			swapped = swapped || step == "exchanged"
			if swapped {
				want = 1
			}
			if !longer() && nth[step] > 1 && nth[step]%20 != 0 {
				continue
			}
			t.Run(fmt.Sprint(step, nth[step]), func(t *testing.T) {
				killAt(t, way, step, nth[step], want)
			})
		}
		t.Logf("%v", nth)
	})
}

// killAt kills a run that makes generation 1 of 0, and checks that want is
// what it left.
func killAt(t *testing.T, way, step string, nth, want int) {
	root := filepath.Join(t.TempDir(), "tree")
	layGeneration(t, root)
	cmd := childCommand(t, root, way, "FIRST=1", "ROUNDS=1", "STEP="+step, fmt.Sprint("NTH=", nth))
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child was not killed: %v", err)
	}
	if len(leftovers(t, root)) != 1 {
		t.Errorf("the killed run left %v", leftovers(t, root))
	}
	if _, err := os.Lstat(root); err != nil && step != "aside" {
		t.Error("the tree is gone")
	}
	if got := wholeGeneration(t, root); got != want {
		t.Errorf("generation %d, want %d", got, want)
	}
}

func TestKilledAtAnyMoment(t *testing.T) {
	rounds := 4
	if longer() {
		rounds = 20
	}
	bothWays(t, func(t *testing.T) {
		root := filepath.Join(t.TempDir(), "tree")
		layGeneration(t, root)
		way := "WAY="
		if noExchange {
			way = "WAY=aside"
		}
		last := 0
		for range rounds {
			cmd := childCommand(t, root, way, fmt.Sprint("FIRST=", last+1), "ROUNDS=1000000")
			must(t, cmd.Start())
			time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
			cmd.Process.Kill()
			cmd.Wait()
			if cmd.ProcessState.ExitCode() != -1 {
				t.Fatal("the child failed")
			}
			got := wholeGeneration(t, root)
			if got < last {
				t.Fatalf("generation %d after %d", got, last)
			}
			last = got
		}
		t.Logf("%d generations", last)
	})
}

// TestProcessesAtOnce: processes that replace one tree wait for each other.
func TestProcessesAtOnce(t *testing.T) {
	for _, ways := range [][]string{{"WAY=", "WAY="}, {"WAY=aside", "WAY=aside"}, {"WAY=", "WAY=aside"}} {
		t.Run(strings.Join(ways, " "), func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "p", "tree")
			lay(t, root, "foreign=mine")
			var cmds []*exec.Cmd
			for i, way := range ways {
				cmd := childCommand(t, root, way, fmt.Sprint("FIRST=", 1000*(i+1)), "ROUNDS=5")
				must(t, cmd.Start())
				cmds = append(cmds, cmd)
			}
			for _, cmd := range cmds {
				must(t, cmd.Wait())
			}
			if got := wholeGeneration(t, root); got != 1004 && got != 2004 {
				t.Errorf("generation %d is nobody's last", got)
			}
		})
	}
}

// TestCreateAtOnce: those that create the same directories, and give them up
// again, do not fail because of each other.
func TestCreateAtOnce(t *testing.T) {
	base := t.TempDir()
	done := make(chan error)
	for range 4 {
		go func() {
			for range 200 {
				d, err := Open(filepath.Join(base, "a", "b", "tree"), nil)
				if err == nil {
					err = d.Close()
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		must(t, <-done)
	}
}

// TestReplaceAtOnce: trees are written at once, each by writers of its own.
func TestReplaceAtOnce(t *testing.T) {
	base := t.TempDir()
	done := make(chan error)
	for i := range 3 {
		go func() {
			d, err := Open(filepath.Join(base, fmt.Sprint("tree", i)), nil)
			if err == nil {
				_, err = d.Replace(generation(i), nil)
			}
			if err == nil {
				err = d.Close()
			}
			done <- err
		}()
	}
	for range 3 {
		must(t, <-done)
	}
	for i := range 3 {
		d := mustOpen(t, filepath.Join(base, fmt.Sprint("tree", i)))
		files, err := d.Read(1 << 30)
		must(t, err)
		must(t, d.Close())
		for _, f := range files {
			if !strings.HasPrefix(string(f.Data), fmt.Sprintf("generation %d,", i)) {
				t.Errorf("tree %d: %s is of another", i, f.Path)
			}
		}
		if len(files) != len(generation(i)) {
			t.Errorf("tree %d has %d files", i, len(files))
		}
	}
}

func BenchmarkReplace(b *testing.B) {
	size := func(n int) []File {
		var files []File
		for i := range 70 {
			data := strings.Repeat(string(rune('a'+n%26)), 2000)
			files = append(files, File{Path: fmt.Sprintf("host%d/file%d", i%7, i), Mode: fs.FileMode(0o600), Data: []byte(data)})
		}
		return files
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			d := mustOpen(b, filepath.Join(b.TempDir(), "tree"))
			_, err := d.Replace(size(0), nil)
			must(b, err)
			must(b, d.Close())
		}
	})
	b.Run("changed", func(b *testing.B) {
		root := filepath.Join(b.TempDir(), "tree")
		for n := 0; b.Loop(); n++ {
			d := mustOpen(b, root)
			_, err := d.Replace(size(n), nil)
			must(b, err)
			must(b, d.Close())
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		root := filepath.Join(b.TempDir(), "tree")
		for b.Loop() {
			d := mustOpen(b, root)
			_, err := d.Replace(size(0), nil)
			must(b, err)
			must(b, d.Close())
		}
	})
}
