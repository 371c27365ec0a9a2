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
	"hagen/out"
	"hagen/out/review/rendered"
	"hagen/out/review/twin"
	"hagen/out/tree"
)

// Redact writes the twins of a tree.
func Redact(ui *console.UI, dir, to string) error {
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
	texts, without, err := twin.OfTree(read)
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
	reportTwins(ui, to, result)
	return nil
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
