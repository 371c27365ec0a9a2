package site

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Parts are what hosts are made of, all made before: see e2e/prepare.
type Parts struct {
	Base      string // root directory of the operating system's image
	CloudBase string // the same of Debian with cloud-init
	Binaries  string // directory of etcd, kube-*, kubectl, ignition
	Masters   string // directory of the binaries that masters get: Binaries, or those of the release before
	Hagen     string // the program under test
	HagenThen string // the same, at the time that HAGEN_TEST_NOW says
	Work      string // directory of this run
}

// PartsOfEnvironment are those that e2e/run announces.
func PartsOfEnvironment() Parts {
	return Parts{
		Base: os.Getenv("E2E_BASE"), CloudBase: os.Getenv("E2E_CLOUD_BASE"),
		Binaries: os.Getenv("E2E_BINARIES"), Masters: os.Getenv("E2E_BINARIES"),
		Hagen: os.Getenv("E2E_HAGEN"), HagenThen: os.Getenv("E2E_HAGEN_THEN"), Work: os.Getenv("E2E_WORK"),
	}
}

// onMasters are the binaries of a master, at the place that hagen's row of
// the operating system names.
var onMasters = []string{"etcd", "etcdctl", "etcdutl", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// Install makes the host's root directory: the image, the binaries, and what
// Ignition makes of the document. This is all that is ever done to a host.
func (h *Host) Install(p Parts, document string) error {
	if err := h.lay(p.Base, func(root string) error { return h.binaries(p, root, "usr/bin") }); err != nil {
		return err
	}
	if h.Bare {
		for _, name := range []string{"haproxy", "keepalived"} { // the image's own
			if err := os.Remove(filepath.Join(h.Root, "usr/sbin", name)); err != nil {
				return err
			}
		}
	}
	if h.Kept == "" {
		return h.ignite(p, document)
	}
	// Ignition mounts disks before it writes anything.
	if err := all("mkdir -p "+h.Root+etcdData+" "+h.Kept, "mount --bind "+h.Kept+" "+h.Root+etcdData); err != nil {
		return err
	}
	return errors.Join(h.ignite(p, document), all("umount "+h.Root+etcdData))
}

// lay makes the host's root directory from an image, with what else put adds
// to it.
func (h *Host) lay(base string, put func(root string) error) error {
	if err := h.remove(); err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(h.Root, 0o755), os.MkdirAll(h.Root+upper, 0o755), os.Mkdir(h.Root+workdir, 0o755)); err != nil {
		return err
	}
	if err := put(h.Root + upper); err != nil {
		return err
	}
	if err := all(fmt.Sprintf("mount -t overlay overlay -o lowerdir=%s,upperdir=%s,workdir=%s %s", base, h.Root+upper, h.Root+workdir, h.Root)); err != nil {
		// There can be none upon a container's own overlay.
		err := errors.Join(os.RemoveAll(h.Root+upper), os.RemoveAll(h.Root+workdir), all("cp -a "+base+"/. "+h.Root), put(h.Root))
		if err != nil {
			return err
		}
	}
	return nil
}

// A host's disk is the image, which stays as it is, under a layer that holds
// what the host writes: a copy of the image would take longer than a boot.
const (
	upper   = ".own"
	workdir = ".work" // overlayfs' own
)

// remove takes a host's disk away.
func (h *Host) remove() error {
	if _, err := os.Stat(h.Root + upper); err == nil {
		if err := all("umount " + h.Root); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(h.Root), os.RemoveAll(h.Root+upper), os.RemoveAll(h.Root+workdir))
}

// binaries puts a master's binaries into a directory below a root directory.
func (h *Host) binaries(p Parts, root, dir string) error {
	if !h.Master || h.Bare {
		return nil
	}
	return p.addBinaries(root, dir)
}

// AddBinaries puts a master's binaries into /usr/bin of a root directory.
func (p Parts) AddBinaries(root string) error { return p.addBinaries(root, "usr/bin") }

// AddLocalBinaries puts them into its /usr/local/bin.
func (p Parts) AddLocalBinaries(root string) error { return p.addBinaries(root, "usr/local/bin") }

func (p Parts) addBinaries(root, dir string) error {
	if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
		return err
	}
	for _, name := range onMasters {
		if err := os.Link(filepath.Join(p.Masters, name), filepath.Join(root, dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// ignite runs Ignition with a document that is in a file.
func (h *Host) ignite(p Parts, document string) error {
	return h.stages(p, "file", "IGNITION_CONFIG_FILE="+document)
}

// stages runs the stages of Ignition that fill a root directory, as on a platform.
func (h *Host) stages(p Parts, platform string, environment ...string) error {
	dir, err := os.MkdirTemp(p.Work, "ignition-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, stage := range []string{"fetch", "files"} {
		_, err := Run("env", append(slices.Clone(environment), filepath.Join(p.Binaries, "ignition"),
			"--platform="+platform, "--stage="+stage, "--root="+h.Root, "--log-to-stdout",
			"--config-cache="+filepath.Join(dir, "config"), "--neednet="+filepath.Join(dir, "neednet"),
			"--state-file="+filepath.Join(dir, "state"))...)
		if err != nil {
			return fmt.Errorf("%s: Ignition's stage %s: %w", h.Name, stage, err)
		}
	}
	return nil
}
