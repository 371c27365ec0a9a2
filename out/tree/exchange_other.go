//go:build unix && !linux

package tree

import "golang.org/x/sys/unix"

// exchange says that paths cannot be swapped here: swap then moves twice.
func exchange(a, b string) error { return unix.ENOSYS }

// protected knows of no attribute here.
func protected(path string) string { return "" }
