// Package compare compares two trees or two cluster files.
package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/node"
	"hagen/out/review/order"
	"hagen/out/review/show"
)

// diffSummary is what --json prints. Its fields are an interface: they are
// added to, never renamed.
type diffSummary struct {
	Same     bool          `json:"same"`
	Before   string        `json:"before"`
	After    string        `json:"after"`
	Clusters []clusterDiff `json:"clusters"`
	Unknown  []string      `json:"unknown"` // what a side cannot know yet
	Warnings []string      `json:"warnings"`
	Notes    []string      `json:"notes"`
}

type clusterDiff struct {
	Cluster string `json:"cluster"`
	order.Order
}

// DiffOptions are the options of hagen diff.
type DiffOptions struct {
	clusterfile.Place
	Sides          [2]string // as the user wrote them; Fresh is a render
	JSON, Markdown bool
	Show           []string // items of which all lines are shown
}

// Diff prints the changes from one tree to another.
func Diff(ui *console.UI, asked DiffOptions) error {
	s := diffSummary{Same: true, Unknown: []string{}}
	var sides [2]trees.Side
	for i := range sides {
		if i == 1 && asked.Sides[1] == asked.Sides[0] {
			sides[1] = sides[0] // two fresh renders would have different trial certificates
			continue
		}
		var unknown string
		var err error
		if sides[i], unknown, err = readSide(ui, asked, asked.Sides[i]); err != nil {
			return err
		}
		s.Unknown = says(s.Unknown, unknown)
	}
	pairs, err := match(sides[0], sides[1])
	if err != nil {
		return err
	}
	s.Before, s.After = sides[0].Name, sides[1].Name
	var machines [][]node.Node
	for _, p := range pairs {
		machines = append(machines, p.before.Machines.Machines, p.after.Machines.Machines)
	}
	if err := trees.RefuseUnknown(asked.Show, machines...); err != nil {
		return err
	}
	for _, p := range pairs {
		d := order.Of(p.before.Machines, p.after.Machines, asked.Show...)
		s.Same = s.Same && d.Same
		s.Clusters = append(s.Clusters, clusterDiff{p.cluster, d})
		if d.Same {
			p.noteTexts(ui)
		}
	}
	s.Warnings, s.Notes = console.List(ui.Warnings), console.List(ui.Notes)
	s.print(ui, asked)
	if !s.Same {
		return exit.Differs{}
	}
	return nil
}

func (s diffSummary) print(ui *console.UI, asked DiffOptions) {
	if asked.JSON {
		ui.JSON(s)
		return
	}
	for i, c := range s.Clusters {
		if i > 0 {
			fmt.Fprintln(ui.Out)
		}
		heading := show.Heading{Cluster: c.Cluster, Before: s.Before, After: s.After, Unknown: s.Unknown}
		if asked.Markdown {
			fmt.Fprint(ui.Out, show.Markdown(c.Order, heading))
		} else {
			fmt.Fprint(ui.Out, show.Text(c.Order, heading, ui.Style()))
		}
	}
}

// readSide reads a tree, or renders the cluster for Fresh.
func readSide(ui *console.UI, asked DiffOptions, argument string) (s trees.Side, unknown string, err error) {
	if argument == Fresh {
		r, err := fresh(ui, asked.Place, asked.Sides[:]...)
		return trees.Side{Name: argument, Trees: []trees.Tree{r.Tree}}, r.unknown, err
	}
	s, err = trees.Read(argument)
	return s, "", err
}

// says adds a line unless it is empty.
func says(lines []string, line string) []string {
	if line == "" {
		return lines
	}
	return append(lines, line)
}

// treePair is one cluster on both sides; a side without it is empty.
type treePair struct {
	cluster       string
	before, after trees.Tree
}

// match pairs clusters with the same name. If each side is one cluster, their
// names may differ.
func match(before, after trees.Side) ([]treePair, error) {
	if !before.Several && !after.Several {
		b, a := before.Trees[0], after.Trees[0]
		name := a.Cluster
		if name == "" {
			name = b.Cluster
		}
		return []treePair{{name, b, a}}, nil
	}
	for _, s := range []struct{ one, many *trees.Side }{{&before, &after}, {&after, &before}} {
		if s.one.Several {
			continue
		}
		name := s.one.Trees[0].Cluster
		i := slices.IndexFunc(s.many.Trees, func(c trees.Tree) bool { return c.Cluster == name })
		if i < 0 {
			return nil, exit.Usage("%s holds the clusters %s, but %s is cluster %q: name the directory of one", s.many.Name, strings.Join(s.many.Names(), ", "), s.one.Name, name)
		}
		s.many.Trees = s.many.Trees[i : i+1]
		return []treePair{{name, before.Trees[0], after.Trees[0]}}, nil
	}
	pairs := map[string]treePair{}
	for _, c := range before.Trees {
		pairs[c.Cluster] = treePair{cluster: c.Cluster, before: c}
	}
	for _, c := range after.Trees {
		p := pairs[c.Cluster]
		p.cluster, p.after = c.Cluster, c
		pairs[c.Cluster] = p
	}
	var out []treePair
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		out = append(out, pairs[name])
	}
	return out, nil
}

// noteTexts warns about documents whose text differs although their machines do
// not: in comments, or because one was edited and no longer matches the
// document beside it.
func (p treePair) noteTexts(ui *console.UI) {
	var hosts []string
	for _, host := range slices.Sorted(maps.Keys(p.after.Texts)) {
		old, new := p.before.Texts[host], p.after.Texts[host]
		if old.Read != "" && old.Read == new.Read && old.Other != new.Other {
			hosts = append(hosts, host)
		}
	}
	if len(hosts) > 0 {
		ui.Warn(fmt.Sprintf("%s: the Ignition documents are the same, but the Butane texts differ: comments, or a change by hand", strings.Join(hosts, ", ")))
	}
}
