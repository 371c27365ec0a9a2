package tree

import "golang.org/x/sys/unix"

// exchange swaps what two paths name, in one step of the file system.
func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}
