// Package images builds the sysext images of a cluster's machines.
package images

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out/outside/digest"
	"hagen/out/outside/sysext"
	"hagen/out/tree"
	"hagen/profiles"
)

// Options are the options of hagen sysext build.
type Options struct{ File, From, Output, Format, For string }

// Build builds the images of a cluster.
func Build(ui *console.UI, asked Options) error {
	c, err := clusterfile.Read(ui, asked.File)
	if err != nil {
		return err
	}
	target, err := targetOf(asked.For)
	if err != nil {
		return err
	}
	for flag, dir := range map[string]string{"--from": asked.From, "-o": asked.Output} {
		if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return exit.Usage("%s %s: there is no such directory", flag, dir)
		}
	}
	images, err := imagesOf(ui, c, asked.From, target, asked.Format)
	if err != nil {
		return err
	}
	for _, i := range images {
		if err := i.Check(); err != nil {
			return exit.Failed("%w\nNothing was written.", err)
		}
	}
	for _, i := range images {
		if err := writeImage(ui, i, filepath.Join(asked.Output, i.file)); err != nil {
			return err
		}
	}
	return nil
}

// targetOf reads the value of --for.
func targetOf(text string) (sysext.Target, error) {
	id, version, _ := strings.Cut(text, ":")
	plain := func(s string) bool {
		return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
	}
	switch {
	case id == "" || !plain(id) || !plain(version):
		return sysext.Target{}, exit.Usage("--for %s: write ID or ID:VERSION_ID as /etc/os-release has them, for example fedora:43", text)
	case id == sysext.Any && version != "":
		return sysext.Target{}, exit.Usage("--for %s: an image for any system has no version; write --for %s", text, sysext.Any)
	case id != sysext.Any && version == "":
		return sysext.Target{}, exit.Usage("--for %s: systemd-sysext needs the version, too; write for example --for %[1]s:43", text)
	}
	return sysext.Target{ID: id, Version: version}, nil
}

// image is an image to build, with its file's name.
type image struct {
	sysext.Image
	file string
}

// imagesOf finds the binaries of every image that a machine of the cluster
// gets.
func imagesOf(ui *console.UI, c *cluster.Cluster, dir string, target sysext.Target, format string) ([]image, error) {
	var images []image
	var faults []error
	for _, row := range profiles.Artefacts() {
		if row.Delivery != profiles.Sysext {
			continue
		}
		var hosts []cluster.Host
		var artefact cluster.Artefact
		for _, h := range c.Hosts() {
			for _, a := range c.Artefacts(h) {
				if a.Name == row.Name {
					hosts, artefact = append(hosts, h), a
				}
			}
		}
		if len(hosts) == 0 {
			continue
		}
		i := image{file: path.Base(artefact.Path), Image: sysext.Image{Name: row.Name, Arch: profiles.SystemdArch(artefact.Arch), For: target, Format: format}}
		i.Labels = slices.ContainsFunc(hosts, func(h cluster.Host) bool { return h.OS.SELinux })
		if format == "" && i.Labels {
			i.Format = sysext.Erofs
		} else if format == "" {
			i.Format = sysext.Squashfs
		}
		var err error
		i.Binaries, err = binariesOf(ui, c, dir, row)
		images, faults = append(images, i), append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, exit.Failed("%w\nNothing was written.", err)
	}
	if len(images) == 0 {
		return nil, exit.Usage("no machine of the cluster gets its binaries in an image; set binaries: {mode: %s}", profiles.Sysext)
	}
	return images, nil
}

// binariesOf finds the binaries of an image, each as a file or in upstream's
// archive. A binary that no unit runs may be missing.
func binariesOf(ui *console.UI, c *cluster.Cluster, dir string, row profiles.Artefact) ([]sysext.Binary, error) {
	var out []sysext.Binary
	var faults []error
	for _, name := range row.Binaries {
		published, place := digest.File{Name: name, Path: name}, digest.File{}
		if a, from := profiles.ArtefactOf(name, profiles.URLs); from {
			place = digest.File{Name: name, Path: c.Upstream(a)}
			if !profiles.IsArchive(place.Path) {
				published, place = place, digest.File{}
			}
		}
		found, problems := digest.Find(dir, []digest.File{published})
		if found[0] != "" {
			out = append(out, sysext.File(name, filepath.Join(dir, found[0])))
			continue
		}
		if archives, _ := digest.Find(dir, []digest.File{place}); place.Path != "" && archives[0] != "" {
			archive := filepath.Join(dir, archives[0])
			holds, err := sysext.Holds(archive, name)
			if holds {
				out = append(out, sysext.Archived(name, archive))
				continue
			}
			problems[0] = errors.Join(problems[0], err)
		}
		if slices.Contains(row.Spare, name) && !needed(c, name) {
			ui.Say("%s: left out: %s has none", name, dir)
			continue
		}
		faults = append(faults, fmt.Errorf("%w in %s", problems[0], dir))
	}
	return out, errors.Join(faults...)
}

// needed reports whether this cluster runs a binary that not every cluster
// runs.
func needed(c *cluster.Cluster, name string) bool {
	return name == profiles.Keepalived && len(c.Balancing.VirtualIPs) > 0 || control.Runs(c, name)
}

// writeImage builds an image beside its place, and renames it.
func writeImage(ui *console.UI, i image, place string) error {
	dir, err := os.MkdirTemp(filepath.Dir(place), ".hagen-image-")
	if err != nil {
		return exit.Failed("%s: cannot be written: %w", place, exit.Reason(err))
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, i.file)
	if err := sysext.Make(i.Image, made); err != nil {
		return exit.Failed("%w\nNothing was written.", err)
	}
	sum, size, err := sumOf(made)
	if err != nil {
		return exit.Failed("%s: cannot be read: %w", made, exit.Reason(err))
	}
	if old, _, err := sumOf(place); err == nil && bytes.Equal(old, sum) {
		ui.Say("%s is this image already", place)
		return nil
	}
	if err := errors.Join(os.Chmod(made, 0o644), os.Rename(made, place)); err != nil {
		return exit.Failed("%s: cannot be written: %w", place, exit.Reason(err))
	}
	ui.Say("wrote %s: %s bytes with %s", place, console.Count(size), i.Names())
	return nil
}

func sumOf(name string) (sum []byte, size int, err error) {
	file, err := tree.OpenRegular(name)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	hash := sha512.New()
	n, err := io.Copy(hash, file)
	return hash.Sum(nil), int(n), err
}
