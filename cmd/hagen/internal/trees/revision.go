package trees

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/lazy"
)

// Revision splits REV:PATH at the first colon outside of braces, as git does
// (gitrevisions(7)).
func Revision(text string) (revision, path string, ok bool) {
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

// File reads a file of a commit.
func File(revision, place string) ([]byte, error) {
	listed, err := gitList(revision, place, "file")
	if err != nil {
		return nil, err
	}
	read, err := gitFiles(revision+":"+place, listed)
	if err == nil && !read[""].mode.IsRegular() {
		err = exit.Failed("%s:%s: is a symbolic link; name the file that it points to", revision, place)
	}
	return read[""].text, err
}

// IsDirectory reports whether a commit has a directory with files of this path.
func IsDirectory(revision, place string) bool {
	_, err := gitList(revision, place, "directory")
	return err == nil
}

// revisionTree reads a directory of a commit.
func revisionTree(revision, dir string) (fs.FS, error) {
	listed, err := gitList(revision, dir, "directory")
	if err != nil {
		return nil, err
	}
	return gitFiles(revision+":"+dir, listed)
}

// blob is a file of a commit. Its path is relative to the requested directory,
// or empty if a file was requested.
type blob struct{ path, mode, id string }

// gitList lists a file, or the files of a directory, of a commit. It runs git,
// since only git knows all the ways in which it stores objects.
func gitList(revision, place, kind string) ([]blob, error) {
	name := revision + ":" + place
	switch _, err := exec.LookPath("git"); {
	case err != nil:
		return nil, exit.Failed("%s: git is needed to read a revision, but is not on the PATH", name)
	case revision == "" || strings.HasPrefix(revision, "-"):
		return nil, exit.Usage("%s: names no revision before the colon, such as HEAD:%s", name, place)
	}
	here, err := git(nil, "rev-parse", "--show-prefix")
	if err == nil {
		_, err = git(nil, "rev-parse", "--verify", "--quiet", revision)
	}
	if err != nil {
		return nil, gitFailure(name, revision, err)
	}
	from := fromTop(strings.TrimSuffix(string(here), "\n"), place)
	list := []string{"ls-tree", "-r", "-z", "--full-tree", revision, "--"}
	if from != "" {
		list = append(list, from)
	}
	var output []byte
	if from == "" || fs.ValidPath(from) {
		if output, err = git(nil, list...); err != nil {
			return nil, gitFailure(name, revision, err)
		}
	}
	var listed []blob
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(output), "\x00"), "\x00") {
		about, found, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(about) // mode, type, name
		if len(fields) == 3 && fields[1] == "blob" {
			listed = append(listed, blob{strings.TrimPrefix(strings.TrimPrefix(found, from), "/"), fields[0], fields[2]})
		}
	}
	isFile := len(listed) == 1 && listed[0].path == ""
	if len(listed) == 0 || isFile != (kind == "file") {
		return nil, exit.Failed("%s: revision %s has no %s %s; paths start at the top of the repository", name, revision, kind, place)
	}
	return listed, nil
}

// fromTop returns a path relative to the top of the repository, "" for the top
// itself. A path with ./ or ../ is relative to the current directory
// (gitrevisions(7)).
func fromTop(here, place string) string {
	if !strings.HasPrefix(place, "./") && !strings.HasPrefix(place, "../") {
		return strings.TrimRight(place, "/")
	}
	if place = path.Join(here, place); place == "." {
		return ""
	}
	return place
}

// gitFiles reads all blobs in one run of git.
func gitFiles(name string, listed []blob) (inMemory, error) {
	tree := inMemory{}
	var ids bytes.Buffer
	for _, b := range listed {
		ids.WriteString(b.id + "\n")
	}
	output, err := git(ids.Bytes(), "cat-file", "--batch")
	reader := bufio.NewReader(bytes.NewReader(output))
	for _, b := range listed {
		var text []byte
		if err == nil {
			text, err = gitBlob(reader)
		}
		if err != nil {
			return nil, gitFailure(name, "", err)
		}
		tree[b.path] = file{name: path.Base(b.path), text: text}
		if !strings.HasPrefix(b.mode, "100") { // a symbolic link may lead out of the tree
			tree[b.path] = file{name: path.Base(b.path), mode: fs.ModeSymlink}
		}
	}
	return tree, nil
}

