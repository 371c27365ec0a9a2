package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/spec"
)

// lockPath is the lock file of a cluster file: cluster.lock of cluster.yaml.
func lockPath(file string) string {
	if ext := filepath.Ext(file); ext == ".yaml" || ext == ".yml" {
		file = strings.TrimSuffix(file, ext)
	}
	return file + ".lock"
}

// withFile is the flag that names a cluster file of another name than the
// usual one.
func withFile(path string) string {
	if path == defaultFile {
		return ""
	}
	return " -f " + path
}

// place is where a cluster file is, and its PKI.
type place struct {
	File  string
	Named bool   // it was named, if only by its usual name
	PKI   string // as it was named; "" is beside the cluster file
}

// Dir is where certificates and keys are kept.
func (p place) Dir() string {
	if p.PKI != "" {
		return p.PKI
	}
	return filepath.Join(filepath.Dir(p.File), "pki")
}

// Flags name the cluster file and the PKI in a command that is to be typed.
func (p place) Flags() string {
	flags := withFile(p.File)
	if p.PKI != "" {
		flags += " --pki " + p.PKI
	}
	return flags
}

// lockFile is the lock file beside a cluster file, as it is.
type lockFile struct {
	path      string
	text      []byte // nil if there is none
	keys      []cluster.LockedKey
	artefacts []cluster.Locked
}

// readLock reads the lock file beside a cluster file, if there is one. What it
// says of artefacts is held against the cluster where it is needed (gen.ReadLock).
func readLock(file string) (lockFile, error) {
	lock := lockFile{path: lockPath(file)}
	text, err := readText(lock.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return lock, nil
	case err != nil:
		return lock, exit.Failed("%s: cannot be opened: %w", lock.path, exit.Reason(err))
	}
	source := spec.Source{Name: lock.path, Text: text}
	read, err := spec.ParseLock(source)
	if err != nil {
		return lock, exit.With(exit.CodeUsage, err)
	}
	keys, faults := cluster.LockedKeys(read)
	if err := spec.Refuse(source, faults); err != nil {
		return lock, exit.With(exit.CodeUsage, err)
	}
	lock.text, lock.keys, lock.artefacts = text, keys, cluster.LockedArtefacts(read)
	return lock, nil
}

// readLocked is readCluster with the digests of the lock file, if the cluster
// needs any.
func readLocked(ui *console.UI, path string) (*cluster.Cluster, error) {
	c, err := readCluster(ui, path)
	if err != nil || len(c.Fetched()) == 0 {
		return c, err
	}
	lock, err := readLock(path)
	switch {
	case err != nil:
		return nil, err
	case lock.text == nil:
		return nil, exit.Usage("%s: there is no lock file %s with the digests of what machines fetch; run hagen lock%s", path, lock.path, withFile(path))
	}
	if c, err = gen.ReadLock(c, spec.Source{Name: lock.path, Text: lock.text}); err != nil {
		return nil, exit.With(exit.CodeUsage, err)
	}
	return c, nil
}

// stage makes ready to write it.
func (l lockFile) stage() (*stagedFile, error) { return stageFile(l.path, l.text, 0o644) }
