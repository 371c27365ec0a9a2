//go:build unix && !linux

package tree

import "golang.org/x/sys/unix"

const unmountFlags = 0

func mountSmall(path string) error { return unix.ENOSYS }
