// Package sysext makes images that systemd-sysext merges into /usr: binaries in
// a read-only file system, the same bytes from the same binaries.
package sysext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Formats of images, with the program that makes each. systemd-sysext takes
// any file system that the kernel mounts.
const (
	Squashfs = "squashfs"
	Erofs    = "erofs"
)

// Formats lists the formats.
func Formats() []string { return []string{Squashfs, Erofs} }

// Image is an image to build.
type Image struct {
	Name     string   // its name on machines, without .raw
	Binaries []Binary // by name, in /usr/bin
	Arch     string   // systemd's name of the processor
	For      Target
	Format   string
	Labels   bool // of SELinux, for systems that enforce it
}

// Binary is a program and where it comes from.
type Binary struct {
	Name string
	Open func() (io.ReadCloser, error)
}

// Target is the operating system that an image is for, as os-release(5) names it.
type Target struct {
	ID      string // "_any" for every one
	Version string // VERSION_ID; "" with _any
}

// Any is every operating system: right for static binaries.
const Any = "_any"

// programs build images. The flags leave out the time, a random number and this
// machine's users; mksquashfs takes SOURCE_DATE_EPOCH.
var programs = map[string]struct {
	program, packaged string
	args              func(stage, out, contexts string) []string
}{
	Squashfs: {"mksquashfs", "squashfs-tools", func(stage, out, _ string) []string {
		return []string{stage, out, "-noappend", "-all-root", "-comp", "gzip", "-no-progress", "-quiet"}
	}},
	Erofs: {"mkfs.erofs", "erofs-utils", func(stage, out, contexts string) []string {
		args := []string{"-zlz4hc,12", "-C65536", "-T0", "-U00000000-0000-0000-0000-000000000000", "--all-root", "--quiet"}
		if contexts != "" {
			args = append(args, "--file-contexts="+contexts)
		}
		return append(args, out, stage)
	}},
}

// release returns the file by which systemd-sysext decides whether an image
// fits a machine (systemd-sysext(8), extension-release). Its name contains the
// image's.
func (i Image) release() string {
	text := "ID=" + i.For.ID + "\n"
	if i.For.Version != "" {
		text += "VERSION_ID=" + i.For.Version + "\n"
	}
	return text + "ARCHITECTURE=" + i.Arch + "\n"
}

// contexts are the SELinux types of an image's files: those that the reference
// policy gives these paths (corecommands.fc, libraries.fc). Without a label
// systemd may not run a binary; with bin_t it runs unconfined.
const contexts = `/ system_u:object_r:usr_t:s0
/usr system_u:object_r:usr_t:s0
/usr/bin(/.*)? system_u:object_r:bin_t:s0
/usr/lib(/.*)? system_u:object_r:lib_t:s0
`

// Make writes an image to a file, which must not exist.
func Make(i Image, out string) error {
	p, known := programs[i.Format]
	if !known {
		return fmt.Errorf("there is no format %s; known: %s", i.Format, strings.Join(Formats(), ", "))
	}
	program, err := exec.LookPath(p.program)
	if err != nil {
		return fmt.Errorf("%s is not installed; it makes %s images; Debian and Fedora have it in %s", p.program, i.Format, p.packaged)
	}
	stage, err := os.MkdirTemp(filepath.Dir(out), ".hagen-sysext-")
	if err != nil {
		return fmt.Errorf("%s: no directory can be made there: %w", filepath.Dir(out), reason(err))
	}
	defer os.RemoveAll(stage)
	root, labels := filepath.Join(stage, "root"), ""
	if err := i.stage(root); err != nil {
		return err
	}
	if i.Labels && i.Format == Erofs {
		labels = filepath.Join(stage, "contexts")
		if err := os.WriteFile(labels, []byte(contexts), 0o600); err != nil {
			return fmt.Errorf("%s: cannot be written: %w", labels, reason(err))
		}
	} else if i.Labels {
		if err := label(root); err != nil {
			return fmt.Errorf("SELinux labels cannot be set here (%w): %s takes them from files, which only root may label; run as root, or write --format %s", reason(err), p.program, Erofs)
		}
	}
	made := exec.Command(program, p.args(root, out, labels)...)
	made.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "SOURCE_DATE_EPOCH=0", "TZ=UTC"}
	if said, err := made.CombinedOutput(); err != nil {
		_ = os.Remove(out) // half of an image
		return fmt.Errorf("%s cannot make %s: %w\n%s", p.program, i.Name, err, bytes.TrimSpace(said))
	}
	return nil
}

// stage makes the directories that become the image. Times and modes are fixed:
// the image's directories overlay the machine's own.
func (i Image) stage(root string) error {
	bin, lib := filepath.Join(root, "usr/bin"), filepath.Join(root, "usr/lib/extension-release.d")
	for _, dir := range []string{bin, lib} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("%s: cannot be made: %w", dir, reason(err))
		}
	}
	for _, b := range i.Binaries {
		if err := b.copy(filepath.Join(bin, b.Name)); err != nil {
			return err
		}
	}
	name := filepath.Join(lib, "extension-release."+i.Name)
	if err := os.WriteFile(name, []byte(i.release()), 0o644); err != nil {
		return fmt.Errorf("%s: cannot be written: %w", name, reason(err))
	}
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		mode := fs.FileMode(0o755)
		if err == nil && !entry.IsDir() && filepath.Dir(path) == lib {
			mode = 0o644
		}
		return errors.Join(err, os.Chmod(path, mode), os.Chtimes(path, time.Unix(0, 0), time.Unix(0, 0)))
	})
}

func (b Binary) copy(to string) error {
	from, err := b.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err == nil {
		_, err = io.Copy(file, from)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: cannot be copied: %w", b.Name, reason(err))
	}
	return nil
}

// Names lists an image's binaries, for messages.
func (i Image) Names() string {
	var names []string
	for _, b := range i.Binaries {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// reason returns an error of a file system without the path, which the message
// names already.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
