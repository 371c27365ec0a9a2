package render

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/out"
	"hagen/out/review/rendered"
	"hagen/out/review/twin"
	"hagen/out/tree"
)

// Redact writes the twins of a tree, with all lines of open items.
func Redact(ui *console.UI, dir, to string, open []string) error {
	if err := files.IsDirectory(dir, "hagen render writes one"); err != nil {
		return err
	}
	if to == "" {
		var err error
		if to, err = redactedName(dir); err != nil {
			return err
		}
	}
	if err := files.Preflight(to, dir); err != nil {
		return err
	}
	if err := trees.RefuseNested(to, true); err != nil {
		return err
	}
	read, err := rendered.Read(tree.Files(dir))
	if err != nil {
		return exit.Failed("%s", trees.FaultsIn(dir, err))
	}
	var nodes []node.Node
	for _, h := range read.Hosts {
		nodes = append(nodes, h.Node)
	}
	if err := trees.RefuseUnknown(open, nodes); err != nil {
		return err
	}
	v := redact.ViewOf(nodes, open...)
	texts, without, err := twin.OfTree(v, read)
	if err != nil {
		return exit.Failed("%s: has no twin: %w", dir, err)
	}
	result, err := writeTwins(ui, to, twinFiles(texts), nil)
	if err != nil {
		return err
	}
	if len(without) > 0 {
		ui.Say("not documents of a machine, so without a twin: %s", strings.Join(without, ", "))
	}
	sayUnshown(ui, v, nodes)
	reportTwins(ui, to, result)
	return nil
}

// sayUnshown says which lines twins do not show.
func sayUnshown(ui *console.UI, v *redact.View, nodes []node.Node) {
	hosts := map[string][]string{}
	for _, n := range nodes {
		for _, item := range redact.Unshown(v.Node(n)) {
			hosts[item] = append(hosts[item], n.Name)
		}
	}
	for _, item := range slices.Sorted(maps.Keys(hosts)) {
		ui.Say("%s of %s: has lines that are not hagen's, which its twin counts; --show %[1]s shows them", item, strings.Join(hosts[item], ", "))
	}
	if len(hosts) > 0 && !v.Keyed() {
		ui.Warn("the tree has no key of the cluster, so the fingerprints of these lines are plain SHA-256: who guesses a line can verify the guess (docs/twins.md)")
	}
}

// redactedName returns the default directory for the twins of a tree.
func redactedName(dir string) (string, error) {
	name := filepath.Clean(dir)
	if base := filepath.Base(name); base == "." || base == ".." {
		full, err := filepath.Abs(name)
		if err != nil {
			return "", exit.Failed("%s: %w; name another place with -o", dir, err)
		}
		name = full
	}
	if name == filepath.Dir(name) {
		return "", exit.Usage("%s: name a directory for the twins with -o", dir)
	}
	return name + "-redacted", nil
}

// twinFiles returns the files of a directory of twins.
func twinFiles(texts map[string][]byte) []tree.File {
	var files []tree.File
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		files = append(files, tree.File{Path: path, Mode: 0o644, Data: texts[path]})
	}
	return files
}

// writeTwins writes a directory of twins.
func writeTwins(ui *console.UI, dir string, files []tree.File, scope out.Scope) (out.Result, error) {
	target, err := tree.Open(dir, ui.Waiting(dir))
	if err != nil {
		return out.Result{}, exit.Failed("%w", err)
	}
	defer target.Close()
	result, err := out.WriteTwins(target, files, scope)
	ui.WarnEach(target.Notes())
	if err != nil {
		return out.Result{}, exit.Failed("%w", err)
	}
	return result, nil
}

// reportTwins reports what was written to a directory of twins.
func reportTwins(ui *console.UI, dir string, result out.Result) {
	for _, path := range result.Removed {
		ui.Say("removed %s", path)
	}
	if !result.Changed {
		ui.Say("nothing changed in %s", dir)
		return
	}
	ui.Say("wrote %s: %d twins, %d of them new or changed", dir, len(result.Written)+len(result.Kept), len(result.Written))
}
