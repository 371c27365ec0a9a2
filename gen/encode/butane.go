// Package encode writes a node as a document and reads documents back as
// nodes. It alone knows Butane and Ignition.
package encode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/profiles"
)

// Document is a text that knows what each line was made from.
type Document struct {
	Text    []byte
	origins []string // by line, from 0
}

// origin returns what a line (counted from 1) was made from.
func (d Document) origin(line int) string {
	if line < 1 || line > len(d.origins) {
		return "the document's head"
	}
	return d.origins[line-1]
}

// Butane writes a node as Butane for an operating system. It is made to be read: with a
// header, sections in boot order, comments, and texts as block scalars.
func Butane(cluster string, n node.Node, system profiles.OS) Document {
	w := &writer{from: "the document's head"}
	w.line(0, "# Made by hagen. Do not edit: change the cluster file and render again.")
	w.line(0, "# cluster %s, host %s, role %s", cluster, n.Name, n.Role)
	w.line(0, "variant: %s", system.Variant)
	w.line(0, "version: %s", system.Butane)
	w.passwd(n)
	w.storage(n)
	w.systemd(n)
	return Document{Text: w.out.Bytes(), origins: w.origins}
}

// writer writes YAML and remembers what each line was made from.
type writer struct {
	out     bytes.Buffer
	origins []string
	from    string
	section string
}

// line writes a line, indented by two spaces for each depth.
func (w *writer) line(depth int, format string, args ...any) {
	w.indent(depth)
	fmt.Fprintf(&w.out, format, args...)
	w.end()
}

func (w *writer) indent(depth int) {
	for range depth {
		w.out.WriteString("  ")
	}
}

func (w *writer) end() {
	w.out.WriteByte('\n')
	w.origins = append(w.origins, w.from)
}

// item begins a list entry with its comment, and with a heading if the section is new.
func (w *writer) item(depth int, o node.Origin) {
	w.from = o.From
	if o.Section != w.section {
		w.section = o.Section
		w.line(depth, "# %s%s", headingMark, o.Section)
	}
	if o.Why != "" {
		for l := range strings.SplitSeq(o.Why, "\n") {
			w.line(depth, "# %s", l)
		}
	}
}

// group writes the key of a list and resets the section: every list begins with a
// heading.
func (w *writer) group(depth int, key string) {
	w.section = ""
	w.line(depth, "%s:", key)
}

func (w *writer) passwd(n node.Node) {
	if len(n.Groups)+len(n.Users) == 0 {
		return
	}
	w.line(0, "passwd:")
	if len(n.Groups) > 0 {
		w.group(1, "groups")
	}
	for _, g := range n.Groups {
		w.item(2, g.Origin)
		w.line(2, "- name: %s", scalar(g.Name))
		w.line(3, "system: true")
	}
	if len(n.Users) > 0 {
		w.group(1, "users")
	}
	for _, u := range n.Users {
		w.user(u)
	}
}

func (w *writer) user(u node.User) {
	w.item(2, u.Origin)
	w.line(2, "- name: %s", scalar(u.Name))
	if u.System {
		w.line(3, "system: true")
		w.line(3, "no_create_home: true")
	}
	w.optional(3, "primary_group", u.Primary)
	w.optional(3, "home_dir", u.Home)
	w.optional(3, "shell", u.Shell)
	w.list(3, "groups", u.Groups)
	w.list(3, "ssh_authorized_keys", u.SSHKeys)
}

func (w *writer) optional(depth int, key, value string) {
	if value != "" {
		w.line(depth, "%s: %s", key, scalar(value))
	}
}

func (w *writer) list(depth int, key string, values []string) {
	if len(values) == 0 {
		return
	}
	w.line(depth, "%s:", key)
	for _, v := range values {
		w.line(depth+1, "- %s", scalar(v))
	}
}

func (w *writer) storage(n node.Node) {
	if len(n.Disks)+len(n.Filesystems)+len(n.Directories)+len(n.Files)+len(n.Links) == 0 {
		return
	}
	w.line(0, "storage:")
	w.disks(n)
	if len(n.Directories) > 0 {
		w.group(1, "directories")
	}
	for _, d := range n.Directories {
		w.item(2, d.Origin)
		w.line(2, "- path: %s", scalar(d.Path))
		w.owner(d.Mode, d.User, d.Group)
	}
	if len(n.Files) > 0 {
		w.group(1, "files")
	}
	for _, f := range n.Files {
		w.item(2, f.Origin)
		w.line(2, "- path: %s", scalar(f.Path))
		w.owner(f.Mode, f.User, f.Group)
		if f.Overwrite {
			w.line(3, "overwrite: true")
		}
		w.line(3, "contents:")
		if f.Remote() {
			w.remote(f.Source)
			continue
		}
		w.contents(4, "inline", f.Contents)
	}
	if len(n.Links) > 0 {
		w.group(1, "links")
	}
	for _, l := range n.Links {
		w.item(2, l.Origin)
		w.line(2, "- path: %s", scalar(l.Path))
		w.line(3, "target: %s", scalar(l.Target))
	}
}

