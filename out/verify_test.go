//go:build unix

package out

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"hagen/gen/document"
	"hagen/out/tree"
)

func TestVerify(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	if _, _, err := Verify(tree.Files(root)); !errors.Is(err, ErrNoManifest) {
		t.Errorf("no directory: %v", err)
	}
	_, err := write(t, root, nil, "a=1", "h/b=2", "h/c=3")
	must(t, err)
	sums, differing, err := Verify(tree.Files(root))
	if err != nil || len(sums) != 3 || len(differing) != 0 || sums["a"] != "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b" {
		t.Errorf("as written: %v, %v, %v", sums, differing, err)
	}
	put(t, root, "a=changed", "h/b", "further=x")
	_, differing, err = Verify(tree.Files(root))
	must(t, err)
	same(t, "differing", differing, []string{"a is not as SHA256SUMS says", "h/b is listed in SHA256SUMS, and is not there"})
	unreadable := func(dir fs.FS, want string) {
		t.Helper()
		_, _, err := Verify(dir)
		if _, is := errors.AsType[Unreadable](err); !is || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	unreadable(locked{tree.Files(root), "h/c"}, "h/c cannot be opened: permission denied: check its owner and permissions")
	unreadable(locked{tree.Files(root), document.ManifestPath}, "SHA256SUMS cannot be opened: permission denied: check its owner and permissions")
	unreadable(locked{tree.Files(root), ignoreName}, ".gitignore cannot be opened: permission denied: check its owner and permissions")
	put(t, root, "h/c")
	must(t, syscall.Mkfifo(filepath.Join(root, "h/c"), 0o600))
	unreadable(tree.Files(root), "h/c cannot be opened: it is a named pipe, not a regular file: put the file itself in its place")
	must(t, os.WriteFile(filepath.Join(root, document.ManifestPath), []byte("x\n"), 0o600))
	_, _, err = Verify(tree.Files(root))
	wantError(t, err, "SHA256SUMS:1: expected 64")
	put(t, root, document.ManifestPath)
	if _, _, err := Verify(tree.Files(root)); !errors.Is(err, ErrNoManifest) {
		t.Errorf("no manifest: %v", err)
	}
}

// locked is a directory of which one file may not be read.
type locked struct {
	fs.FS
	path string
}

func (l locked) Open(name string) (fs.File, error) {
	if name == l.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
	}
	return l.FS.Open(name)
}
