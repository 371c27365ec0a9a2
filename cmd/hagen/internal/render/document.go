package render

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/otherclusters"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/out/review/rendered"
	"hagen/profiles"
)

// renderDocument writes one document, and the PKI, without which the document
// is useless.
func renderDocument(ui *console.UI, asked Options, c *cluster.Cluster, restore control.Restore) error {
	hosts, formats := asked.Hosts, asked.formats()
	if len(hosts) == 0 && len(c.Hosts()) == 1 {
		hosts = []string{c.Hosts()[0].Name}
	}
	toFile := asked.Output != pipe
	switch {
	case len(hosts) != 1:
		return exit.Usage("-o - prints one document: name its host with one --host")
	case len(formats) != 1:
		return exit.Usage("-o - prints one document: name its format with one --format")
	case asked.JSON && toFile:
		return exit.Usage("--json is for a directory of documents: leave it out, or name a directory with -o")
	case asked.JSON:
		return exit.Usage("-o - and --json both write to stdout: leave one out")
	case !toFile && ui.Terminal && !asked.Redact && holdsKeys(formats[0]):
		return exit.Usage("a document may hold keys and is not printed on a terminal: pipe it, or name a file or a directory with -o")
	}
	if toFile {
		if err := files.Preflight(asked.Output, asked.File, clusterfile.LockPath(asked.File), asked.Dir()); err != nil {
			return err
		}
	}
	if err := otherclusters.Refuse(asked.File, filepath.Join(trees.Dir, c.Name), c); err != nil {
		return err
	}
	keys, err := clusterpki.OpenToRender(ui, asked.Place, c, clusterpki.Trees{WithoutLock: []string{filepath.Join(trees.Dir, c.Name)}})
	if err != nil {
		return err
	}
	w, err := issue(ui, asked, keys, control.Options{Restore: restore}, hosts)
	if err != nil {
		return err
	}
	defer w.close()
	d := w.document(formats[0])
	if d == nil {
		return exit.No("%s has no %s: only machines with static addresses on interfaces that it can name have it", hosts[0], formats[0])
	}
	if !asked.Redact && holdsKeys(formats[0]) {
		w.warnRefusedDocument(ui, d)
	}
	if toFile {
		return w.writeDocument(ui, d)
	}
	if err := w.save(ui); err != nil {
		return err
	}
	w.reportRest(ui)
	if asked := formats[0]; d.Format != asked {
		ui.Say("printed: %s, which is %s as gzip%s: give the machine this one", d.Format, asked, encoding[d.Format])
	}
	ui.Out.Write(d.Text)
	return nil
}

// holdsKeys reports whether documents of a format may hold keys.
func holdsKeys(format string) bool {
	return format != document.Kargs && format != profiles.NetworkConfig && format != profiles.MetaData
}

// document returns the machine's document in a format, packed if the machine
// gets it packed; nil if there is none.
func (w *work) document(format string) *document.Document {
	m := &w.machines[0]
	for i := range m.Documents {
		d := &m.Documents[i]
		packed := profiles.Reader(format) == d.Reader() && m.Delivers(d)
		if packed || d.Format == format && d.Reader() == "" {
			return d
		}
	}
	return nil
}

// reportRest reports on everything except the document.
func (w *work) reportRest(ui *console.UI) {
	w.membership(ui, nil)
	w.noteOthers(ui, []string{w.machines[0].Host.Name})
	w.reportPKI(ui)
}

// encoding describes the encoding of the gzip.
var encoding = map[string]string{document.GzippedText: " in base64"}

// writeDocument writes a document to the file that -o names. The file is staged
// before the PKI is written: if that fails, no certificate is issued that no
// document holds.
func (w *work) writeDocument(ui *console.UI, d *document.Document) error {
	path, mode := w.asked.Output, fs.FileMode(0o600)
	if w.asked.Redact {
		mode = 0o644
	}
	was, err := files.ReadWhole(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		was = nil
	case err != nil:
		return exit.Failed("%s: cannot be read: %w; name another file with -o", path, exit.Reason(err))
	case len(was) > 0:
		if err := w.replaceable(path, was, d); err != nil {
			return err
		}
	}
	staged, err := files.Stage(path, was, mode)
	if err != nil {
		return err
	}
	defer staged.Discard()
	if err := staged.Fill(d.Text); err != nil {
		return err
	}
	if err := w.save(ui); err != nil {
		return err
	}
	if err := staged.Put(); err != nil {
		return err
	}
	w.reportRest(ui)
	if mode == 0o600 && holdsKeys(d.Format) {
		warnBelowGit(ui, path)
	}
	if bytes.Equal(was, d.Text) {
		ui.Say("%s is unchanged", path)
	} else {
		ui.Say("wrote %s: the %s document of %s", path, d.Format, w.machines[0].Host.Name)
	}
	return nil
}

// replaceable refuses a file that is not an earlier document of the same host,
// or has other keys: it may be the last that holds them.
func (w *work) replaceable(path string, was []byte, d *document.Document) error {
	other := exit.Failed("%s: exists, is not such a document of %s and is not overwritten; name another file with -o", path, w.machines[0].Host.Name)
	if !slices.Contains(profiles.Formats(), d.Format) {
		if kindOf(was) != kindOf(d.Text) {
			return other
		}
		return nil
	}
	old, err := rendered.Machine(document.Document{Format: d.Format, Path: path, Text: was})
	if err != nil || old.Name != w.machines[0].Host.Name || was[0] != d.Text[0] { // JSON would pass as YAML
		return other
	}
	here := clusterpki.IDs(w.issued.Set)
	if c, _, _ := rendered.Head(was); c != "" && c != w.cluster.Name || slices.ContainsFunc(trees.AuthoritiesOn(old), func(id string) bool { return !slices.Contains(here, id) }) ||
		slices.ContainsFunc(trees.SharedKeysOn(old, w.cluster), func(k trees.SharedKey) bool { return k.ID != "" && !slices.Contains(here, k.ID) }) {
		return exit.Failed("%s: was rendered for another cluster, or with other keys than %s holds, and may be the last record of them: name another file with -o, or move it away", path, w.keys.Store.Name())
	}
	return nil
}

// kindOf returns the beginning of a small file, which shows its kind.
func kindOf(text []byte) string {
	for _, packed := range []string{"\x1f\x8b", "H4sI"} { // gzip, and the same in base64
		if bytes.HasPrefix(text, []byte(packed)) {
			return packed
		}
	}
	return string(text[:bytes.IndexAny(text, ":=")+1])
}

// warnBelowGit warns about a file with keys in a git repository without a
// .gitignore that covers it.
func warnBelowGit(ui *console.UI, path string) {
	full, err := filepath.Abs(path)
	if err != nil {
		return
	}
	for dir := filepath.Dir(full); ; dir = filepath.Dir(dir) {
		ignore, _ := files.Read(filepath.Join(dir, ".gitignore"))
		if hasLine(ignore, "*") {
			return
		}
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			ui.Warn(path + " holds a key and is in a git repository, and no .gitignore above it ignores everything: move it, or make sure that it is never committed")
			return
		}
		if dir == filepath.Dir(dir) {
			return
		}
	}
}

func hasLine(text []byte, line string) bool {
	for l := range strings.Lines(string(text)) {
		if strings.TrimRight(l, "\r\n") == line {
			return true
		}
	}
	return false
}
