package render

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hagen/out/review/diff"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/decide"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/gen/redact"
	"hagen/out"
	"hagen/out/review/rendered"
	"hagen/out/review/twin"
	"hagen/out/tree"
	"hagen/profiles"
)

// Golden compares twins with what a render would write, or rewrites them.
// In the twins that it compares, all lines of open items are shown.
func Golden(ui *console.UI, asked Options, dir string, update bool, open []string) error {
	if err := knownFormats(asked.Formats); err != nil {
		return err
	}
	if err := checkTwinsDir(asked.Place, dir, update); err != nil {
		return err
	}
	w, err := renderTwins(ui, asked, dir)
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.complete(ui, dir, update); err != nil {
		return err
	}
	if _, err := w.proveTwins(); err != nil {
		return decide.Fault(err)
	}
	if update {
		result, err := writeTwins(ui, dir, w.files(), nil)
		if err != nil {
			return err
		}
		reportTwins(ui, dir, result)
		return nil
	}
	nodes := slices.Clone(w.decided.Nodes)
	if read, err := rendered.ReadEdited(tree.Files(dir)); err == nil {
		for _, h := range read.Hosts {
			nodes = append(nodes, h.Node)
		}
	}
	if err := trees.RefuseUnknown(open, nodes); err != nil {
		return err
	}
	return compareTwins(ui, asked.Place, dir, w.files(), w.view(open...))
}

// checkTwinsDir refuses a directory without twins before anything is computed.
// With update it need not exist.
func checkTwinsDir(at clusterfile.Place, dir string, update bool) error {
	hint := at.Command("golden --update", dir) + " writes the twins"
	if update {
		if err := files.Preflight(dir, at.File, at.Dir()); err != nil {
			return err
		}
	} else if err := files.IsDirectory(dir, hint); err != nil {
		return err
	}
	if err := trees.RefuseNested(dir, true); err != nil {
		return err
	}
	documents, twins := out.Holds(tree.Files(dir))
	switch {
	case documents:
		return exit.Usage("%s: holds documents with private keys, not twins; name another directory", dir)
	case !twins && !update:
		return exit.Usage("%s: %w; %s", dir, out.ErrNoTwins, hint)
	}
	return nil
}

// renderTwins computes what hagen render --redact would write. It does not
// create a PKI: twins of keys that exist nowhere are useless.
func renderTwins(ui *console.UI, asked Options, twins string) (*work, error) {
	c, err := clusterfile.ReadLocked(ui, asked.File)
	if err != nil {
		return nil, err
	}
	if err := refuseUnverified(c, nil, asked.Formats); err != nil {
		return nil, err
	}
	dir := asked.Dir()
	if err := files.Preflight(dir, asked.File); err != nil {
		return nil, err
	}
	noPKI := exit.Failed("%s: holds no PKI, and twins show which certificates and keys a machine gets: copy the directory that hagen render keeps here, or name it with --pki", dir)
	if err := clusterpki.RefuseMissing(asked.Place, c, clusterpki.Trees{Always: []string{twins}}); err != nil {
		return nil, err
	}
	// Open would create the directory.
	if entries, err := os.ReadDir(dir); errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, noPKI
	}
	keys, err := clusterpki.Open(ui, asked.Place, c, clusterpki.Trees{Always: []string{twins}})
	if err != nil {
		return nil, err
	}
	if len(keys.Store.Set()) == 0 {
		keys.Close()
		return nil, noPKI
	}
	asked.Redact = true
	return issue(ui, asked, keys, control.Options{}, nil)
}

// complete returns the answer no if the PKI lacks something that a render would
// issue: twins cannot describe keys that do not exist yet.
func (w *work) complete(ui *console.UI, dir string, update bool) error {
	s := w.summary(w.asked.Dir())
	if s.issued() == 0 {
		return nil
	}
	ui.Say("a render would issue certificates and keys in %s:", s.Directory)
	s.printChanges(ui)
	if update {
		return exit.Failed("%s: is not written, because the PKI is incomplete; run %s first", dir, w.asked.Command("render"))
	}
	return exit.No("%s: differs from a render, which would first issue these; run %s, then %s", dir, w.asked.Command("render"), w.asked.Command("golden --update", dir))
}

// compareTwins prints the lines in which a directory differs, as far as they may be
// shown: what is in it may be no twin.
func compareTwins(ui *console.UI, at clusterfile.Place, dir string, files []tree.File, v *redact.View) error {
	root, err := os.OpenRoot(dir) // links cannot lead out of it
	if err != nil {
		return exit.Failed("%s: cannot be opened: %w", dir, exit.Reason(err))
	}
	defer root.Close()
	differences, err := out.Differences(tree.FilesWithin(root), files)
	if err != nil {
		return exit.Failed("%s", trees.FaultsIn(dir, err))
	}
	if len(differences) == 0 {
		ui.Say("%s is as rendered: %d twins", dir, len(files))
		return nil
	}
	var paths []string
	for _, d := range differences {
		paths = append(paths, d.Path)
	}
	for _, d := range differences {
		path := filepath.Join(dir, filepath.FromSlash(d.Path))
		switch host, ofMachine := strings.CutSuffix(d.Path, document.Path("", profiles.Ignition)); {
		case ofMachine && d.Have != nil && d.Want != nil && slices.Contains(paths, document.Path(host, profiles.Butane)):
			ui.Say("%s differs like the Butane document beside it", path)
		default:
			if d.Have != nil && d.Path != out.TwinsName {
				d.Have = twin.OfDocument(v, d.Path, d.Have, d.Want)
			}
			if bytes.Equal(d.Have, d.Want) && d.Want != nil {
				ui.Say("%s differs only in what no twin shows: keys, comments, or its form", path)
				continue
			}
			ui.Out.Write([]byte(console.Printable(string(unified(path, d)))))
		}
	}
	return exit.No("%s: differs from a render in %d of %d files; read the change, then run %s", dir, len(paths), len(files)+1, at.Command("golden --update", dir))
}

// unified formats a difference like diff -u.
func unified(path string, d out.Difference) []byte {
	have, want := path, path+" (rendered)"
	if d.Have == nil {
		have = os.DevNull
	}
	if d.Want == nil {
		want = os.DevNull
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "diff %s %s\n--- %[1]s\n+++ %[2]s\n", have, want)
	for _, h := range diff.Hunks(string(d.Have), string(d.Want)) {
		fmt.Fprintf(&b, "%s\n%s\n", h.Head(), strings.Join(h.Lines, "\n"))
	}
	return b.Bytes()
}