// gitBlob reads the next blob that cat-file prints: a line with its name, type
// and size, or that it is missing, and the text.
func gitBlob(reader *bufio.Reader) ([]byte, error) {
	head, err := reader.ReadString('\n')
	fields := strings.Fields(head)
	if err != nil || len(fields) != 3 {
		return nil, gitError("error: " + head)
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil {
		return nil, gitError("error: " + head)
	}
	text := make([]byte, size+1)
	_, err = io.ReadFull(reader, text)
	return text[:size], err
}

// gitEnvironment restricts git to what is in the repository, and to no
// questions. A configuration may be somebody else's, even that of a bare
// repository among a clone's files. Of the commands that one can name, the ones
// used here only run those that fetch missing objects: ext::, core.sshCommand,
// a remote's uploadpack or vcs. GIT_ALLOW_PROTOCOL overrides protocol.*.allow
// in every configuration (git(1)), and no protocol is called "none"; a git that
// knows GIT_NO_LAZY_FETCH does not even try.
var gitEnvironment = []string{
	"GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1",
	"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_LITERAL_PATHSPECS=1",
}

// gitPatience is how long git may take for one answer. Its configuration may
// include a file that never ends, such as a named pipe.
var gitPatience = time.Minute

// git runs git and returns its output.
func git(input []byte, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), gitPatience)
	defer cancel()
	command := exec.CommandContext(ctx, "git", args...)
	command.WaitDelay = time.Second
	command.Env = append(os.Environ(), gitEnvironment...)
	command.Stdin = bytes.NewReader(input)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if ctx.Err() != nil {
		return nil, errGitSilent
	}
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		err = gitError(complaint.String())
	}
	return output, err
}

var errGitSilent = errors.New("git did not answer within a minute and was stopped: check what .git/config includes, and whether the disk responds")

// gitError is git's output when it refuses.
type gitError string

// Error returns the line that says why, without warnings and traces.
func (e gitError) Error() string { return "git refuses: " + gitWhy().FindString(string(e)) }

var (
	gitWhy   = lazy.Regexp(`(?m)^(fatal|error): .*`)
	gitLacks = lazy.Regexp(`promisor remote|ould not read [0-9a-f]{40}|not a tree object|unable to read tree| missing$`)
	gitOwner = lazy.Regexp(`git config --global --add safe\.directory .*`)
)

// gitFailure explains git's refusal, and says what to do. For an unknown
// revision git prints nothing.
func gitFailure(name, revision string, err error) error {
	said, isGit := err.(gitError)
	switch {
	case !isGit:
	case strings.Contains(string(said), "not a git repository"):
		return exit.Failed("%s: the current directory is not in a git repository", name)
	case gitOwner().MatchString(string(said)):
		return exit.Failed("%s: the repository belongs to another user; git reads it once you declare it safe: %s", name, gitOwner().FindString(string(said)))
	case revision != "" && !gitWhy().MatchString(string(said)):
		return exit.Failed("%s: the repository has no revision %s; %s", name, revision, gitFetch(false))
	case gitLacks().MatchString(strings.TrimSpace(string(said))):
		return exit.Failed("%s: the repository lacks part of it, and hagen does not let git fetch; %s", name, gitFetch(true))
	}
	return exit.Failed("%s: %w", name, err)
}

// gitFetch says how a clone gets what it lacks: parts of a commit, or a commit.
func gitFetch(parts bool) string {
	const brings = " gets the rest from the remote that .git/config names"
	_, notPartial := git(nil, "config", "--get-regexp", `^(extensions\.partialclone|remote\..*\.promisor)$`)
	shallow, _ := git(nil, "rev-parse", "--is-shallow-repository")
	switch {
	case parts && notPartial == nil:
		return "it is a partial clone: git fetch --refetch --no-filter" + brings
	case strings.TrimSpace(string(shallow)) == "true":
		return "it is a shallow clone: git fetch --unshallow" + brings
	case parts:
		return "it is damaged: git fsck says more, and a new clone is complete"
	}
	return "if a remote has it, git fetch gets it"
}

// inMemory is a tree in memory: files by path.
type inMemory map[string]file

type file struct {
	name string
	text []byte
	mode fs.FileMode
}

// Open opens a file, or a directory that contains files.
func (f inMemory) Open(name string) (fs.File, error) {
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
func (f inMemory) ReadDir(name string) ([]fs.DirEntry, error) {
	entries := f.list(name)
	if len(entries) == 0 && name != "." {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	return entries, nil
}

func (f inMemory) list(name string) []fs.DirEntry {
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

// opened is an open file or directory.
type opened struct {
	file
	*bytes.Reader
	entries []fs.DirEntry
}

// Size returns the file's size, not how much is left to read.
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
