package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// presets reads which units a preset file enables.
func presets(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var units []string
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "enable" {
			units = append(units, words[1])
		}
	}
	return units, err
}

// Facts are what is known of a machine's root directory: of each path that
// is not as in the image, of each account, of each unit that something starts.
// Values name owners, not their numbers.
type Facts map[string]string

// Examine collects the facts of a root directory that was made from an image.
func Examine(base, root string) (Facts, error) {
	facts := Facts{}
	names, err := facts.accounts(root)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, full)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if was, err := os.Lstat(filepath.Join(base, rel)); err == nil && unchanged(was, info) && !starts("/"+rel) {
			return nil
		}
		return facts.path("/"+rel, full, info, names)
	})
	return facts, err
}

// starts says whether a path is a link by which systemd starts a unit.
func starts(rel string) bool {
	dir := path.Ext(path.Dir(rel))
	return dir == ".wants" || dir == ".requires"
}

func unchanged(was, is fs.FileInfo) bool {
	a, b := was.Sys().(*syscall.Stat_t), is.Sys().(*syscall.Stat_t)
	same := was.Mode() == is.Mode() && a.Uid == b.Uid && a.Gid == b.Gid
	return same && (is.IsDir() || was.Size() == is.Size() && was.ModTime().Equal(is.ModTime()))
}

// path notes one path. A link that has systemd start a unit is known by the
// unit's name: where it leads depends on who made it.
func (f Facts) path(rel, full string, info fs.FileInfo, names owners) error {
	stat := info.Sys().(*syscall.Stat_t)
	owner := names.users[fmt.Sprint(stat.Uid)] + ":" + names.groups[fmt.Sprint(stat.Gid)]
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		target, err := os.Readlink(full)
		if starts(rel) {
			target = path.Base(target)
		}
		f[rel] = "link to " + target
		return err
	case mode.IsDir():
		f[rel] = fmt.Sprintf("directory %s %04o", owner, mode.Perm())
	case mode.IsRegular():
		text, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		f[rel] = fmt.Sprintf("file %s %04o, %d bytes, SHA-256 %s", owner, mode.Perm(), len(text), hex.EncodeToString(sum[:6]))
	default:
		f[rel] = mode.String()
	}
	return nil
}

// owners are names by numbers.
type owners struct{ users, groups map[string]string }

// accounts notes every user and group, with what others make of them: numbers
// only as system accounts' or people's.
func (f Facts) accounts(root string) (owners, error) {
	names := owners{map[string]string{}, map[string]string{}}
	kind := func(number string) string {
		if len(number) > 3 {
			return "person"
		}
		return "system"
	}
	members := map[string][]string{}
	err := eachLine(root, "etc/group", func(field []string) {
		names.groups[field[2]] = field[0]
		f["group "+field[0]] = kind(field[2])
		for _, user := range strings.Split(field[3], ",") {
			members[user] = append(members[user], field[0])
		}
	})
	if err != nil {
		return names, err
	}
	password := map[string]string{}
	err = errors.Join(eachLine(root, "etc/shadow", func(field []string) {
		password[field[0]] = "no password"
		if strings.TrimLeft(field[1], "!*") != "" {
			password[field[0]] = "a password"
		}
	}), eachLine(root, "etc/passwd", func(field []string) {
		names.users[field[2]] = field[0]
		slices.Sort(members[field[0]])
		f["user "+field[0]] = fmt.Sprintf("%s of group %s, further %v, %s, home %s, shell %s",
			kind(field[2]), names.groups[field[3]], members[field[0]], password[field[0]], field[5], field[6])
		if keys := sshKeys(filepath.Join(root, field[5], ".ssh")); len(keys) > 0 {
			f["keys of "+field[0]] = strings.Join(keys, ", ")
		}
	}))
	return names, err
}

// sshKeys are the keys with which somebody may log in, wherever they stand.
func sshKeys(dir string) (keys []string) {
	for _, file := range []string{"authorized_keys", "authorized_keys.d/ignition"} {
		text, _ := os.ReadFile(filepath.Join(dir, file)) // most have none
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				keys = append(keys, line)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

func eachLine(root, file string, do func([]string)) error {
	text, err := os.ReadFile(filepath.Join(root, file))
	for line := range bytes.Lines(text) {
		if field := strings.Split(strings.TrimSpace(string(line)), ":"); len(field) > 3 {
			do(field)
		}
	}
	return err
}

// Allowed is a row: facts that may differ, and why.
type Allowed struct {
	Facts *regexp.Regexp // their names
	Why   string
	used  bool
}

// Used says whether any difference was put down to the row.
func (a *Allowed) Used() bool { return a.used }

// Differences lists the facts in which two machines differ, but for those
// that may.
func Differences(first, second Facts, allowed []*Allowed) []string {
	var out []string
	all := maps.Clone(first)
	maps.Copy(all, second)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if first[name] == second[name] {
			continue
		}
		i := slices.IndexFunc(allowed, func(a *Allowed) bool { return a.Facts.MatchString(name) })
		if i >= 0 {
			allowed[i].used = true
			continue
		}
		out = append(out, fmt.Sprintf("%s: %q and %q", name, first[name], second[name]))
	}
	return out
}
