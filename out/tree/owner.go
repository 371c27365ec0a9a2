//go:build unix

package tree

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// CheckOwner returns an error if an open file of the tree, or with nil the tree
// itself, belongs to another user than the one hagen runs as: that user can
// read and change it, and cannot use what root writes beside it. path names the
// file in the error. A directory of Look may be anybody's.
func (d *Dir) CheckOwner(file *os.File, path string) error {
	if d.seen != nil {
		return nil
	}
	if file == nil {
		file = d.lock
	}
	info, err := file.Stat()
	if err != nil {
		return fail("look at", d.Show(path), err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return nil
	}
	return fmt.Errorf("%s belongs to %s, but hagen runs as %s: run it as its owner, or hand the directory over with chown -R %d %s",
		d.Show(path), userName(int(stat.Uid)), userName(os.Geteuid()), os.Geteuid(), d.name)
}

// userName returns a user's name and number, or the number alone.
func userName(uid int) string {
	if found, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return fmt.Sprintf("%s (user %d)", found.Username, uid)
	}
	return fmt.Sprintf("user %d", uid)
}
