package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cases"
)

// TestBadFilesWriteNothing renders every bad cluster file of testdata/bad,
// where nothing was rendered yet and where something was: hagen exits with 2
// and the directory is as before.
func TestBadFilesWriteNothing(t *testing.T) {
	all, err := cases.Dir("../../testdata").Bad()
	if err != nil || len(all) < 977 {
		t.Fatalf("%d bad files, there were 977: %v", len(all), err)
	}
	for _, before := range []string{"nothing", "something"} {
		t.Run(before, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if before == "something" {
				for _, command := range []string{"init", "render"} {
					if code, _, said := runHere(command); code != 0 {
						t.Fatalf("%s: exit code %d: %s", command, code, said)
					}
				}
			}
			for _, bad := range all {
				if err := os.WriteFile(clusterfile.DefaultName, bad.Text, 0o600); err != nil {
					t.Fatal(err)
				}
				was := everything(t)
				if code, out, said := runHere("render"); code != exit.CodeUsage || out != "" || !strings.HasPrefix(said, clusterfile.DefaultName+":") {
					t.Errorf("%s: exit code %d, %q, %s", bad.Name, code, out, said)
				}
				if now := everything(t); now != was {
					t.Fatalf("%s: the directory was\n%s\nand is\n%s", bad.Name, was, now)
				}
			}
		})
	}
}

// runHere runs hagen in this process.
func runHere(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(append([]string{"hagen"}, args...), console.To(&out, &err))
	return code, out.String(), err.String()
}

// everything lists what is in this directory: when each was written and, since
// what is exchanged is another file, which it is.
func everything(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			fmt.Fprintf(&b, "%s %v %d %v %d\n", path, info.Mode(), info.Size(), info.ModTime(), info.Sys().(*syscall.Stat_t).Ino)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
