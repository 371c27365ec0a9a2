package sysext

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// label sets the SELinux types of contexts as extended attributes, where
// mksquashfs reads them. The kernel allows that only to root.
func label(root string) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		place := strings.TrimPrefix(path, root)
		if place == "" {
			place = "/"
		}
		for line := range strings.Lines(contexts) {
			pattern, context, _ := strings.Cut(strings.TrimSpace(line), " ")
			if regexp.MustCompile("^" + pattern + "$").MatchString(place) {
				err = unix.Lsetxattr(path, "security.selinux", []byte(context+"\x00"), 0)
			}
		}
		return err
	})
}
