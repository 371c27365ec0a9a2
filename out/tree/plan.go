//go:build unix

package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// node is part of the next tree: what is there now, or a file to write, or a
// directory to make if both are nil.
type node struct {
	now   *entry
	write *File
	ours  bool // a directory with files that are written: others may not enter it
}

func (n node) isDir() bool {
	return n.write == nil && (n.now == nil || n.now.info.IsDir())
}

// plan is the next tree, computed from the present one.
type plan struct {
	d       *Dir
	nodes   map[string]node // by path; the tree itself is not among them
	holds   map[string]int  // number of entries in a directory of the next tree
	changed bool            // the next tree differs from the present one
	shared  bool            // others may read it
	root    fs.FileMode     // of the tree itself
	made    fs.FileMode     // of directories that are made
}

// plan computes the next tree. It reports all obstacles at once.
func (d *Dir) plan(entries []entry, files []File, remove []string, shared bool) (*plan, error) {
	p := &plan{d: d, nodes: map[string]node{}, holds: map[string]int{}, shared: shared, root: 0o700, made: 0o700}
	now := entries[0].info.Mode() & modeBits
	// Others could read secrets in a tree that is not 0700, so a wrong mode
	// alone makes an exchange necessary.
	p.changed = now != p.root && !shared
	if shared {
		p.root, p.made = now, 0o755
	}
	if shared && d.Created() {
		p.root = p.made
	}
	for i := range entries[1:] {
		e := &entries[1+i]
		p.put(e.path, node{now: e})
	}
	if err := checkArguments(files, remove); err != nil {
		return nil, err
	}

	var faults []error
	var removed []string
	for _, file := range remove {
		n, ok := p.nodes[file]
		switch {
		case !ok:
		case n.isDir():
			faults = append(faults, fmt.Errorf("%s is to be removed as a file, but is a directory: move it away", d.Show(file)))
		default:
			p.take(file)
			removed = append(removed, file)
			p.changed = true
		}
	}
	for i := range files {
		faults = append(faults, p.place(&files[i]))
	}
	for _, file := range removed {
		for dir := path.Dir(file); dir != "." && p.holds[dir] == 0; dir = path.Dir(dir) {
			p.take(dir)
		}
	}
	return p, errors.Join(faults...)
}

func (p *plan) put(file string, n node) {
	if _, ok := p.nodes[file]; !ok {
		p.holds[path.Dir(file)]++
	}
	p.nodes[file] = n
}

func (p *plan) take(file string) {
	if _, ok := p.nodes[file]; ok {
		p.holds[path.Dir(file)]--
	}
	delete(p.nodes, file)
}

// place adds a file to the next tree, and the directories that it needs.
func (p *plan) place(f *File) error {
	for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
		n, ok := p.nodes[dir]
		if ok && !n.isDir() {
			return fmt.Errorf("%s is %s where a directory is needed: move it away", p.d.Show(dir), n.kind())
		}
		switch {
		case !ok:
			p.put(dir, node{})
		case n.now != nil && !p.shared:
			n.ours = true
			p.nodes[dir] = n
			p.changed = p.changed || n.now.info.Mode()&modeBits != p.made
		}
	}
	n, ok := p.nodes[f.Path]
	if !ok {
		p.put(f.Path, node{write: f})
		p.changed = true
		return nil
	}
	if n.isDir() || !n.now.info.Mode().IsRegular() {
		return fmt.Errorf("%s is %s where hagen writes a file: move it away", p.d.Show(f.Path), n.kind())
	}
	same, err := p.d.holds(*n.now, *f)
	if err == nil && !same {
		p.put(f.Path, node{write: f})
		p.changed = true
	}
	return err
}

func (n node) kind() string {
	switch {
	case n.write != nil:
		return "a file"
	case n.now == nil:
		return "a directory"
	}
	return kindOrFile(n.now.info.Mode())
}

// checkArguments refuses wrong arguments of a caller.
func checkArguments(files []File, remove []string) error {
	var faults []error
	seen := map[string]bool{}
	check := func(path string) {
		if err := CheckPath(path); err != nil {
			faults = append(faults, err)
		} else if seen[path] {
			faults = append(faults, fmt.Errorf("%s is to be written or removed twice", path))
		}
		seen[path] = true
	}
	for _, f := range files {
		check(f.Path)
		// Without the owner's read bit the next run could not compare it.
		if f.Mode&^fs.ModePerm != 0 || f.Mode&0o400 == 0 {
			faults = append(faults, fmt.Errorf("%s is to be written with mode %v: a mode has permission bits only, and lets its owner read", f.Path, f.Mode))
		}
	}
	for _, path := range remove {
		check(path)
	}
	return errors.Join(faults...)
}
