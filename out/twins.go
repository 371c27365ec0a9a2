//go:build unix

package out

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"hagen/out/tree"
)

// TwinsName is the file by which hagen recognises a directory of twins. It
// lists what hagen wrote there, so that a later run knows what to remove. It
// has no hashes: the repository protects the files, and a review should not
// show each change twice.
const TwinsName = ".hagen-twins"

// twinsSign is the first line of that file. Directories in repositories have
// it: it must not be reworded.
const twinsSign = "# Written by hagen: twins of documents, without secrets. hagen golden --update writes them anew."

// ErrNoTwins is the error of Differences for a directory without twins.
var ErrNoTwins = errors.New("holds no twins that hagen wrote")

// PrepareTwins stages a directory that holds twins, and no longer those in
// scope that an earlier run recorded and that are not among them. It is for a
// repository: everybody may read the files, there is no .gitignore, and a file
// that was changed by hand is replaced without a note. It refuses a directory
// of documents with keys. Otherwise it works like Prepare.
func PrepareTwins(dir *tree.Dir, files []tree.File, scope Scope) (*Prepared, error) {
	if err := refuseSigned(dir, files, ignoreName, ignoreSign, "holds documents with private keys: name another directory for twins"); err != nil {
		return nil, err
	}
	recorded, err := readTwins(dir)
	if err != nil {
		return nil, err
	}
	written := len(recorded) > 0
	c := comparison{dir: dir, recorded: manifest{}, next: manifest{}}
	files = slices.Clone(files)
	for i, f := range files {
		if !slices.Contains(recorded, f.Path) {
			recorded = append(recorded, f.Path)
		} else if now, _, err := sum(dir, f.Path); err == nil {
			c.recorded[f.Path] = now // whatever its content: it may be replaced
		}
		files[i].Mode = sharedMode(dir, f.Path)
		c.faults = append(c.faults, c.write(files[i]))
	}
	var listed []string
	for _, path := range recorded {
		if _, made := c.next[path]; made || scope != nil && !scope(path) {
			listed = append(listed, path)
		} else if _, _, err := sum(dir, path); err == nil {
			c.Removed = append(c.Removed, path)
		}
	}
	if err := errors.Join(c.faults...); err != nil {
		return nil, err
	}
	own := tree.File{Path: TwinsName, Mode: sharedMode(dir, TwinsName), Data: twinsText(listed)}
	staged, err := dir.StageShared(append(files, own), c.Removed)
	if err == nil && !written {
		err = refuseForeign(dir, files)
	}
	if err != nil {
		return nil, errors.Join(err, discard(staged))
	}
	slices.Sort(c.Written)
	slices.Sort(c.Kept)
	slices.Sort(c.Removed)
	return &Prepared{c.Result, staged}, nil
}

// WriteTwins is PrepareTwins and Commit.
func WriteTwins(dir *tree.Dir, files []tree.File, scope Scope) (Result, error) {
	p, err := PrepareTwins(dir, files, scope)
	if err != nil {
		return Result{}, err
	}
	return p.Commit()
}

// sharedMode returns the mode of a file in a repository: 0644, or the one that
// it has, which depends on who clones it.
func sharedMode(dir *tree.Dir, path string) fs.FileMode {
	f, err := dir.OpenFile(path)
	if err != nil {
		return 0o644
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Mode()&^fs.ModePerm != 0 || info.Mode()&0o400 == 0 {
		return 0o644
	}
	return info.Mode().Perm()
}

// refuseSigned refuses a directory if it, or one below it that gets files, has
// a file of that name with that line.
func refuseSigned(dir *tree.Dir, files []tree.File, name, sign, why string) error {
	places := map[string]bool{name: true}
	for _, f := range files {
		for p := path.Dir(f.Path); p != "."; p = path.Dir(p) {
			places[path.Join(p, name)] = true
		}
	}
	for _, place := range slices.Sorted(maps.Keys(places)) {
		if text, err := readSmall(dir, place); err == nil && hasLine(text, sign) {
			return fmt.Errorf("%s %s", dir.Show(path.Dir(place)), why)
		}
	}
	return nil
}

// twinsText returns the contents of the file TwinsName.
func twinsText(paths []string) []byte {
	slices.Sort(paths)
	return []byte(twinsSign + "\n" + strings.Join(paths, "\n") + "\n")
}

// readTwins lists the twins that an earlier run wrote.
func readTwins(dir *tree.Dir) ([]string, error) {
	text, err := readSmall(dir, TwinsName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseTwins(dir.Show(TwinsName), text)
}

func parseTwins(name string, text []byte) ([]string, error) {
	head, rest, _ := strings.Cut(string(text), "\n")
	if head != twinsSign {
		return nil, fmt.Errorf("%s is not as hagen wrote it: restore it, or move its directory away", name)
	}
	var paths []string
	for line := range strings.SplitSeq(strings.TrimSuffix(rest, "\n"), "\n") {
		if line == "" {
			continue
		}
		if err := checkPath(line); err != nil {
			return nil, fmt.Errorf("%s: %w: restore it, or move its directory away", name, err)
		}
		paths = append(paths, line)
	}
	slices.Sort(paths) // a merge may have duplicated one
	return slices.Compact(paths), nil
}

// Difference is a file that differs from what it should be.
type Difference struct {
	Path       string
	Have, Want []byte // nil for none
}

// Differences compares a directory with the twins that it should hold, and
// returns the differences sorted by path. It ignores files that hagen did not
// write. The error is ErrNoTwins if the directory holds no twins of hagen's.
func Differences(dir fs.FS, files []tree.File) ([]Difference, error) {
	text, err := readBounded(dir, TwinsName)
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, ErrNoTwins
	}
	recorded, err := parseTwins(TwinsName, text)
	if err != nil {
		return nil, err
	}
	want := map[string][]byte{}
	for _, f := range files {
		want[f.Path] = f.Data
	}
	want[TwinsName] = twinsText(slices.Collect(maps.Keys(want)))
	for _, path := range recorded {
		if _, made := want[path]; !made {
			want[path] = nil
		}
	}
	var found []Difference
	var faults []error
	for _, path := range slices.Sorted(maps.Keys(want)) {
		have, err := readBounded(dir, path)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if !bytes.Equal(have, want[path]) || (have == nil) != (want[path] == nil) {
			found = append(found, Difference{path, have, want[path]})
		}
	}
	return found, errors.Join(faults...)
}

// notOpened says that a file cannot be opened.
func notOpened(path string, err error) error {
	if wrapped, ok := errors.AsType[*fs.PathError](err); ok {
		err = wrapped.Err
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s cannot be opened: %w: check its owner and permissions", path, err)
	}
	return fmt.Errorf("%s cannot be opened: %w", path, err)
}

// maxTwin is the largest twin that is read, in bytes: some fifty times a
// master's.
const maxTwin = 4 << 20

// readBounded reads a file; nil if there is none.
func readBounded(dir fs.FS, path string) ([]byte, error) {
	f, err := dir.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, notOpened(path, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: move it away", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxTwin+1))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	if len(text) > maxTwin {
		return nil, fmt.Errorf("%s is larger than %d MiB, so it is not a twin", path, maxTwin>>20)
	}
	if text == nil {
		text = []byte{}
	}
	return text, nil
}

// Holds reports what a directory was written for, according to hagen's signs in
// it: documents with keys, or twins.
func Holds(dir fs.FS) (documents, twins bool) {
	ignore, _ := readBounded(dir, ignoreName)
	list, _ := readBounded(dir, TwinsName)
	return hasLine(ignore, ignoreSign), hasLine(list, twinsSign)
}
