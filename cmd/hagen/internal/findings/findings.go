// Package findings checks a tree and prints what it finds.
package findings

import (
	"fmt"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/check"
	"hagen/gen/encode"
	"hagen/gen/node"
	"hagen/out/outside/verify"
	"hagen/out/review/rendered"
	"hagen/out/tree"
	"hagen/profiles"
)

// checked is what --json prints.
type checked struct {
	Directory string          `json:"directory"`
	Cluster   string          `json:"cluster,omitempty"`
	Machines  []string        `json:"machines"`
	Errors    int             `json:"errorCount"`
	Warnings  int             `json:"warningCount"`
	Findings  []check.Finding `json:"findings"`
	Notes     []string        `json:"notes"` // checks that could not run
}

// Check checks a tree, the only one if dir is empty, and prints the findings.
func Check(ui *console.UI, dir string, with, show []string, asJSON bool) error {
	programs, err := programNames(with)
	if err != nil {
		return err
	}
	if dir == "" {
		if dir, err = trees.Only(); err != nil {
			return err
		}
	}
	tree, err := rendered.ReadEdited(tree.Files(dir))
	if err != nil {
		return exit.Failed("%s", trees.FaultsIn(dir, err))
	}
	now, err := ui.Time()
	if err != nil {
		return err
	}
	in := checkInput(tree, now)
	in.Show = show
	var nodes []node.Node
	for _, m := range in.Machines {
		nodes = append(nodes, m.Node)
	}
	if err := trees.RefuseUnknown(show, nodes); err != nil {
		return err
	}
	report := check.Run(in)
	found, notes, err := verify.Run(programs, verifyInput(tree), show...)
	if err != nil {
		return exit.Failed("%w", err)
	}
	result := checked{
		Directory: dir, Cluster: tree.Cluster, Machines: []string{},
		Findings: append(append([]check.Finding{}, report.Findings...), found...), // [] in JSON, not null
		Notes:    append(append([]string{}, report.Notes...), notes...),
	}
	for _, h := range tree.Hosts {
		result.Machines = append(result.Machines, h.Node.Name)
	}
	for _, f := range result.Findings {
		if f.Severity == check.Error {
			result.Errors++
		} else {
			result.Warnings++
		}
	}
	return result.print(ui, asJSON)
}

// print prints the findings on stdout, and the summary on stderr.
func (c checked) print(ui *console.UI, asJSON bool) error {
	if asJSON {
		ui.JSON(c)
	} else {
		for _, f := range c.Findings {
			fmt.Fprint(ui.Out, console.Printable(explain(f)))
		}
	}
	for _, n := range c.Notes {
		ui.Line("note:", " "+n)
	}
	sum := fmt.Sprintf("%s, %s in %s", console.Number(c.Errors, "error"), console.Number(c.Warnings, "warning"), c.Directory)
	switch {
	case c.Errors > 0:
		return exit.No("%s", sum)
	case c.Warnings > 0:
		ui.Say("%s", sum)
	default:
		ui.Say("%s in %s: nothing found", console.Number(len(c.Machines), "machine"), c.Directory)
	}
	return nil
}

// widest is how many bytes of a line are shown: some lines hold a whole
// command.
const widest = 110

// explain formats a finding like a fault of a cluster file: where and what, the
// line with a caret, why, and the remedy.
func explain(f check.Finding) string {
	var b strings.Builder
	if f.Host != "" {
		b.WriteString(f.Host + ": ")
	}
	b.WriteString(f.Item)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	if f.Column > 0 {
		fmt.Fprintf(&b, ":%d", f.Column)
	}
	fmt.Fprintf(&b, ": %s: %s (%s)\n", f.Severity, f.Problem, f.Rule)
	if f.Text != "" && f.Column > 0 && f.Column <= len(f.Text)+1 {
		text, before := strings.ReplaceAll(f.Text, "\t", " "), f.Column-1
		if cut := before - widest/2; len(text) > widest && cut > 0 {
			text, before = "…"+strings.ToValidUTF8(text[cut:], ""), before-cut+1
		}
		if len(text) > widest {
			text = strings.ToValidUTF8(text[:widest], "") + "…"
		}
		fmt.Fprintf(&b, "%5d | %s\n      | %s^\n", f.Line, text, strings.Repeat(" ", before))
	} else if f.Text != "" { // of a line that is hidden
		fmt.Fprintf(&b, "%5d | %s\n", f.Line, f.Text)
	}
	fmt.Fprintf(&b, "      %s\n      %s\n", f.Why, f.Remedy)
	return b.String()
}

// checkInput converts a tree for the checker, which skips other files that are
// not kubeconfigs.
func checkInput(tree rendered.Tree, now time.Time) check.Input {
	in := check.Input{Now: now}
	for _, h := range tree.Hosts {
		m := check.Machine{Node: h.Node, OS: h.OS, Differing: h.Differing, OtherBytes: h.OtherBytes}
		if h.Meta.InstanceID != "" {
			m.Meta = &check.Meta{InstanceID: h.Meta.InstanceID, LocalHostname: h.Meta.LocalHostname, Derived: h.Instance}
		}
		in.Machines = append(in.Machines, m)
	}
	for _, f := range tree.Others {
		in.Kubeconfigs = append(in.Kubeconfigs, node.File{Path: f.Path, Contents: f.Text})
	}
	return in
}

func verifyInput(tree rendered.Tree) (out []verify.Machine) {
	for _, h := range tree.Hosts {
		m := verify.Machine{Node: h.Node}
		for _, d := range h.Documents {
			switch d.Format {
			case profiles.Ignition:
				// No error: the tree was read, including what documents carry.
				m.Ignition, _, _ = encode.Given(d.Text, h.OS)
			case profiles.UserData:
				m.UserData = d.Text
			}
		}
		out = append(out, m)
	}
	return out
}

// programNames reads the values of --with.
func programNames(given []string) ([]string, error) {
	var names []string
	for _, list := range given {
		names = append(names, strings.Split(list, ",")...)
	}
	return names, exit.AllKnown("program", names, verify.Names())
}
