package tree

import "golang.org/x/sys/unix"

// exchange swaps what two paths name, in one step of the file system.
func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// protected returns the attribute that keeps even root from removing a file:
// "i" for immutable, "a" for append-only (chattr(1)); "" for none.
func protected(path string) string {
	var stat unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, 0, &stat) != nil {
		return ""
	}
	switch {
	case stat.Attributes&unix.STATX_ATTR_IMMUTABLE != 0:
		return "i"
	case stat.Attributes&unix.STATX_ATTR_APPEND != 0:
		return "a"
	}
	return ""
}
