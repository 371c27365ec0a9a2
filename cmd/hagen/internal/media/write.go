package media

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/document"
	"hagen/out"
	"hagen/out/media"
	"hagen/out/tree"
	"hagen/profiles"
)

// write writes the media, and the list of all that are in the directory.
func (r *run) write(ui *console.UI) error {
	target, err := tree.Open(r.to, ui.Waiting(r.to))
	if err != nil {
		return exit.Failed("%w", err)
	}
	defer target.Close()
	before, err := r.before(target)
	if err != nil {
		return err
	}
	list := before.With(r.made, r.gone).Outdated(r.from.Source)
	list.Cluster, list.Twins = r.cluster.Name, r.from.Twins
	prepared, err := r.prepare(target, list, before)
	if err != nil {
		return exit.Failed("%w", err)
	}
	defer prepared.Discard()
	result, err := prepared.Commit()
	if err != nil {
		return exit.Failed("%w", err)
	}
	ui.WarnEach(target.Notes())
	ui.WarnEach(result.Notes)
	r.report(ui, list, result)
	return nil
}

// before reads the list of what an earlier run wrote, if there was one.
func (r *run) before(target *tree.Dir) (media.List, error) {
	name := filepath.Join(r.to, document.MediaPath)
	text, err := fs.ReadFile(tree.Files(target.Path()), document.MediaPath)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return media.List{}, nil
	case err != nil:
		return media.List{}, exit.Failed("%s: cannot be read: %w", name, exit.Reason(err))
	}
	list, err := media.ReadList(text)
	switch {
	case err != nil:
		return media.List{}, exit.Failed("%s: %w: restore it, or move its directory away", name, err)
	case list.Cluster != r.cluster.Name:
		return media.List{}, exit.Usage("%s: holds media of the cluster %s: name another directory with -o", r.to, list.Cluster)
	}
	return list, nil
}

// gone reports whether a medium that is not made again is removed: this run made all of
// its kind for its host, or the cluster has no such host any more. What was made from a
// base stays in a run without one.
func (r *run) gone(m media.Medium) bool {
	if m.Host != "" && !slices.Contains(names(r.cluster), m.Host) {
		return true
	}
	asked := len(r.asked.Hosts) == 0 || slices.Contains(r.asked.Hosts, m.Host)
	kind, _ := profiles.FindKind(m.Kind)
	return asked && (len(r.asked.Kinds) == 0 && kind.Base == "" || slices.Contains(r.kinds, m.Kind))
}

// prepare stages the directory: with keys as a rendered tree is, twins as twins.
func (r *run) prepare(target *tree.Dir, list, before media.List) (*out.Prepared, error) {
	var all []tree.File
	for _, f := range r.made {
		file := tree.File{Path: f.File, Mode: 0o600, Data: f.Data}
		if f.BaseOf != nil {
			file.Fill = r.bases.Fill(f)
			if _, err := hex.Decode(file.Sum[:], []byte(f.SHA256)); err != nil {
				return nil, err
			}
		}
		all = append(all, file)
	}
	all = append(all, tree.File{Path: document.MediaPath, Mode: 0o600, Data: list.Text()})
	scope := func(path string) bool {
		at := slices.IndexFunc(before.Media, func(m media.Medium) bool { return m.File == path })
		return at >= 0 && r.gone(before.Media[at])
	}
	if r.from.Twins {
		return out.PrepareTwins(target, all, scope)
	}
	return out.Prepare(target, all, scope)
}

// summary is what --json prints. Its fields are an interface: they are added to, never
// renamed.
type summary struct {
	Cluster  string         `json:"cluster"`
	Tree     string         `json:"tree"`
	Output   string         `json:"output"`
	Twins    bool           `json:"twins"`
	Changed  bool           `json:"changed"`
	Written  []string       `json:"written"`
	Removed  []string       `json:"removed"`
	Media    []media.Medium `json:"media"` // all in the directory
	Warnings []string       `json:"warnings"`
	Notes    []string       `json:"notes"`
}

