package compare

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/out/review/plan"
)

// PlanOptions are the options of hagen plan.
type PlanOptions struct {
	clusterfile.Place
	Sides          [2]string // as the user wrote them: cluster files, trees, or Fresh
	Reimage        bool
	NodesFit       bool
	JSON, Markdown bool
	Delta          string   // a directory for scripts that follow the plan
	Undelivered    bool     // nobody knows which certificates machines have
	Without        []string // machines that are off
}

// Plan prints the steps from one side to another.
func Plan(ui *console.UI, asked PlanOptions) error {
	before, after, err := readSides(ui, asked)
	if err != nil {
		return err
	}
	if err := refuseDelta(asked, after); err != nil {
		return err
	}
	if asked.Undelivered {
		if !before.decided {
			return exit.Usage("--undelivered: %s is a cluster file, which has no certificates: name as OLD the rendered directory, of which machines may lack certificates", before.Name)
		}
		before.Trees[0].Machines = plan.Undelivered(before.Trees[0].Machines)
	}
	now, err := ui.Time()
	if err != nil {
		return err
	}
	decided, err := decideSides(now, before, after)
	if err != nil {
		return err
	}
	asked.Without = slices.Compact(slices.Sorted(slices.Values(asked.Without)))
	if err := exit.AllKnown("host", asked.Without, decided.hosts()); err != nil {
		return err
	}
	off, err := asked.off(ui, pkiOf(before, after, asked.Place), decided)
	if err != nil {
		return err
	}
	if asked.NodesFit && !plan.AboutNodes(decided.before, decided.after) {
		return exit.Usage("--nodes-fit: this change does not affect the pod ranges of Nodes; leave the flag out")
	}
	p := plan.Of(decided.before, decided.after, plan.Options{
		Reimage: asked.Reimage, Without: asked.Without, NodesFit: asked.NodesFit, Documents: after.documents, Former: before.documents,
		File: after.commandFile(asked.Place), PKI: pkiOf(before, after, asked.Place), PKIFlag: asked.PKI != "", Now: now,
	})
	p.Unknown = append(p.Unknown, decided.unknown...)
	for _, s := range []struct {
		name  string
		hosts []string
	}{{before.Name, decided.before.Cluster.Unplaced()}, {after.Name, decided.after.Cluster.Unplaced()}} {
		if len(s.hosts) > 0 && !p.Same {
			p.Unknown = append(p.Unknown, fmt.Sprintf("%s is a tree, which does not say at which addresses %s answers: check what DNS has to resolve", s.name, strings.Join(s.hosts, ", ")))
		}
	}
	if after.isTree() && !p.Same {
		p.Unknown = append(p.Unknown, after.Name+" is a tree, which does not say which names certificates keep that the cluster file has dropped: hagen render names them")
	}
	if asked.Undelivered && !p.Same {
		p.Unknown = append(p.Unknown, "which certificates machines have is not known, nor whether they have ended: if nothing answers, begin with step 1, without the preparation, whose checks cannot succeed then")
	}
	if p.Same && !asked.JSON && !asked.Markdown {
		ui.Say("two sets of documents were compared, and no machine was asked: %s asks servers which certificates they show", asked.Command("pki check", "--live"))
	}
	if p.Possible {
		clusterpki.Warn(ui, asked.Place, clusterpki.TreeOf(asked.Place, decided.after.Cluster.Name), off, decided.warnings)
	}
	var delivered string
	if asked.Delta != "" && p.Possible {
		written, err := writeDelta(ui, asked, p, before, after, decided)
		if err != nil {
			return err
		}
		if written {
			delivered = asked.Delta
		}
	}
	switch {
	case asked.JSON:
		ui.JSON(planSummary{p, after.placed(p), delivered, console.List(ui.Warnings), console.List(ui.Notes)})
	case asked.Markdown:
		fmt.Fprint(ui.Out, p.Markdown(before.Name, after.Name))
	case p.Possible:
		fmt.Fprint(ui.Out, p.Text(before.Name, after.Name, ui.Style()))
		if delivered != "" {
			fmt.Fprintf(ui.Out, "\nAll of this, step by step\n  sh %s/deliver.sh\n", clusterfile.Word(delivered))
		}
	}
	if !p.Possible {
		return after.refused(p)
	}
	return nil
}

// planSummary is what --json prints.
type planSummary struct {
	plan.Plan
	Refused  []placedRefusal `json:"refused"`         // as the plan's, with their places
	Delta    string          `json:"delta,omitempty"` // the directory with its scripts
	Warnings []string        `json:"warnings"`
	Notes    []string        `json:"notes"`
}

// placedRefusal is a refusal and where it is in the new cluster file.
type placedRefusal struct {
	plan.Refusal
	File   string `json:"file,omitempty"` // "" if the new side is a tree
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// pkiOf returns the directory of certificates and keys: that of the flag, or the one beside
// the cluster file that is on disk.
func pkiOf(before, after *planSide, at clusterfile.Place) string {
	for _, s := range []*planSide{before, after} { // the new file wins
		if !s.isTree() && !s.revision {
			at.File = s.source.Name
		}
	}
	return filepath.ToSlash(at.Dir())
}

// commandFile returns the cluster file to name in commands.
func (s *planSide) commandFile(at clusterfile.Place) string {
	if s.isTree() || s.revision {
		return at.File
	}
	return s.source.Name
}
