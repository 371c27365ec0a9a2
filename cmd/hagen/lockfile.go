package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/spec"
	"hagen/out/tree"
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
	text, err := os.ReadFile(lock.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return lock, nil
	case err != nil:
		return lock, failed("%s: cannot be opened: %w", lock.path, reason(err))
	}
	source := spec.Source{Name: lock.path, Text: text}
	read, err := spec.ParseLock(source)
	if err != nil {
		return lock, &failure{exitUsage, err}
	}
	keys, faults := cluster.LockedKeys(read)
	if err := spec.Refuse(source, faults); err != nil {
		return lock, &failure{exitUsage, err}
	}
	lock.text, lock.keys, lock.artefacts = text, keys, cluster.LockedArtefacts(read)
	return lock, nil
}

// readLocked is readCluster with the digests of the lock file, if the cluster
// needs any.
func readLocked(ui *ui, path string) (*cluster.Cluster, error) {
	c, err := readCluster(ui, path)
	if err != nil || len(c.Fetched()) == 0 {
		return c, err
	}
	lock, err := readLock(path)
	switch {
	case err != nil:
		return nil, err
	case lock.text == nil:
		return nil, usage("%s: there is no lock file %s with the digests of what machines fetch; run hagen lock%s", path, lock.path, withFile(path))
	}
	if err := gen.ReadLock(c, spec.Source{Name: lock.path, Text: lock.text}); err != nil {
		return nil, &failure{exitUsage, err}
	}
	return c, nil
}

// stagedLock is the next lock file: a file beside it that can be written to.
type stagedLock struct {
	lockFile
	place string // where it is, free of links
	file  *os.File
}

// stage makes a file beside the lock file, so that it is known before anything
// else is written that this one can be.
func (l lockFile) stage() (*stagedLock, error) {
	refused := func(err error) error {
		return failed("%s: cannot be written: %w; nothing was written", l.path, reason(err))
	}
	if info, err := os.Stat(l.path); err == nil && !info.Mode().IsRegular() {
		return nil, refused(errors.New("it is no regular file"))
	}
	real, err := tree.Resolve(l.path) // a link stays one
	if err != nil {
		return nil, refused(err)
	}
	prefix := "." + filepath.Base(real) + "-"
	sweep(filepath.Dir(real), prefix)
	file, err := os.CreateTemp(filepath.Dir(real), prefix+"*")
	if err != nil {
		return nil, refused(err)
	}
	// Until it is closed nobody takes it for what a killed run left.
	if err := errors.Join(unix.Flock(int(file.Fd()), unix.LOCK_EX), file.Chmod(0o644)); err != nil {
		discard(file)
		return nil, refused(err)
	}
	return &stagedLock{l, real, file}, nil
}

// sweep removes the files that killed runs left in a directory.
func sweep(dir, prefix string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.Remove(path) // what stays is in nobody's way
		}
		file.Close()
	}
}

// fill writes what is to be in the lock file, to the disk; put is what is left
// to do then.
func (s *stagedLock) fill(text []byte) error {
	_, err := s.file.Write(text)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		s.discard()
		return failed("%s: cannot be written: %w; nothing was written", s.path, reason(err))
	}
	return nil
}

// put exchanges the lock file, which is the one that was read.
func (s *stagedLock) put() error {
	defer s.discard()
	now, err := os.ReadFile(s.path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return failed("%s: cannot be read: %w", s.path, reason(err))
	case !bytes.Equal(now, s.text):
		return failed("%s changed while hagen was working: run again", s.path)
	}
	if err := os.Rename(s.file.Name(), s.place); err != nil {
		return failed("%s: cannot be written: %w", s.path, reason(err))
	}
	return nil
}

// write is fill and put.
func (s *stagedLock) write(text []byte) error {
	if err := s.fill(text); err != nil {
		return err
	}
	return s.put()
}

// discard gives up what was staged. After put it does nothing.
func (s *stagedLock) discard() {
	discard(s.file)
	s.file.Close()
}
