package digest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"hagen/out/tree"
)

// maxFiles limits how many files of a directory are listed: a mirror of a few
// releases has hundreds.
const maxFiles = 100_000

// maxSums is the largest checksum file that is read, in bytes.
const maxSums = 4 << 20

// Find looks for files in a directory and below, by upstream's names. It
// returns a path relative to the directory, or an error, for each file.
func Find(dir string, files []File) ([]string, []error) {
	found, faults := make([]string, len(files)), make([]error, len(files))
	paths, err := list(dir)
	for i, f := range files {
		if err == nil {
			found[i], faults[i] = choose(f, paths)
		} else if i == 0 {
			faults[i] = err
		}
	}
	return found, faults
}

// list returns the paths of all regular files below a directory.
func list(dir string) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("%s: cannot be read: %w", p, reason(err))
		}
		if len(paths) > maxFiles {
			return fmt.Errorf("%s: holds more than %d files: is this the right directory?", dir, maxFiles)
		}
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			relative, _ := filepath.Rel(dir, p) // below dir: cannot fail
			paths = append(paths, filepath.ToSlash(relative))
		}
		return nil
	})
	return paths, err
}

// FromDirectory finds the files below a directory, as Find does, and reads
// them. The error joins one for every missing file.
func FromDirectory(dir string, files []File) ([]Found, error) {
	places, faults := Find(dir, files)
	found := make([]Found, len(files))
	for i, place := range places {
		if place == "" {
			continue
		}
		s, err := readFile(filepath.Join(dir, filepath.FromSlash(place)))
		found[i], faults[i] = Found{place, s.sha512, "read from " + filepath.Join(dir, place)}, err
	}
	return found, errors.Join(faults...)
}

func readFile(name string) (sums, error) {
	f, err := tree.OpenRegular(name)
	if err != nil {
		return sums{}, fmt.Errorf("%s: cannot be opened: %w", name, reason(err))
	}
	defer f.Close()
	s, err := read(f)
	if err != nil {
		return sums{}, fmt.Errorf("%s: cannot be read: %w", name, reason(err))
	}
	return s, nil
}

// FromSums finds the files in a checksum file. If that has SHA-256 digests, it
// also reads the files themselves: beside the checksum file, or from their
// servers.
func (c *Client) FromSums(ctx context.Context, name string, files []File) ([]Found, error) {
	file, err := tree.OpenRegular(name)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be opened: %w", name, reason(err))
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSums+1))
	if err == nil && len(text) > maxSums {
		err = errors.New("it is too large for a checksum file")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be read: %w", name, reason(err))
	}
	digests, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var paths []string
	for p := range digests {
		paths = append(paths, p)
	}
	var faults []error
	found := make([]Found, len(files))
	for i, f := range files {
		place, err := choose(f, paths)
		if err == nil {
			found[i], err = c.listed(ctx, name, place, digests[place], f)
		}
		faults = append(faults, err)
	}
	return found, errors.Join(faults...)
}

// listed returns the digest of a file that a checksum file lists.
func (c *Client) listed(ctx context.Context, list, place, digest string, f File) (Found, error) {
	if len(digest) == length512 {
		return Found{place, digest, "from " + list}, nil
	}
	beside := filepath.Join(filepath.Dir(list), filepath.FromSlash(place))
	s, err := readFile(beside)
	from := beside
	if errors.Is(err, fs.ErrNotExist) {
		s, from, err = c.download(ctx, f)
	}
	switch {
	case err != nil:
		return Found{}, err
	case !s.holds(digest):
		return Found{}, fmt.Errorf("%s: %s has SHA-256 %s, but %s says %s", f.Name, from, s.sha256, list, digest)
	}
	return Found{place, s.sha512, fmt.Sprintf("read from %s, with the SHA-256 of %s", from, list)}, nil
}
