package trees

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"hagen/cmd/hagen/internal/exit"
)

// TestGitThatWaits: a configuration that includes a named pipe, which nobody
// writes to, does not hold hagen for ever.
func TestGitThatWaits(t *testing.T) {
	t.Chdir(t.TempDir())
	if output, err := exec.Command("git", "init", "-q").CombinedOutput(); err != nil {
		t.Fatalf("%s%v", output, err)
	}
	before := gitPatience
	t.Cleanup(func() { gitPatience = before })
	if _, err := git(nil, "rev-parse", "--show-prefix"); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(here, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := os.OpenFile(".git/config", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer config.Close()
	if _, err := config.WriteString("[include]\n\tpath = " + pipe + "\n"); err != nil {
		t.Fatal(err)
	}
	gitPatience = 200 * time.Millisecond
	began := time.Now()
	_, err = File("HEAD", "cluster.yaml")
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
	if exit.Code(err) != exit.CodeFailed {
		t.Errorf("%v does not end with %d", err, exit.CodeFailed)
	}
	if want := "HEAD:cluster.yaml: " + errGitSilent.Error(); err == nil || err.Error() != want || !errors.Is(err, errGitSilent) {
		t.Errorf("got %v, want %s", err, want)
	}
}
