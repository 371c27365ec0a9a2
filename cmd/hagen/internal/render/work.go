package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/decide"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/gen/redact"
	"hagen/out/review/twin"
	"hagen/out/tree"
	"hagen/pki"
	"hagen/profiles"
)

// work is a render before anything is written.
type work struct {
	asked    Options
	cluster  *cluster.Cluster
	options  control.Options
	keys     *clusterpki.PKI
	before   pki.Set                // what the store held
	recorded map[string]pki.Request // its records, even of what it no longer holds
	returned map[string]bool        // recorded names that the cluster requests again, but did not last time
	issued   pki.Result
	decided  *gen.Decided
	formats  []string // requested besides those of the operating systems
	alone    bool     // makes only the one requested document
	machines []gen.Machine
	others   map[string][]byte // files that belong to no machine, by path
}

// render makes the documents of these hosts. For one requested document, it
// leaves out the others that the machine needs.
func (w *work) render(hosts, formats []string) ([]gen.Machine, error) {
	machines, err := w.decided.Documents(w.options.Joining, hosts, formats)
	if err != nil {
		return nil, err
	}
	for i := range machines {
		m := &machines[i]
		m.Documents = slices.DeleteFunc(m.Documents, func(d document.Document) bool {
			return w.alone && profiles.Reader(formats[0]) != "" && d.Reader() != "" && d.Format != formats[0]
		})
	}
	return machines, nil
}

// prove holds what is written as Ignition against what Butane makes of the
// Butane documents, before anything is wrapped.
func (w *work) prove(ui *console.UI) error {
	proven, err := gen.Prove(w.cluster, w.machines)
	return reportProven(ui, proven, err)
}

// proveTwins is prove for the twins that replace the documents.
func (w *work) proveTwins() (int, error) {
	texts := map[string][]byte{}
	for _, m := range w.machines {
		for _, d := range m.Documents {
			texts[d.Path] = d.Text
		}
	}
	return twin.Prove(twinned(w.machines), texts)
}

// reportProven reports for how many machines Butane makes the same Ignition.
func reportProven(ui *console.UI, proven int, err error) error {
	switch {
	case err != nil:
		return decide.Fault(err)
	case proven == 0:
		ui.Say("nothing to prove: no machine gets Ignition, and Butane makes nothing else")
	default:
		ui.Say("proven: Butane makes the same Ignition for %s", console.Number(proven, "machine"))
	}
	return nil
}

// redact replaces all texts by their twins.
func (w *work) redact() error {
	texts, err := twin.Tree(w.view(), w.cluster.Name, twinned(w.machines), w.others)
	if err != nil {
		return decide.Fault(err)
	}
	for i := range w.machines {
		m := &w.machines[i]
		// A document that only packs another has no twin.
		m.Documents = slices.DeleteFunc(m.Documents, func(d document.Document) bool { return texts[d.Path] == nil })
		for j := range m.Documents {
			m.Documents[j].Text = texts[m.Documents[j].Path]
		}
	}
	for path := range w.others {
		w.others[path] = texts[path]
	}
	return nil
}

// view returns the view of the machines that were decided on, with all lines of open
// items.
func (w *work) view(open ...string) *redact.View {
	return redact.ViewOf(w.decided.Nodes, open...)
}

// twinned converts rendered machines to what package twin needs.
func twinned(machines []gen.Machine) []twin.Machine {
	var out []twin.Machine
	for _, m := range machines {
		out = append(out, twin.Machine{Node: m.Node, OS: m.Host.OS, Formats: m.Formats()})
	}
	return out
}

func (w *work) close() { w.keys.Close() }

func (w *work) save(ui *console.UI) error {
	w.noteFormer(ui)
	for _, line := range w.keys.Rotations(w.issued.Set, w.asked.Place) {
		ui.Note(line)
	}
	if len(w.options.Joining) == 0 {
		ui.WarnEach(w.keys.Compromised(w.issued.Set, w.asked.Place))
	}
	return w.keys.Save(ui, w.issued.Set)
}

// noteFormer reports names that certificates keep although the cluster file no
// longer has them.
func (w *work) noteFormer(ui *console.UI) {
	former := control.FormerNames(w.cluster)
	if len(former) == 0 {
		return
	}
	ui.Note(fmt.Sprintf("the API servers' certificates keep %s, which %s no longer has: clients may use it. When none does, run %s",
		strings.Join(former, ", "), w.asked.File, w.asked.Command("pki forget", former...)))
}

// files returns all files of the tree; documents and the administrator's
// kubeconfig hold keys.
func (w *work) files() []tree.File {
	var files []tree.File
	for _, path := range slices.Sorted(maps.Keys(w.others)) {
		files = append(files, tree.File{Path: path, Mode: 0o600, Data: w.others[path]})
	}
	for _, m := range w.machines {
		for _, d := range m.Documents {
			files = append(files, tree.File{Path: d.Path, Mode: 0o600, Data: d.Text})
		}
	}
	return files
}
