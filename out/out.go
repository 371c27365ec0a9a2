//go:build unix

// Package out writes what hagen rendered: a tree with a manifest, by which a
// later run recognises hagen's files.
package out

import (
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

// Scope reports whether this run writes or removes a path that an earlier run
// recorded. A run for one host leaves alone what is recorded for the others. A
// nil Scope includes everything.
type Scope func(path string) bool

// Result is what Write did. Its paths are relative to the tree and sorted; they
// leave out the manifest and .gitignore.
type Result struct {
	Changed bool     // the tree on disk changed
	Written []string // new, or with another content or mode than before
	Kept    []string // passed files that were there already
	Removed []string // recorded by an earlier run and no longer rendered
	Notes   []string // sentences for the user
}

// Prepared is a staged tree.
type Prepared struct {
	result Result
	staged *tree.Staged
}

// Prepare stages a tree that holds files, and no longer the files in scope that
// an earlier run recorded and that are not among them. Files that hagen did not
// write stay, and so does a file to be removed that was changed by hand; a note
// says so. The tree does not change before Commit.
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
	write := slices.DeleteFunc(slices.Clone(files), func(f tree.File) bool {
		return f.Fill != nil && slices.Contains(c.Kept, f.Path) // large: it was just compared, and stays
	})
	staged, err := dir.Stage(slices.Concat(write, own), c.Removed)
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

// refuseForeign refuses a directory that hagen never wrote to and that holds
// other files than hagen would write: it would be replaced as a whole, and may
// be anybody's. Files that keep an empty directory in a repository do not
// count, and hagen's sign shows that it did write there (PrepareKey).
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
			return fmt.Errorf("%s holds %s, which hagen did not write, and nothing that hagen wrote: name a new or an empty directory", dir.Show(""), e.Name())
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

// Discard removes what was staged. After Commit it does nothing.
func (p *Prepared) Discard() error { return p.staged.Discard() }

// Commit puts the tree in place; if there is nothing to do, it does not touch
// the disk. On an error with Changed false the tree is as it was; with Changed
// true it is the new one.
func (p *Prepared) Commit() (Result, error) {
	var err error
	p.result.Changed, err = p.staged.Commit()
	if err != nil && !p.result.Changed {
		return Result{}, err
	}
	return p.result, err
}

// comparison compares the files to write with those recorded and on disk.
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
	want := f.Hash()
	c.next[f.Path] = want
	now, mode, err := sum(c.dir, f.Path)
	before, isRecorded := c.recorded[f.Path]
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, tree.ErrNotFile):
		// Something else may be removed in this run; if not, Stage reports it.
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

// remove decides whether a file that is no longer rendered may be removed.
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

// ownFiles returns the manifest and, if there is none yet, .gitignore. An
// existing one is hagen's, since readManifest accepted it, but people may have
// changed it.
func (c *comparison) ownFiles() ([]tree.File, error) {
	files := []tree.File{{Path: document.ManifestPath, Mode: 0o600, Data: c.next.text()}}
	text, err := readSmall(c.dir, ignoreName)
	if errors.Is(err, fs.ErrNotExist) {
		return append(files, tree.File{Path: ignoreName, Mode: 0o600, Data: []byte(ignoreText)}), nil
	}
	if err == nil && !hasLine(text, "*") {
		c.note("%s no longer ignores everything: private keys could get into a repository", ignoreName)
	}
	return files, err
}

func (c *comparison) note(format string, path string) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, path))
}

// PrepareKey stages a tree with one more file, a key that no render makes. The
// file must not exist, unless replaces says that its text may be replaced;
// everything else stays, and a new tree gets its .gitignore.
func PrepareKey(dir *tree.Dir, file tree.File, replaces func([]byte) bool) (*Prepared, error) {
	if err := refuseSigned(dir, []tree.File{file}, TwinsName, twinsSign, "holds twins without secrets, for a repository: name another place for a key"); err != nil {
		return nil, err
	}
	if err := checkIgnore(dir); err != nil {
		return nil, err
	}
	if _, _, err := sum(dir, file.Path); err == nil || errors.Is(err, tree.ErrNotFile) {
		if text, err := readSmall(dir, file.Path); err != nil || !replaces(text) {
			return nil, fmt.Errorf("%s: exists and is not overwritten", dir.Show(file.Path))
		}
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
