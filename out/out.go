//go:build unix

// Package out writes what hagen rendered: a tree with a manifest, by which a
// later run tells its own files from everybody else's.
package out

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"hagen/gen/document"
	"hagen/out/tree"
)

// Scope says of a path that an earlier run recorded whether this run is about
// it. A run for one host leaves alone what is recorded for the others. A nil
// Scope is about everything.
type Scope func(path string) bool

// Result is what Write did. Its paths are relative to the tree and sorted; the
// manifest and .gitignore are not among them.
type Result struct {
	Changed bool     // the tree on disk is another than before
	Written []string // new, or with another content or mode than before
	Kept    []string // of the files given, those that were there already
	Removed []string // recorded by an earlier run and not rendered any more
	Notes   []string // what a user should hear about, a sentence each
}

// Prepared is a tree that is ready to be put in place.
type Prepared struct {
	result Result
	staged *tree.Staged
}

// Prepare makes ready that the tree in dir holds files, and not any more what
// an earlier run recorded, scope is about, and is not among them. Files that
// hagen did not write stay, and so does one that is to be removed but was
// changed by hand; a note says so. The tree is as it was until Commit.
//
// The error names every file that is in the way, or says why the next tree
// cannot be written.
func Prepare(dir *tree.Dir, files []tree.File, scope Scope) (*Prepared, error) {
	if err := refuseSigned(dir, files, TwinsName, twinsSign, "holds twins without secrets, for a repository: name another directory for documents with private keys"); err != nil {
		return nil, err
	}
	recorded, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	c := comparison{dir: dir, recorded: recorded, next: manifest{}}
	for _, f := range files {
		c.faults = append(c.faults, c.write(f))
	}
	for _, path := range slices.Sorted(maps.Keys(recorded)) {
		if _, rendered := c.next[path]; rendered {
			continue
		}
		if scope != nil && !scope(path) {
			c.next[path] = recorded[path]
			continue
		}
		c.faults = append(c.faults, c.remove(path))
	}
	own, err := c.ownFiles()
	if err := errors.Join(append(c.faults, err)...); err != nil {
		return nil, err
	}
	staged, err := dir.Stage(slices.Concat(files, own), c.Removed)
	if err == nil && len(recorded) == 0 {
		err = refuseForeign(dir, files)
	}
	if err != nil {
		return nil, errors.Join(err, discard(staged))
	}
	slices.Sort(c.Written)
	slices.Sort(c.Kept)
	return &Prepared{c.Result, staged}, nil
}

// refuseForeign refuses a directory that hagen has never written to and that
// holds something else than what hagen would write: it would be exchanged
// whole, and it may be anybody's. What keeps an empty directory in a repository
// does not count, and hagen's sign says that it did write there (PrepareKey).
func refuseForeign(dir *tree.Dir, files []tree.File) error {
	if text, err := readSmall(dir, ignoreName); err == nil && hasLine(text, ignoreSign) {
		return nil
	}
	entries, err := os.ReadDir(dir.Path())
	if err != nil {
		return fmt.Errorf("%s cannot be read: check its owner and permissions", dir.Show(""))
	}
	ours := map[string]bool{document.ManifestPath: true, TwinsName: true}
	for _, f := range files {
		top, _, _ := strings.Cut(f.Path, "/")
		ours[top] = true
	}
	for _, e := range entries {
		if !ours[e.Name()] && !strings.HasPrefix(e.Name(), ".git") {
			return fmt.Errorf("%s holds %s, which hagen did not write, and nothing that it did: name a new or an empty directory", dir.Show(""), e.Name())
		}
	}
	return nil
}

func discard(staged *tree.Staged) error {
	if staged == nil {
		return nil
	}
	return staged.Discard()
}

// Discard gives up what was prepared. After Commit it does nothing.
func (p *Prepared) Discard() error { return p.staged.Discard() }

