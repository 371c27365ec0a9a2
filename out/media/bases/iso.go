// Package bases makes base images with the layouts of real ones, small and without an
// operating system, for tests. It is not in the binary.
package bases

import (
	"encoding/binary"
	"path"
	"slices"
	"strings"
)

const block = 2048

// EmbedArea is how many bytes of a live ISO of Fedora CoreOS are for an initrd.
const EmbedArea = 262144

// Live returns the files of a live ISO of Fedora CoreOS, as far as programs look at
// them: the names, sizes and contents of the ISOs of 2023 and later
// (coreos/coreos-installer, fixtures/iso).
func Live() map[string][]byte {
	return map[string][]byte{
		"COREOS/IGNINFO.JSO":        []byte("{\n  \"file\": \"images/ignition.img\"\n}\n"),
		"COREOS/FEATURES.JSO":       []byte("{\n  \"installer-config\": true,\n  \"installer-config-directives\": {\n    \"append-karg\": true,\n    \"copy-network\": true,\n    \"dest-device\": true,\n    \"ignition-file\": true,\n    \"save-partlabel\": true\n  },\n  \"live-initrd-network\": true\n}\n"),
		"COREOS/KARGS.JSO":          []byte("{\n  \"default\": \"ignition.firstboot ignition.platform.id=metal\",\n  \"files\": [\n    {\n      \"end\": \"\\n\",\n      \"offset\": 970,\n      \"pad\": \"#\",\n      \"path\": \"EFI/fedora/grub.cfg\"\n    }\n  ],\n  \"size\": 1139\n}\n"),
		"EFI/FEDORA/GRUB.CFG":       []byte(strings.Repeat("#", 3000)),
		"IMAGES/IGNITION.IMG":       make([]byte, EmbedArea),
		"IMAGES/PXEBOOT/INITRD.IMG": []byte("initrd\n"),
		"IMAGES/PXEBOOT/ROOTFS.IMG": []byte("rootfs\n"),
		"IMAGES/PXEBOOT/VMLINUZ":    []byte("kernel\n"),
		"ISOLINUX/ISOLINUX.CFG":     []byte("default linux\n"),
	}
}

// LiveS390X is Live for s390x, where the area is a part of a file.
func LiveS390X() map[string][]byte {
	files := Live()
	delete(files, "IMAGES/IGNITION.IMG")
	area := make([]byte, 132096+EmbedArea+4096)
	copy(area, strings.Repeat("k", 132096))
	copy(area[132096+EmbedArea:], strings.Repeat("e", 4096))
	files["IMAGES/CDBOOT.IMG"] = area
	files["COREOS/IGNINFO.JSO"] = []byte("{\n  \"file\": \"images/cdboot.img\",\n  \"length\": 262144,\n  \"offset\": 132096\n}\n")
	return files
}

// ISO returns an ISO 9660 volume with the primary tree alone, without path tables.
// Names are those of the tree, without their version.
func ISO(label string, files map[string][]byte) []byte {
	dirs := map[string][]string{"": nil} // a directory's entries
	for name := range files {
		for ; name != ""; name = parent(name) {
			if dir := parent(name); !slices.Contains(dirs[dir], name) {
				dirs[dir] = append(dirs[dir], name)
			}
			if _, isFile := files[name]; !isFile {
				dirs[name] = dirs[name][:len(dirs[name]):len(dirs[name])]
			}
		}
	}
	var order []string
	for dir := range dirs {
		order = append(order, dir)
	}
	for name := range files {
		order = append(order, name)
	}
	slices.Sort(order)
	at, next := map[string]int{}, 18 // blocks, after the descriptors
	for _, name := range order {
		at[name] = next
		next += max(1, (len(files[name])+block-1)/block)
	}
	image := make([]byte, next*block)
	for _, name := range order {
		if entries, isDir := dirs[name]; isDir {
			text := record("\x00", at[name], block, true)
			text = append(text, record("\x01", at[parent(name)], block, true)...)
			slices.Sort(entries)
			for _, e := range entries {
				if _, isDir := dirs[e]; isDir {
					text = append(text, record(path.Base(e), at[e], block, true)...)
				} else {
					text = append(text, record(versioned(e), at[e], len(files[e]), false)...)
				}
			}
			copy(image[at[name]*block:], text)
		} else {
			copy(image[at[name]*block:], files[name])
		}
	}
	primary := image[16*block:]
	copy(primary, "\x01CD001\x01\x00")
	copy(primary[8:], strings.Repeat(" ", 64))
	copy(primary[40:], label)
	both32(primary[80:], next)
	both16(primary[120:], 1)
	both16(primary[124:], 1)
	both16(primary[128:], block)
	copy(primary[156:], record("\x00", at[""], block, true))
	copy(primary[190:], strings.Repeat(" ", 813-190))
	primary[881] = 1
	copy(image[17*block:], "\xffCD001\x01")
	return image
}

func parent(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	return ""
}

// versioned returns a file's name as records have it: with a dot, and a version.
func versioned(name string) string {
	name = path.Base(name)
	if !strings.Contains(name, ".") {
		name += "."
	}
	return name + ";1"
}

// record returns a directory record (ECMA-119, 9.1).
func record(name string, at, size int, isDir bool) []byte {
	r := make([]byte, (33+len(name)+1)&^1)
	r[0] = byte(len(r))
	both32(r[2:], at)
	both32(r[10:], size)
	copy(r[18:], []byte{100, 1, 1, 0, 0, 0, 0}) // 2000-01-01
	if isDir {
		r[25] = 2
	}
	both16(r[28:], 1)
	r[32] = byte(len(name))
	copy(r[33:], name)
	return r
}

func both32(to []byte, n int) {
	binary.LittleEndian.PutUint32(to, uint32(n))
	binary.BigEndian.PutUint32(to[4:], uint32(n))
}

func both16(to []byte, n int) {
	binary.LittleEndian.PutUint16(to, uint16(n))
	binary.BigEndian.PutUint16(to[2:], uint16(n))
}
