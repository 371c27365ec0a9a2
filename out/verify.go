//go:build unix

package out

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"hagen/gen/document"
)

// ErrNoManifest is the error of Verify for a directory that hagen did not write.
var ErrNoManifest = errors.New("holds nothing that hagen wrote")

// Unreadable is the error of Verify about files that cannot be read: whether they are as
// hagen wrote them is not known.
type Unreadable struct{ error }

// Unwrap returns the error about the files.
func (u Unreadable) Unwrap() error { return u.error }

// Verify holds the files of a directory that Prepare wrote against its manifest. It
// returns the SHA-256 of each listed file as it is recorded, by path, and a sentence for
// each that differs or is not there. The error says that the manifest, or a file, cannot be
// read.
func Verify(dir fs.FS) (sums map[string]string, differing []string, err error) {
	if _, err := readBounded(dir, ignoreName); err != nil {
		return nil, nil, Unreadable{err}
	}
	if documents, _ := Holds(dir); !documents {
		return nil, nil, ErrNoManifest
	}
	text, err := readBounded(dir, document.ManifestPath)
	if err != nil {
		return nil, nil, Unreadable{err}
	}
	if text == nil {
		return nil, nil, ErrNoManifest
	}
	recorded, err := parseManifest(document.ManifestPath, text)
	if err != nil {
		return nil, nil, err
	}
	sums = map[string]string{}
	var unreadable []error
	for _, path := range slices.Sorted(maps.Keys(recorded)) {
		want := recorded[path]
		sums[path] = hex.EncodeToString(want[:])
		switch have, err := sumIn(dir, path); {
		case errors.Is(err, fs.ErrNotExist):
			differing = append(differing, fmt.Sprintf("%s is listed in %s, and is not there", path, document.ManifestPath))
		case err != nil:
			unreadable = append(unreadable, err)
		case have != want:
			differing = append(differing, fmt.Sprintf("%s is not as %s says", path, document.ManifestPath))
		}
	}
	if err := errors.Join(unreadable...); err != nil {
		return nil, nil, Unreadable{err}
	}
	return sums, differing, nil
}

// sumIn returns the hash of a file. The error is fs.ErrNotExist if there is none.
func sumIn(dir fs.FS, path string) (hash, error) {
	f, err := dir.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return hash{}, err
	}
	if err != nil {
		return hash{}, notOpened(path, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return hash{}, fmt.Errorf("%s is not a regular file: move it away", path)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return hash{}, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	return hash(h.Sum(nil)), nil
}

// Twins lists the twins in a directory that PrepareTwins wrote. The error is ErrNoTwins
// if it wrote none there.
func Twins(dir fs.FS) ([]string, error) {
	text, err := readBounded(dir, TwinsName)
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, ErrNoTwins
	}
	return parseTwins(TwinsName, text)
}