func (r *run) report(ui *console.UI, list media.List, result out.Result) {
	if old := r.earlier(list); len(old) > 0 {
		ui.Warn(fmt.Sprintf("made from an earlier render, and not made again by this run: %s", strings.Join(old, ", ")))
	}
	r.warnOfOutdated(ui, list)
	if r.asked.JSON {
		ui.JSON(summary{
			Cluster: list.Cluster, Tree: r.from.dir, Output: r.to, Twins: list.Twins, Changed: result.Changed,
			Written: console.List(result.Written), Removed: console.List(result.Removed), Media: list.Media,
			Warnings: console.List(ui.Warnings), Notes: console.List(ui.Notes),
		})
		return
	}
	console.Table(ui.Err, r.table())
	keys := 0
	for _, m := range list.Media {
		if len(m.HoldsKeysOf) > 0 {
			keys++
		}
	}
	for _, line := range r.erased() {
		ui.Say("%s", line)
	}
	for _, path := range result.Removed {
		ui.Say("removed %s", path)
	}
	if keys > 0 {
		ui.Say("%s with private keys in %s: whoever can read one is that machine to the cluster", console.Number(keys, "file"), r.to)
	}
	if result.Changed {
		ui.Say("wrote %s", r.to)
	} else {
		ui.Say("nothing changed in %s", r.to)
	}
}

// erased says of each disk on which machines install themselves, which do so.
func (r *run) erased() (lines []string) {
	var disks []string
	hosts := map[string][]string{}
	for _, f := range r.made {
		switch {
		case f.InstallDisk == "" || slices.Contains(hosts[f.InstallDisk], f.Host):
			continue
		case hosts[f.InstallDisk] == nil:
			disks = append(disks, f.InstallDisk)
		}
		hosts[f.InstallDisk] = append(hosts[f.InstallDisk], f.Host)
	}
	for _, disk := range disks {
		who := strings.Join(hosts[disk], ", ") + " install themselves"
		if len(hosts[disk]) == 1 {
			who = hosts[disk][0] + " installs itself"
		}
		lines = append(lines, fmt.Sprintf("%s on %s without asking: what is there is lost", who, disk))
	}
	return lines
}

// earlier lists the media that another render's documents are in.
func (r *run) earlier(list media.List) (old []string) {
	for _, m := range list.Media {
		if m.Document != "" && r.from.sums[m.Document] != m.DocumentSHA256 {
			old = append(old, m.File)
		}
	}
	return old
}

// warnOfOutdated warns of media for which the cluster file says something else by now,
// above all of one that installs itself on another disk.
func (r *run) warnOfOutdated(ui *console.UI, list media.List) {
	var old []string
	for _, m := range list.Media {
		switch {
		case m.Outdated && m.InstallDisk != "":
			ui.Warn(fmt.Sprintf("%s was made for an earlier cluster file, and installs %s on %s without asking: make it again with --base, or remove it", m.File, m.Host, m.InstallDisk))
		case m.Outdated:
			old = append(old, m.File)
		}
	}
	if len(old) > 0 {
		ui.Warn(fmt.Sprintf("made for an earlier cluster file, and not made again by this run: %s", strings.Join(old, ", ")))
	}
}

// table returns a row for each machine, and one for what is for all of them, with the size
// of its media of each kind.
func (r *run) table() [][]string {
	rows := [][]string{{"HOST", "OS", "MAC"}}
	for _, kind := range r.kinds {
		rows[0] = append(rows[0], strings.ToUpper(kind)+" BYTES")
	}
	hosts := append(names(r.cluster), "")
	for _, host := range hosts {
		row, found := []string{"(all)", "-", "-"}, false
		sums := make([]int64, len(r.kinds))
		for _, f := range r.made {
			if at := slices.Index(r.kinds, f.Kind); f.Host == host && at >= 0 {
				sums[at] += f.Bytes
				found = true
			}
			if f.Host == host && host != "" {
				row = []string{f.Host, f.OS, cmp.Or(f.MAC, "-")}
			}
		}
		for _, n := range sums {
			if n == 0 {
				row = append(row, "-")
			} else {
				row = append(row, console.Count(int(n)))
			}
		}
		if found {
			rows = append(rows, row)
		}
	}
	return rows
}
