package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// revisionPath takes REV:PATH apart at the first colon that is in no braces,
// as git does (gitrevisions(7)).
func revisionPath(text string) (revision, path string, ok bool) {
	depth := 0
	for i, r := range text {
		switch {
		case r == '{':
			depth++
		case r == '}':
			depth--
		case r == ':' && depth == 0:
			return text[:i], text[i+1:], true
		}
	}
	return "", "", false
}

// gitObject finds the tree or blob of a commit at a path, with git: nobody else
// knows all its ways to keep objects.
func gitObject(revision, place, kind string) (id string, err error) {
	name := revision + ":" + place
	switch _, err := exec.LookPath("git"); {
	case err != nil:
		return "", failed("%s: git is needed to read a revision, and is not on the PATH", name)
	case revision == "" || strings.HasPrefix(revision, "-"):
		return "", usage("%s: names no revision before the colon, such as HEAD:%s", name, place)
	}
	if _, err := git(nil, "rev-parse", "--git-dir"); err != nil {
		if strings.Contains(err.Error(), "not a git repository") {
			return "", failed("%s: the current directory is in no git repository", name)
		}
		return "", failed("%s: %w", name, err)
	}
	if _, err := git(nil, "rev-parse", "--verify", "--quiet", revision+"^{tree}"); err != nil {
		return "", failed("%s: the repository has no revision %s; a clone that is not whole may have to fetch it first", name, revision)
	}
	// git takes a path that ends in a slash for an empty name.
	found, err := git(nil, "rev-parse", "--verify", "--quiet", revision+":"+strings.TrimRight(place, "/"))
	id = strings.TrimSpace(string(found))
	var is []byte
	if err == nil {
		is, err = git(nil, "cat-file", "-t", id)
	}
	if err != nil || strings.TrimSpace(string(is)) != kind {
		what := map[string]string{"tree": "directory", "blob": "file"}[kind]
		return "", failed("%s: revision %s has no %s %s; paths count from the top of the repository", name, revision, what, place)
	}
	return id, nil
}

// gitFile reads a file of a commit.
func gitFile(revision, place string) ([]byte, error) {
	id, err := gitObject(revision, place, "blob")
	if err != nil {
		return nil, err
	}
	text, err := git(nil, "cat-file", "blob", id)
	if err != nil {
		return nil, failed("%s:%s: %w", revision, place, err)
	}
	return text, nil
}

// gitTree reads a directory of a commit.
func gitTree(revision, dir string) (fs.FS, error) {
	name := revision + ":" + dir
	tree, err := gitObject(revision, dir, "tree")
	if err != nil {
		return nil, err
	}
	list, err := git(nil, "ls-tree", "-r", "-z", "--full-tree", tree)
	if err != nil {
		return nil, failed("%s: %w", name, err)
	}
	files, err := gitFiles(list)
	if err != nil {
		return nil, failed("%s: %w", name, err)
	}
	return files, nil
}

// git runs it and returns what it prints. It asks nobody anything.
func git(input []byte, args ...string) ([]byte, error) {
	command := exec.Command("git", args...)
	command.Env = append(os.Environ(), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0")
	command.Stdin = bytes.NewReader(input)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		if first == "" {
			first = err.Error()
		}
		return nil, fmt.Errorf("git refuses: %s", first)
	}
	return output, nil
}

// gitFiles reads the blobs of a listing, all at once.
func gitFiles(list []byte) (files, error) {
	tree := files{}
	var ids bytes.Buffer
	var places []string
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		about, place, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(about) // mode, type, name
		if len(fields) != 3 || fields[1] != "blob" {
			continue
		}
		tree[place] = file{name: path.Base(place)}
		if !strings.HasPrefix(fields[0], "100") { // a symbolic link leads out of the tree
			tree[place] = file{name: path.Base(place), mode: fs.ModeSymlink}
			continue
		}
		ids.WriteString(fields[2] + "\n")
		places = append(places, place)
	}
	output, err := git(ids.Bytes(), "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	reader := bufio.NewReader(bytes.NewReader(output))
	for _, place := range places {
		head, err := reader.ReadString('\n')
		fields := strings.Fields(head)
		if err != nil || len(fields) != 3 {
			return nil, fmt.Errorf("git cannot read %s: %s", place, strings.TrimSpace(head))
		}
		size, err := strconv.Atoi(fields[2])
		if err != nil {
			return nil, err
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(reader, text); err != nil {
			return nil, err
		}
		if _, err := reader.Discard(1); err != nil {
			return nil, err
		}
		f := tree[place]
		f.text = text
		tree[place] = f
	}
	return tree, nil
}

// files is a tree in memory: every file by its path.
type files map[string]file

type file struct {
	name string
	text []byte
	mode fs.FileMode
}

// Open gives a file, or the directory that paths of files lead through.
func (f files) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if found, is := f[name]; is {
		return &opened{file: found, Reader: bytes.NewReader(found.text)}, nil
	}
	entries := f.list(name)
	if len(entries) == 0 && name != "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &opened{file: file{name: path.Base(name), mode: fs.ModeDir}, Reader: bytes.NewReader(nil), entries: entries}, nil
}

// ReadDir lists a directory, sorted.
func (f files) ReadDir(name string) ([]fs.DirEntry, error) {
	entries := f.list(name)
	if len(entries) == 0 && name != "." {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	return entries, nil
}

func (f files) list(name string) []fs.DirEntry {
	prefix := name + "/"
	if name == "." {
		prefix = ""
	}
	seen := map[string]file{}
	for place, found := range f {
		rest, below := strings.CutPrefix(place, prefix)
		if !below {
			continue
		}
		first, _, deeper := strings.Cut(rest, "/")
		if deeper {
			found = file{name: first, mode: fs.ModeDir}
		}
		seen[first] = found
	}
	var entries []fs.DirEntry
	for _, found := range seen {
		entries = append(entries, fs.FileInfoToDirEntry(found))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}

// file is its own fs.FileInfo.
func (f file) Name() string       { return f.name }
func (f file) Size() int64        { return int64(len(f.text)) }
func (f file) Mode() fs.FileMode  { return f.mode }
func (f file) ModTime() time.Time { return time.Time{} }
func (f file) IsDir() bool        { return f.mode.IsDir() }
func (f file) Sys() any           { return nil }

// opened is a file that is read, or a directory.
type opened struct {
	file
	*bytes.Reader
	entries []fs.DirEntry
}

// Size is the file's, not what is left to read of it.
func (o *opened) Size() int64 { return o.file.Size() }

func (o *opened) Stat() (fs.FileInfo, error) { return o.file, nil }
func (o *opened) Close() error               { return nil }

func (o *opened) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		entries := o.entries
		o.entries = nil
		return entries, nil
	}
	if len(o.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(o.entries))
	entries := o.entries[:n]
	o.entries = o.entries[n:]
	return entries, nil
}
