package cases

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// plainBase is the file that an edit is of if it names no other.
const plainBase = "plain.yaml"

// Bad is a bad cluster file.
type Bad struct {
	Name string // its subject and what is wrong: users/name-upper
	Base string // the good file that it is an edit of, "" if it is written whole
	Text []byte
	Said string // what is said about it, without the last line's end
}

// Bad lists the bad cluster files, subject by subject.
func (d Dir) Bad() ([]Bad, error) {
	var all []Bad
	paths, err := d.subjects()
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			return nil, err
		}
		for _, f := range archive.Files {
			what, is := strings.CutSuffix(f.Name, ".txt")
			if is {
				if len(all) == 0 || all[len(all)-1].Name != nameOf(path, what) {
					return nil, fmt.Errorf("%s: %s does not stand behind its file", path, f.Name)
				}
				all[len(all)-1].Said = strings.TrimSuffix(string(f.Data), "\n")
				continue
			}
			bad, err := d.badOf(path, f)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, f.Name, err)
			}
			all = append(all, bad)
		}
	}
	return all, err
}

func (d Dir) subjects() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(string(d), "bad", "*.txtar"))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("%s has no bad/*.txtar", d)
	}
	return paths, err
}

func nameOf(path, what string) string {
	return strings.TrimSuffix(filepath.Base(path), ".txtar") + "/" + what
}

func (d Dir) badOf(path string, f txtar.File) (Bad, error) {
	if what, is := strings.CutSuffix(f.Name, ".yaml"); is {
		return Bad{Name: nameOf(path, what), Text: f.Data}, nil
	}
	what, is := strings.CutSuffix(f.Name, ".diff")
	if !is {
		return Bad{}, fmt.Errorf("is neither .diff nor .yaml nor .txt")
	}
	base, hunks := plainBase, f.Data
	if named, is := bytes.CutPrefix(f.Data, []byte("--- ")); is {
		first, rest, _ := bytes.Cut(named, []byte("\n"))
		base, hunks = string(first), rest
	}
	text, err := os.ReadFile(filepath.Join(string(d), "bad", base))
	if err != nil {
		return Bad{}, err
	}
	text, err = Apply(text, hunks)
	if err != nil {
		return Bad{}, fmt.Errorf("in %s, %w", base, err)
	}
	return Bad{nameOf(path, what), base, text, ""}, nil
}

// Bases lists the good files that bad ones are edits of.
func (d Dir) Bases() ([]string, error) {
	return filepath.Glob(filepath.Join(string(d), "bad", "*.yaml"))
}

// Say writes what is said about each bad file, by its name.
func (d Dir) Say(said map[string]string) error {
	paths, err := d.subjects()
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			return err
		}
		files := slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return strings.HasSuffix(f.Name, ".txt") })
		archive.Files = nil
		for _, f := range files {
			what := strings.TrimSuffix(strings.TrimSuffix(f.Name, ".yaml"), ".diff")
			archive.Files = append(archive.Files, f, txtar.File{Name: what + ".txt", Data: []byte(said[nameOf(path, what)] + "\n")})
		}
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			return err
		}
	}
	return err
}
