package clusterfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/spec"
)

// LockPath returns the path of a cluster file's lock file: cluster.lock for
// cluster.yaml.
func LockPath(file string) string {
	if ext := filepath.Ext(file); ext == ".yaml" || ext == ".yml" {
		file = strings.TrimSuffix(file, ext)
	}
	return file + ".lock"
}

// Place says where a cluster file is, and its PKI.
type Place struct {
	File  string
	Named bool   // by a flag, even if with the default name
	PKI   string // as the flag says; "" is beside the cluster file
}

// Dir returns the directory of certificates and keys.
func (p Place) Dir() string {
	if p.PKI != "" {
		return p.PKI
	}
	return filepath.Join(filepath.Dir(p.File), "pki")
}

// Lock is the lock file beside a cluster file, as read.
type Lock struct {
	Path string
	Text []byte // nil if there is none
	cluster.LockContents
}

// ReadLock reads the lock file beside a cluster file, if there is one. Its
// artefacts are compared with the cluster where that is needed (gen.ReadLock).
func ReadLock(file string) (Lock, error) {
	lock := Lock{Path: LockPath(file)}
	text, err := files.Read(lock.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return lock, nil
	case err != nil:
		return lock, exit.Failed("%s: cannot be opened: %w", lock.Path, exit.Reason(err))
	}
	contents, err := ParseLock(spec.Source{Name: lock.Path, Text: text})
	if err != nil {
		return lock, exit.With(exit.CodeUsage, err)
	}
	lock.Text, lock.LockContents = text, contents
	return lock, nil
}

// ParseLock reads a lock file. The error is a *spec.Error.
func ParseLock(source spec.Source) (cluster.LockContents, error) {
	read, err := spec.ParseLock(source)
	if err != nil {
		return cluster.LockContents{}, err
	}
	contents, faults := cluster.ReadLock(read)
	return contents, spec.Refuse(source, faults)
}

// ReadLocked is Read with the digests of the lock file, if the cluster needs
// any.
func ReadLocked(ui *console.UI, path string) (*cluster.Cluster, error) {
	c, err := Read(ui, path)
	if err != nil || len(c.Fetched()) == 0 {
		return c, err
	}
	lock, err := ReadLock(path)
	switch {
	case err != nil:
		return nil, err
	case lock.Text == nil:
		return nil, exit.Usage("%s: there is no lock file %s with the digests of what machines fetch; run %s", path, lock.Path, Of(path).Command("lock"))
	}
	if c, err = gen.ReadLock(c, spec.Source{Name: lock.Path, Text: lock.Text}); err != nil {
		return nil, exit.With(exit.CodeUsage, err)
	}
	return c, nil
}

// ReadKnown is ReadLocked for a comparison, which needs no digest: others stand for those
// that the lock file does not have yet, and unknown says in a line whose these are.
func ReadKnown(ui *console.UI, path string) (c *cluster.Cluster, lock Lock, unknown string, err error) {
	if c, err = Read(ui, path); err != nil {
		return nil, lock, "", err
	}
	if lock, err = ReadLock(path); err == nil {
		c, unknown, err = Known(c, lock.source(), Of(path).Command("lock"))
	}
	return c, lock, unknown, err
}

func (l Lock) source() spec.Source { return spec.Source{Name: l.Path, Text: l.Text} }

// Known gives the cluster the digests of a lock file, as ReadKnown does. A source without
// text is no lock file; the command is what finds them.
func Known(c *cluster.Cluster, lock spec.Source, command string) (*cluster.Cluster, string, error) {
	if len(c.Fetched()) == 0 {
		return c, "", nil
	}
	c, unknown, err := gen.ReadLockKnown(c, lock)
	if err != nil {
		return nil, "", exit.With(exit.CodeUsage, err)
	}
	if len(unknown) == 0 {
		return c, "", nil
	}
	var names []string
	for _, a := range unknown {
		names = append(names, strings.TrimSpace(a.Name+" "+a.Version))
	}
	return c, fmt.Sprintf("%s does not have the digests of %s yet, so zeros stand for them: %s finds them", lock.Name, strings.Join(names, ", "), command), nil
}

// Stage prepares a write of the lock file.
func (l Lock) Stage() (*files.Staged, error) { return files.Stage(l.Path, l.Text, 0o644) }

// Update writes the lock file of a cluster with other contents, unless it has them, and says
// which it did; what counts them.
func (l Lock) Update(ui *console.UI, c *cluster.Cluster, contents cluster.LockContents, what string) error {
	text := cluster.LockText(c.Name, contents)
	if bytes.Equal(l.Text, text) {
		ui.Say("%s is up to date", l.Path)
		return nil
	}
	staged, err := l.Stage()
	if err == nil {
		err = staged.Write(text)
	}
	if err != nil {
		return err
	}
	ui.Say("wrote %s: %s", l.Path, what)
	return nil
}
