// Package newc writes cpio archives in the format "newc", which Linux unpacks into its
// initial root directory (kernel documentation, driver-api/early-userspace/buffer-format).
// The same files give the same bytes: there are no times, and numbers count from 1.
package newc

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

// File is a file of an archive, which belongs to root.
type File struct {
	Path string // without a leading slash
	Mode uint32 // permission bits
	Data []byte
}

// Types of files in a mode, as in stat(2).
const (
	directory = 0o040000
	regular   = 0o100000
)

// trailer is the name that ends an archive.
const trailer = "TRAILER!!!"

// Archive returns the archive of files, sorted by path. Directories above them are
// entries, too: the kernel makes no directory by itself.
func Archive(files []File) []byte {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	var b bytes.Buffer
	made := map[string]bool{".": true}
	number := 0
	add := func(name string, mode uint32, links int, data []byte) {
		number++
		entry(&b, name, number, mode, links, data)
	}
	for _, f := range files {
		for _, dir := range above(f.Path) {
			if !made[dir] {
				made[dir] = true
				add(dir, directory|0o755, 2, nil)
			}
		}
		add(f.Path, regular|f.Mode, 1, f.Data)
	}
	number = -1
	add(trailer, 0, 1, nil)
	return b.Bytes()
}

// above lists the directories above a path, the outermost first.
func above(name string) (out []string) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		out = append(out, dir)
	}
	slices.Reverse(out)
	return out
}

// entry writes a header of thirteen numbers, the name and the contents. Each of both
// ends at a multiple of four bytes.
func entry(b *bytes.Buffer, name string, number int, mode uint32, links int, data []byte) {
	b.WriteString("070701")
	for _, field := range []int{number, int(mode), 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0} {
		fmt.Fprintf(b, "%08x", field)
	}
	b.WriteString(name)
	b.WriteByte(0)
	align(b)
	b.Write(data)
	align(b)
}

func align(b *bytes.Buffer) {
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
}
