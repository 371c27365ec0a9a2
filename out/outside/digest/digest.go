// Package digest finds the SHA-512 digests of files: published beside them by
// their servers, in checksum files, or by reading the files themselves.
package digest

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hagen/gen/lazy"
)

// File is a file whose digest is wanted.
type File struct {
	Name string   // for messages
	Path string   // upstream's: its host, directories and name
	URLs []string // where a server may have it; the first that has it is used
	Sums []string // where its digest is published: an ending of the URL, or with a slash a file beside it
}

// Found is the digest of a File, and its source.
type Found struct {
	File   string // its path below the directory, the checksum file or the mirror
	SHA512 string // hexadecimal
	Note   string // how that is known
}

// sums are the digests of the same bytes.
type sums struct{ sha256, sha512 string }

// read reads everything and returns its digests.
func read(r io.Reader) (sums, error) {
	a, b := sha256.New(), sha512.New()
	if _, err := io.Copy(io.MultiWriter(a, b), r); err != nil {
		return sums{}, err
	}
	return sums{hex.EncodeToString(a.Sum(nil)), hex.EncodeToString(b.Sum(nil))}, nil
}

// holds reports whether a published digest, of either length, matches.
func (s sums) holds(published string) bool { return published == s.sha256 || published == s.sha512 }

const (
	length256 = 2 * sha256.Size
	length512 = 2 * sha512.Size
)

// Lines of checksum files: coreutils' own, BSD's (sha512sum --tag), and a bare
// digest, as dl.k8s.io has it.
var (
	plainLine  = lazy.Regexp(`^([0-9a-fA-F]{64}|[0-9a-fA-F]{128})(?: [ *](.+))?$`)
	taggedLine = lazy.Regexp(`^SHA(?:256|512) \((.+)\) = ([0-9a-fA-F]{64}|[0-9a-fA-F]{128})$`)
)

// parse reads a checksum file: digests by path. A digest without a path has the
// path "".
func parse(text string) (map[string]string, error) {
	digests := map[string]string{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, digest := "", ""
		if m := plainLine().FindStringSubmatch(line); m != nil {
			name, digest = m[2], m[1]
		} else if m := taggedLine().FindStringSubmatch(line); m != nil {
			name, digest = m[1], m[2]
		} else {
			return nil, fmt.Errorf("line %d is not a line of a checksum file, as sha512sum writes them", number)
		}
		if name != "" {
			name = path.Clean(strings.TrimPrefix(name, "./"))
		}
		if other, twice := digests[name]; twice && !strings.EqualFold(other, digest) {
			return nil, fmt.Errorf("line %d gives %s another digest than an earlier line", number, name)
		}
		digests[name] = strings.ToLower(digest)
	}
	if len(digests) == 0 {
		return nil, errors.New("it holds no digest")
	}
	return digests, nil
}

// choose returns the path that is most likely a file's: it ends in the name in
// a URL, or else in upstream's name, and shares most directories with either.
// Two paths that share equally many are an error.
func choose(f File, paths []string) (string, error) {
	places := append(slices.Clone(f.URLs), f.Path)
	named := func(place string) bool {
		return slices.ContainsFunc(paths, func(p string) bool { return path.Base(p) == path.Base(place) })
	}
	name := path.Base(places[max(0, slices.IndexFunc(places, named))])
	best, equal, bestShared := "", "", -1
	for _, p := range paths {
		if path.Base(p) != name {
			continue
		}
		n := 0
		for _, place := range places {
			n = max(n, shared(p, place))
		}
		switch {
		case n > bestShared:
			best, equal, bestShared = p, "", n
		case n == bestShared:
			equal = p
		}
	}
	switch {
	case best == "":
		return "", fmt.Errorf("%s: there is no %s", f.Name, name)
	case equal != "":
		return "", fmt.Errorf("%s: is it %s or %s? Keep the files of one version and architecture there, or name directories as in %s", f.Name, best, equal, places[0])
	}
	return best, nil
}

// shared counts the directories of a path that another path has, too.
func shared(p, other string) int {
	n := 0
	for _, dir := range strings.Split(path.Dir(p), "/") {
		for _, o := range strings.Split(path.Dir(other), "/") {
			if dir == o && dir != "." {
				n++
				break
			}
		}
	}
	return n
}

// reason returns an error of a file system without the path, which the message
// names already.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
