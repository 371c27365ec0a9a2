// Package media writes boot media, from a rendered tree that was reviewed.
package media

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/bases"
	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/spec"
	"hagen/out/media"
	"hagen/profiles"
)

// Dir is where media of a cluster are written by default: in the directory of its name.
const Dir = "media"

// Options are the options of hagen media.
type Options struct {
	File   string   // the cluster file
	Tree   string   // "" is the cluster's in trees.Dir
	Output string   // "" is the cluster's in Dir
	Hosts  []string // none is all
	Kinds  []string // none is all that the documents and the cluster file allow
	Bases  []string // images that media are made from; with them, no kinds are those of the bases
	JSON   bool
}

// Make makes media of a tree.
func Make(ui *console.UI, asked Options) error {
	if err := exit.AllKnown("kind", asked.Kinds, profiles.KindNames()); err != nil {
		return err
	}
	c, err := clusterfile.Read(ui, asked.File)
	if err != nil {
		return err
	}
	if err := exit.AllKnown("host", asked.Hosts, names(c)); err != nil {
		return err
	}
	dir := cmp.Or(asked.Tree, filepath.Join(trees.Dir, c.Name))
	from, err := read(ui, c, asked.File, dir)
	if err != nil {
		return err
	}
	to := cmp.Or(asked.Output, filepath.Join(Dir, c.Name))
	if asked.Output == "" && from.Twins {
		to += "-redacted"
	}
	if err := files.Preflight(to, asked.File, dir); err != nil {
		return err
	}
	if err := trees.RefuseDocuments(to, from.Twins); err != nil {
		return err
	}
	base, err := bases.Open(asked.Bases)
	if err != nil {
		return err
	}
	defer base.Close()
	run := run{asked: asked, cluster: c, from: from, to: to, bases: base}
	if err := run.make(ui); err != nil {
		return err
	}
	return run.write(ui)
}

func names(c *cluster.Cluster) (names []string) {
	for _, h := range c.Hosts() {
		names = append(names, h.Name)
	}
	return names
}

// run is one run of hagen media.
type run struct {
	asked   Options
	cluster *cluster.Cluster
	from    source
	to      string // the directory to write
	bases   bases.Bases
	kinds   []string
	made    []media.File
}

// make makes the media that are asked for. A kind that was named and that no machine
// reads is refused; one that was not named is left out.
func (r *run) make(ui *console.UI) error {
	hosts := r.asked.Hosts
	if len(hosts) == 0 {
		hosts = names(r.cluster)
	}
	if err := r.take(hosts); err != nil {
		return err
	}
	possible := media.Makes(r.from.Source, hosts)
	for _, kind := range r.kinds {
		if err := media.Needs(r.from.Source, kind); err != nil {
			return exit.Usage("--kind %s: %w", kind, err)
		}
		if !slices.Contains(possible, kind) {
			return exit.Usage("--kind %s: nothing on %s reads it; hagen channels says what does", kind, strings.Join(hosts, ", "))
		}
	}
	if len(r.kinds) == 0 {
		r.kinds = possible
	}
	if err := media.CheckNetwork(r.from.Source, r.kinds, hosts); err != nil {
		return exit.Usage("%w", err)
	}
	if err := r.found(hosts); err != nil {
		return err
	}
	made, err := media.Make(r.from.Source, r.kinds, hosts)
	if err != nil {
		if media.OnlyTooLarge(err) {
			return exit.No("%w\nNothing was written.", err)
		}
		return exit.Usage("%w\nNothing was written.", err)
	}
	r.made = made
	for _, note := range media.Doubts(r.from.Source, r.kinds, hosts) {
		ui.Note(note)
	}
	return r.measure(ui)
}

// found refuses machines without a MAC address, all at once, for kinds that find a machine
// by it.
func (r *run) found(hosts []string) error {
	var faults []spec.Fault
	for _, h := range r.cluster.Hosts() {
		lacks := slices.ContainsFunc(r.kinds, func(name string) bool {
			kind, _ := profiles.FindKind(name)
			return kind.ByMAC && slices.ContainsFunc(h.OS.Formats, func(format string) bool { return kind.Serves(profiles.Reader(format)) })
		})
		if lacks && h.MAC == "" && slices.Contains(hosts, h.Name) {
			faults = append(faults, spec.Fault{At: h.At, Problem: h.Name + " has no mac, by which a machine that boots over the network finds its files", Remedy: `add mac: "52:54:00:89:d8:10", as the machine shows it`})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	text, err := clusterfile.Text(r.asked.File)
	if err != nil {
		return err
	}
	return exit.With(exit.CodeUsage, spec.Refuse(spec.Source{Name: r.asked.File, Text: text}, faults))
}
