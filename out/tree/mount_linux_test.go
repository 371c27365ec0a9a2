package tree

import "golang.org/x/sys/unix"

const unmountFlags = unix.MNT_DETACH

func mountSmall(path string) error {
	return unix.Mount("hagen-test", path, "tmpfs", 0, "size=64k")
}