func (w *writer) remote(s node.Source) {
	w.line(4, "source: %s", scalar(s.URL))
	if s.Hash != "" {
		w.line(4, "verification:")
		w.line(5, "hash: %s", scalar(s.Hash))
	}
}

func (w *writer) owner(mode fs.FileMode, user, group string) {
	w.line(3, "mode: 0%o", mode.Perm())
	if user != "" {
		w.line(3, "user: {name: %s}", scalar(user))
	}
	if group != "" {
		w.line(3, "group: {name: %s}", scalar(group))
	}
}

func (w *writer) systemd(n node.Node) {
	if len(n.Mounts)+len(n.Units) == 0 {
		return
	}
	w.line(0, "systemd:")
	w.group(1, "units")
	for _, u := range allUnits(n) {
		w.item(2, u.Origin)
		w.line(2, "- name: %s", scalar(u.Name))
		switch {
		case u.Enabled:
			w.line(3, "enabled: true")
		case isBare(u):
			w.line(3, "enabled: false") // the document has nothing else for it
		}
		if u.Masked {
			w.line(3, "mask: true")
		}
		if u.Contents != "" {
			w.contents(3, "contents", []byte(u.Contents))
		}
		if len(u.DropIns) > 0 {
			w.line(3, "dropins:")
		}
		for _, d := range u.DropIns {
			w.line(4, "- name: %s", scalar(d.Name))
			w.contents(5, "contents", []byte(d.Contents))
		}
	}
}

// contents writes a text as a block scalar. If a block scalar cannot hold it, a file gets
// a data URL and a unit a quoted text.
func (w *writer) contents(depth int, key string, contents []byte) {
	if len(contents) == 0 {
		w.line(depth, `%s: ""`, key)
		return
	}
	switch {
	case blockable(contents):
	case key == "inline":
		w.line(depth, "source: %s", inBase64(contents))
		return
	default:
		w.line(depth, "%s: %s", key, scalar(string(contents)))
		return
	}
	text := string(contents)
	trimmed := strings.TrimRight(text, "\n")
	header := "|"
	switch len(text) - len(trimmed) {
	case 0:
		header = "|-"
	case 1:
	default:
		header = "|+"
	}
	w.line(depth, "%s: %s", key, header)
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if l != "" {
			w.indent(depth + 1)
			w.out.WriteString(l)
		}
		w.end()
	}
}

// blockable reports whether a block scalar keeps the text as it is (YAML 1.2, 8.1):
// printable UTF-8, no line end but \n, and no space at its beginning, which would count as
// indentation.
func blockable(contents []byte) bool {
	if !utf8.Valid(contents) || contents[0] == ' ' || contents[0] == '\t' || contents[0] == '\n' {
		return false
	}
	return !bytes.ContainsFunc(contents, func(r rune) bool {
		return (r < ' ' || r > '~') && r != '\n' && r != '\t' && (!unicode.IsPrint(r) || r == utf8.RuneError)
	})
}

// plain matches texts that need no quotes in any version of YAML, unless they have a
// meaning: they begin with a letter or slash.
var plain = lazy.Regexp(`^[A-Za-z/][A-Za-z0-9/._@+=-]*$`)

// meanings are words that YAML does not read as text, in upper or lower case.
var meanings = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}

func hasMeaning(s string) bool {
	return slices.ContainsFunc(meanings, func(m string) bool { return strings.EqualFold(m, s) })
}

// scalar writes a text. It leaves invalid UTF-8 as it is, which YAML refuses; JSON would
// change it.
func scalar(s string) string {
	switch {
	case plain().MatchString(s) && !hasMeaning(s):
		return s
	case !utf8.ValidString(s):
		return `"` + s + `"`
	}
	quoted, _ := json.Marshal(s) // a string cannot fail; JSON's escapes are YAML's
	var b strings.Builder
	for _, r := range string(quoted) {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else { // YAML allows fewer characters than JSON, and has more line ends
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	return b.String()
}