// Commit puts the tree in place; if nothing is to be done, nothing on disk is
// touched. On an error with Changed false the tree is as it was; with Changed
// true it is the new one.
func (p *Prepared) Commit() (Result, error) {
	var err error
	p.result.Changed, err = p.staged.Commit()
	if err != nil && !p.result.Changed {
		return Result{}, err
	}
	return p.result, err
}

// comparison is of what is to be written with what is recorded and on disk.
type comparison struct {
	Result
	dir      *tree.Dir
	recorded manifest
	next     manifest // what will be recorded
	faults   []error
}

// write compares a file with the one in its place.
func (c *comparison) write(f tree.File) error {
	if err := checkPath(f.Path); err != nil {
		return err
	}
	want := sha256.Sum256(f.Data)
	c.next[f.Path] = want
	now, mode, err := sum(c.dir, f.Path)
	before, isRecorded := c.recorded[f.Path]
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, tree.ErrNotFile):
		// What is not a file may be on its way out; if not, Replace says so.
	case err != nil:
		return err
	case now == want && mode == f.Mode:
		c.Kept = append(c.Kept, f.Path)
		return nil
	case now == want:
	case !isRecorded:
		return fmt.Errorf("%s exists and hagen did not write it: move it away", c.dir.Show(f.Path))
	case now != before:
		c.note("%s was changed by hand: replaced", f.Path)
	}
	c.Written = append(c.Written, f.Path)
	return nil
}

// remove finds out whether a file that is not rendered any more may go.
func (c *comparison) remove(path string) error {
	now, _, err := sum(c.dir, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, tree.ErrNotFile):
		c.note("%s is no longer rendered, and something else is in its place: kept", path)
	case err != nil:
		return err
	case now != c.recorded[path]:
		c.note("%s is no longer rendered but was changed by hand: kept", path)
	default:
		c.Removed = append(c.Removed, path)
	}
	return nil
}

// ownFiles returns the manifest and, if there is none yet, .gitignore. One
// that is there is hagen's, since readManifest let it pass, but people may
// have added to it.
func (c *comparison) ownFiles() ([]tree.File, error) {
	files := []tree.File{{Path: document.ManifestPath, Mode: 0o600, Data: c.next.text()}}
	text, err := readSmall(c.dir, ignoreName)
	if errors.Is(err, fs.ErrNotExist) {
		return append(files, tree.File{Path: ignoreName, Mode: 0o600, Data: []byte(ignoreText)}), nil
	}
	if err == nil && !hasLine(text, "*") {
		c.note("%s does not ignore everything any more: private keys could get into a repository", ignoreName)
	}
	return files, err
}

func (c *comparison) note(format string, path string) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, path))
}

// PrepareKey makes ready that the tree in dir holds one file with a key that no
// render makes. The file must not be there; whatever else is there stays, and a
// tree that is new gets its .gitignore.
func PrepareKey(dir *tree.Dir, file tree.File) (*Prepared, error) {
	if err := refuseSigned(dir, []tree.File{file}, TwinsName, twinsSign, "holds twins without secrets, for a repository: name another place for a key"); err != nil {
		return nil, err
	}
	if err := checkIgnore(dir); err != nil {
		return nil, err
	}
	if _, _, err := sum(dir, file.Path); err == nil || errors.Is(err, tree.ErrNotFile) {
		return nil, fmt.Errorf("%s: exists and is not overwritten", dir.Show(file.Path))
	}
	files := []tree.File{file}
	if _, err := readSmall(dir, ignoreName); errors.Is(err, fs.ErrNotExist) {
		files = append(files, tree.File{Path: ignoreName, Mode: 0o600, Data: []byte(ignoreText)})
	}
	staged, err := dir.Stage(files, nil)
	if err != nil {
		return nil, errors.Join(err, discard(staged))
	}
	return &Prepared{Result{Written: []string{file.Path}}, staged}, nil
}
