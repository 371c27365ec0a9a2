//go:build unix

package out

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"hagen/gen/document"
	"hagen/out/tree"
)

const ignoreName = ".gitignore"

// maxManifest is the largest manifest that is read, in bytes: some hundred
// times that of a large cluster.
const maxManifest = 16 << 20

// maxFaults limits the errors about a file that is not a manifest at all.
const maxFaults = 20

// ignoreSign is the line of .gitignore by which hagen recognises its own tree.
// SHA256SUMS alone is not enough: many directories of downloads have one, and
// hagen may remove what a manifest lists. Trees on disk have this line: it must
// not be reworded.
const ignoreSign = "# Rendered by hagen, with private keys in it: not for a repository."

const ignoreText = ignoreSign + "\n*\n"

type hash = [sha256.Size]byte

// manifest holds the hash of each file that hagen wrote, by path.
type manifest map[string]hash

// text formats a manifest like sha256sum, sorted by path.
func (m manifest) text() []byte {
	var b bytes.Buffer
	for _, path := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%x  %s\n", m[path], path)
	}
	return b.Bytes()
}

// parseManifest reads a manifest back. It decides which files may be removed,
// so it guesses nothing and skips nothing; it reports one error for each wrong
// line, up to maxFaults. name is the file's name in errors.
func parseManifest(name string, text []byte) (manifest, error) {
	m := manifest{}
	var faults []error
	line := 0
	for len(text) > 0 && len(faults) < maxFaults {
		line++
		current, rest, ended := bytes.Cut(text, []byte("\n"))
		text = rest
		path, sum, err := parseLine(string(current))
		if err == nil && !ended {
			err = errors.New("the line is cut short")
		}
		if _, ok := m[path]; ok && err == nil {
			err = fmt.Errorf("%s is listed twice", path)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s:%d: %w", name, line, err))
			continue
		}
		m[path] = sum
	}
	if len(faults) > 0 {
		faults = append(faults, fmt.Errorf("%s lists what hagen may remove, but is not as hagen wrote it: restore it, or move its directory away and render again", name))
	}
	return m, errors.Join(faults...)
}

func parseLine(line string) (path string, sum hash, err error) {
	digits, path, ok := strings.Cut(line, "  ")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != len(sum) || digits != strings.ToLower(digits) {
		return "", sum, errors.New("expected 64 lower-case hexadecimal digits, two spaces and a path")
	}
	if err := checkPath(path); err != nil {
		return "", sum, err
	}
	return path, hash(raw), nil
}

// checkPath refuses a path that cannot be written or listed.
func checkPath(path string) error {
	if path == document.ManifestPath || path == ignoreName || path == TwinsName {
		return fmt.Errorf("%s is never listed: hagen writes it itself", path)
	}
	return tree.CheckPath(path)
}

// readManifest reads what an earlier run wrote to dir; the manifest is empty if
// there was none. It refuses a directory whose manifest is not hagen's.
func readManifest(dir *tree.Dir) (manifest, error) {
	text, err := readSmall(dir, document.ManifestPath)
	if errors.Is(err, fs.ErrNotExist) {
		return manifest{}, checkIgnore(dir)
	}
	if err != nil {
		return nil, err
	}
	if err := checkIgnore(dir); err != nil {
		return nil, err
	}
	if _, err := readSmall(dir, ignoreName); err != nil {
		return nil, fmt.Errorf("%s exists without hagen's %s beside it, so it may not be hagen's: name another directory; or, if hagen did render here, write this line to %s: %s",
			dir.Show(document.ManifestPath), ignoreName, dir.Show(ignoreName), ignoreSign)
	}
	return parseManifest(dir.Show(document.ManifestPath), text)
}

// checkIgnore refuses a .gitignore without hagen's sign. It may be missing.
func checkIgnore(dir *tree.Dir) error {
	text, err := readSmall(dir, ignoreName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !hasLine(text, ignoreSign) {
		err = fmt.Errorf("%s exists and hagen did not write it: move it away, or name another directory", dir.Show(ignoreName))
	}
	return err
}

func hasLine(text []byte, line string) bool {
	return slices.Contains(strings.Split(string(text), "\n"), line)
}

func readSmall(dir *tree.Dir, path string) ([]byte, error) {
	f, err := dir.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", dir.Show(path), err)
	}
	if len(text) > maxManifest {
		return nil, fmt.Errorf("%s is too large to be hagen's: move it away, or name another directory", dir.Show(path))
	}
	return text, nil
}

// sum returns the hash and the mode of a file in the tree. The error is
// fs.ErrNotExist if there is none, and tree.ErrNotFile if it is not a file.
func sum(dir *tree.Dir, path string) (hash, fs.FileMode, error) {
	f, err := dir.OpenFile(path)
	if err != nil {
		return hash{}, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	h := sha256.New()
	if err == nil {
		_, err = io.Copy(h, f)
	}
	if err != nil {
		return hash{}, 0, fmt.Errorf("cannot read %s: %w", dir.Show(path), err)
	}
	return hash(h.Sum(nil)), info.Mode(), nil
}
