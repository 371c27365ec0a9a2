package media

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/document"
	"hagen/out"
	"hagen/out/media"
	"hagen/out/tree"
)

// Which render a medium was made from.
const (
	this    = "this render"
	another = "another render"
	older   = "an earlier cluster file"
	gone    = "another render, which had the machine"
	changed = "changed since hagen wrote it"
	none    = "" // it holds no document
)

// compared is what --json prints. Its fields are an interface: they are added to, never
// renamed.
type compared struct {
	Directory string   `json:"directory"`
	Cluster   string   `json:"cluster"`
	Tree      string   `json:"tree,omitempty"` // that the media are compared with; "" if there is none
	Same      bool     `json:"same"`
	Media     []origin `json:"media"`
}

// origin is a medium, and what it was made from.
type origin struct {
	File     string `json:"file"`
	Host     string `json:"host,omitempty"`
	Kind     string `json:"kind"`
	Document string `json:"document,omitempty"`
	Of       string `json:"of,omitempty"`
}

// Is reports whether a directory holds boot media.
func Is(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, document.MediaPath))
	return err == nil && info.Mode().IsRegular()
}

// Check says of each medium in a directory whether it is as hagen wrote it, and whether it
// was made from the documents of a tree: the one that is named, or else the cluster's.
func Check(ui *console.UI, dir, from string, asJSON bool) error {
	list, err := listIn(dir)
	if err != nil {
		return err
	}
	named := from != ""
	if !named {
		from = filepath.Join(trees.Dir, list.Cluster)
		if list.Twins {
			from += "-redacted"
		}
	}
	c := compared{Directory: dir, Cluster: list.Cluster, Tree: from, Same: true, Media: []origin{}}
	if _, err := os.Stat(from); err != nil {
		if named {
			return exit.Usage("%s: there is no such directory; name the tree that the media were made from", from)
		}
		c.Tree = ""
	}
	damaged, err := damagedIn(dir, list)
	if err != nil {
		return err
	}
	for _, m := range list.Media {
		o := origin{File: m.File, Host: m.Host, Kind: m.Kind, Document: m.Document}
		if o.Of, err = madeFrom(c.Tree, m); err != nil {
			return err
		}
		if slices.Contains(damaged, m.File) {
			o.Of = changed
		}
		c.Same = c.Same && (o.Of == this || o.Of == none)
		c.Media = append(c.Media, o)
	}
	return c.print(ui, asJSON)
}

// NoteEarlier notes media of a cluster that were made from another render than a tree, the
// only one if dir is empty.
func NoteEarlier(ui *console.UI, dir string) {
	if only, err := trees.Only(); dir == "" && err == nil {
		dir = only
	}
	list, err := listIn(filepath.Join(Dir, filepath.Base(filepath.Clean(dir))))
	if err != nil {
		return // hagen check of the media says why
	}
	var old []string
	for _, m := range list.Media {
		if of, err := madeFrom(dir, m); err == nil && of != this && of != none {
			old = append(old, m.File)
		}
	}
	if len(old) > 0 {
		ui.Note(fmt.Sprintf("boot media in %s were made from another render or an earlier cluster file: %s; hagen media makes them again", filepath.Join(Dir, list.Cluster), strings.Join(old, ", ")))
	}
}

// listIn reads the list in a directory of media.
func listIn(dir string) (media.List, error) {
	name := filepath.Join(dir, document.MediaPath)
	text, err := fs.ReadFile(tree.Files(dir), document.MediaPath)
	if err != nil {
		return media.List{}, exit.Failed("%s: cannot be read: %w", name, exit.Reason(err))
	}
	list, err := media.ReadList(text)
	if err != nil {
		return media.List{}, exit.Failed("%s: %w: restore it, or make the media again", name, err)
	}
	return list, nil
}

// damagedIn lists the files that are not as the list says.
func damagedIn(dir string, list media.List) (damaged []string, err error) {
	for _, m := range list.Media {
		sum, err := sumOf(dir, m.File)
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && sum != m.SHA256:
			damaged = append(damaged, m.File)
		case err != nil:
			return nil, exit.Failed("%s: cannot be read: %w", filepath.Join(dir, m.File), exit.Reason(err))
		}
	}
	return damaged, nil
}

// madeFrom says which render a medium was made from, as far as a tree tells, or that it is
// of an earlier cluster file, as far as a later run of hagen media found.
func madeFrom(dir string, m media.Medium) (string, error) {
	switch {
	case m.Outdated:
		return older, nil
	case m.Document == "" || dir == "":
		return none, nil
	}
	switch sum, err := sumOf(dir, m.Document); {
	case errors.Is(err, fs.ErrNotExist):
		return gone, nil
	case err != nil:
		return "", exit.Failed("%s: cannot be read: %w", filepath.Join(dir, m.Document), exit.Reason(err))
	case sum != m.DocumentSHA256:
		return another, nil
	}
	return this, nil
}

// sumOf returns the SHA-256 of a file in a directory.
func sumOf(dir, path string) (string, error) {
	if !fs.ValidPath(path) {
		return "", fs.ErrNotExist
	}
	f, err := tree.Files(dir).Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// print prints a line for each medium, and ends with 1 if one is not of this render.
func (c compared) print(ui *console.UI, asJSON bool) error {
	if asJSON {
		ui.JSON(c)
	} else {
		rows := [][]string{{"HOST", "KIND", "FILE", "MADE FROM"}}
		for _, o := range c.Media {
			if o.Of != none { // the others hold no document
				rows = append(rows, []string{cmp.Or(o.Host, "-"), o.Kind, o.File, o.Of})
			}
		}
		console.Table(ui.Out, rows)
	}
	switch {
	case c.Tree == "" && c.Same:
		ui.Say("the media in %s are as hagen wrote them; name their tree to see which render they are of: hagen diff TREE %[1]s", c.Directory)
	case c.Same:
		ui.Say("the media in %s were made from %s as it is", c.Directory, c.Tree)
	default:
		return exit.No("not all media in %s were made from %s as it is: hagen media makes them again, and those of a base with --base", c.Directory, cmp.Or(c.Tree, "a tree that is here"))
	}
	return nil
}

// Two says which of two directories are boot media, and returns the other. hagen diff
// compares media with a tree, whichever comes first.
func Two(one, other string) (dir, from string, found bool, err error) {
	switch {
	case Is(one) && Is(other):
		return "", "", true, exit.Usage("%s and %s: both hold boot media; compare each with the tree that it was made from", one, other)
	case Is(one):
		return one, other, true, isTree(other)
	case Is(other):
		return other, one, true, isTree(one)
	}
	return "", "", false, nil
}

// isTree refuses what media are not compared with.
func isTree(dir string) error {
	if err := files.IsDirectory(dir, "hagen render writes one"); err != nil {
		return err
	}
	if documents, twins := out.Holds(tree.Files(dir)); !documents && !twins {
		return exit.Usage("%s: boot media are compared with a directory that hagen render or hagen redact wrote", dir)
	}
	return nil
}
