package site

import (
	"fmt"
	"os"
	"path/filepath"
)

// Parts are what hosts are made of, all made before: see e2e/prepare.
type Parts struct {
	Base     string // root directory of the operating system's image
	Binaries string // directory of etcd, kube-*, kubectl, ignition
	Hagen    string // the program under test
	Work     string // directory of this run
}

// PartsOfEnvironment are those that e2e/run announces.
func PartsOfEnvironment() Parts {
	return Parts{
		Base: os.Getenv("E2E_BASE"), Binaries: os.Getenv("E2E_BINARIES"),
		Hagen: os.Getenv("E2E_HAGEN"), Work: os.Getenv("E2E_WORK"),
	}
}

// onMasters are the binaries of a master, at the place that hagen's row of
// the operating system names.
var onMasters = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// Install makes the host's root directory: the image, the binaries, and what
// Ignition makes of the document. This is all that is ever done to a host.
func (h *Host) Install(p Parts, document string, master bool) error {
	if err := os.RemoveAll(h.Root); err != nil {
		return err
	}
	if _, err := Run("cp", "-a", "--reflink=auto", p.Base, h.Root); err != nil {
		return err
	}
	if master {
		if err := p.AddBinaries(h.Root); err != nil {
			return err
		}
	}
	return h.ignite(p, document)
}

// AddBinaries puts a master's binaries into a root directory.
func (p Parts) AddBinaries(root string) error {
	for _, name := range onMasters {
		if err := os.Link(filepath.Join(p.Binaries, name), filepath.Join(root, "usr/bin", name)); err != nil {
			return err
		}
	}
	return nil
}

// ignite runs the stages of Ignition that fill a root directory.
func (h *Host) ignite(p Parts, document string) error {
	dir, err := os.MkdirTemp(p.Work, "ignition-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, stage := range []string{"fetch", "files"} {
		_, err := Run("env", "IGNITION_CONFIG_FILE="+document, filepath.Join(p.Binaries, "ignition"),
			"--platform=file", "--stage="+stage, "--root="+h.Root, "--log-to-stdout",
			"--config-cache="+filepath.Join(dir, "config"), "--neednet="+filepath.Join(dir, "neednet"),
			"--state-file="+filepath.Join(dir, "state"))
		if err != nil {
			return fmt.Errorf("%s: Ignition's stage %s: %w", h.Name, stage, err)
		}
	}
	return nil
}
