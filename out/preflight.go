//go:build unix

package out

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"hagen/out/tree"
)

// Preflight refuses a directory that must not be replaced as a whole: the root,
// a mount point, one that is or contains the working directory, and one that
// is, contains or is inside one of keep (the cluster file, the PKI directory).
// dir and keep need not exist. The error says which it is and what to do;
// Preflight changes nothing.
func Preflight(dir string, keep ...string) error {
	const instead = "name another directory"
	real, err := tree.Resolve(dir)
	if err != nil {
		return err
	}
	if real == filepath.Dir(real) {
		return fmt.Errorf("%s is the root directory, and all of it would be replaced: %s", dir, instead)
	}
	if isMountPoint(real) {
		return fmt.Errorf("%s is a mount point, which cannot be replaced: name a new directory below it", dir)
	}
	cwd, err := tree.Resolve(".")
	if err != nil {
		return err
	}
	if isWithin(cwd, real) {
		return fmt.Errorf("%s would be replaced, but the working directory %s is in it: %s", dir, cwd, instead)
	}
	for _, path := range keep {
		kept, err := tree.Resolve(path)
		if err != nil {
			return err
		}
		if isWithin(kept, real) {
			return fmt.Errorf("%s would be replaced, but %s is in it: %s", dir, path, instead)
		}
		if isWithin(real, kept) {
			return fmt.Errorf("%s is inside %s, which holds other files: %s", dir, path, instead)
		}
	}
	return nil
}

// isWithin reports whether inner is outer or below it. It asks the file system
// as well: a name can have several spellings where case does not count, and a
// directory can be mounted in two places.
func isWithin(inner, outer string) bool {
	want, err := os.Stat(outer)
	for p := inner; ; p = filepath.Dir(p) {
		if p == outer {
			return true
		}
		if info, statErr := os.Stat(p); err == nil && statErr == nil && os.SameFile(info, want) {
			return true
		}
		if p == filepath.Dir(p) {
			return false
		}
	}
}

// isMountPoint reports whether a directory is on another file system than its
// parent. One that does not exist is not a mount point.
func isMountPoint(path string) bool {
	here, err := os.Stat(path)
	if err != nil {
		return false
	}
	above, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return false
	}
	a, isStat := here.Sys().(*syscall.Stat_t)
	b, alsoStat := above.Sys().(*syscall.Stat_t)
	return isStat && alsoStat && a.Dev != b.Dev
}
