//go:build unix && !linux

package tree

import "golang.org/x/sys/unix"

// exchange reports that paths cannot be exchanged here: swap then renames
// twice.
func exchange(a, b string) error { return unix.ENOSYS }

// protected returns "": no attributes are known here.
func protected(path string) string { return "" }
