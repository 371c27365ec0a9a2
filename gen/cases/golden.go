package cases

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"

	"hagen/gen/lazy"
)

// Reference is the case that is stored whole: a tree as hagen writes it.
const Reference = "standard"

// Names lists the cases: the directories with a cluster file.
func (d Dir) Names() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(string(d), "*", "cluster.yaml"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s has no */cluster.yaml", d)
	}
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(filepath.Dir(f)))
	}
	return names, err
}

// Base is the case whose PKI another one has, by a link: the same cluster with
// something else to it. It is "" for a case with a PKI of its own.
func (d Dir) Base(name string) string {
	target, err := os.Readlink(filepath.Join(string(d), name, "pki"))
	if err != nil {
		return ""
	}
	return filepath.Base(filepath.Dir(target))
}

// Stored is how the golden tree of a case is kept.
type Stored struct {
	Whole       map[string][]byte // in golden/
	Differences []byte            // in golden.diff
}

// Store says how a tree is kept: a document that differs little from that of
// the base, or from one of the same tree that is kept whole, is kept as the
// difference from that.
func Store(name string, tree map[string][]byte, baseName string, base map[string][]byte) Stored {
	s := Stored{Whole: map[string][]byte{}}
	var out bytes.Buffer
	for _, to := range slices.Sorted(maps.Keys(tree)) {
		section := ""
		if text, both := base[to]; both {
			section = sectionOf("../"+baseName+"/golden/"+to, text, to, tree[to])
		}
		for _, from := range slices.Sorted(maps.Keys(s.Whole)) {
			if section == "" && name != Reference && path.Base(from) == path.Base(to) {
				section = sectionOf("golden/"+from, s.Whole[from], to, tree[to])
			}
		}
		if section == "" {
			s.Whole[to] = tree[to]
		}
		out.WriteString(section)
	}
	s.Differences = out.Bytes()
	return s
}

// sectionOf is a document as the difference from another, "" where that is no
// shorter than half of it.
func sectionOf(from string, old []byte, to string, text []byte) string {
	hunks, err := Difference(old, text, item)
	if err != nil || len(hunks) > len(text)/2 {
		return ""
	}
	return fmt.Sprintf("--- %s\n+++ golden/%s\n%s", from, to, hunks)
}

var named = lazy.Regexp(`^ *- ((path|name): .*)\n$`)

// item is the name of the last item of a list that has one.
func item(before []string) string {
	for _, line := range slices.Backward(before) {
		if m := named().FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	return ""
}

// Golden is the golden tree of a case: the whole documents, and those that
// golden.diff makes of them and of the base's.
func (d Dir) Golden(name string) (map[string][]byte, error) {
	tree, err := documents(os.DirFS(filepath.Join(string(d), name)), "golden")
	if err != nil {
		return nil, err
	}
	known := map[string][]byte{}
	for to, text := range tree {
		known["golden/"+to] = text
	}
	if base := d.Base(name); base != "" {
		others, err := d.Golden(base)
		if err != nil {
			return nil, err
		}
		for to, text := range others {
			known["../"+base+"/golden/"+to] = text
		}
	}
	file := filepath.Join(string(d), name, "golden.diff")
	differences, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, s := range sections(differences) {
		text, is := known[s.from]
		if !is {
			return nil, fmt.Errorf("%s: there is no %s", file, s.from)
		}
		if text, err = Apply(text, s.hunks); err != nil {
			return nil, fmt.Errorf("%s: %s: in %s, %w", file, s.to, s.from, err)
		}
		tree[strings.TrimPrefix(s.to, "golden/")] = text
	}
	if len(tree) == 0 {
		return nil, fmt.Errorf("%s/%s has no golden documents", d, name)
	}
	return tree, nil
}

// GoldenFS is the golden tree of a case as files.
func (d Dir) GoldenFS(name string) (fstest.MapFS, error) {
	tree, err := d.Golden(name)
	files := fstest.MapFS{}
	for to, text := range tree {
		files[to] = &fstest.MapFile{Data: text}
	}
	return files, err
}

// documents reads the files below a directory that may be missing, but those
// that hagen keeps for itself.
func documents(files fs.FS, dir string) (map[string][]byte, error) {
	tree := map[string][]byte{}
	err := fs.WalkDir(files, dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		tree[strings.TrimPrefix(name, dir+"/")], err = fs.ReadFile(files, name)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return tree, err
}

// section is what golden.diff says of one document.
type section struct {
	from, to string
	hunks    []byte
}

func sections(differences []byte) []section {
	var all []section
	lines := slices.Collect(strings.Lines(string(differences)))
	for i := 0; i < len(lines); i++ {
		from, begins := strings.CutPrefix(lines[i], "--- ")
		if begins && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "+++ ") {
			i++
			all = append(all, section{from: strings.TrimSpace(from), to: strings.TrimSpace(lines[i][len("+++ "):])})
		} else if len(all) > 0 {
			last := &all[len(all)-1]
			last.hunks = append(last.hunks, lines[i]...)
		}
	}
	return all
}
