package desk

import (
	"fmt"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/decide"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/out/review/twin"
	"hagen/out/tree"
	"hagen/pki"
	"hagen/profiles"
)

// work is a render of which nothing has been written yet.
type work struct {
	asked    Options
	cluster  *cluster.Cluster
	options  control.Options
	keys     *clusterpki.PKI
	before   pki.Set                // what the store held
	recorded map[string]pki.Request // what it remembers, also of what it does not hold any more
	returned map[string]bool        // of that, what the cluster did not ask for last time and asks for again
	issued   pki.Result
	decided  *gen.Decided
	formats  []string // that are asked for besides those of the operating systems
	alone    bool     // it makes the one document that is asked for
	machines []gen.Machine
	admin    []byte // the administrator's kubeconfig
}

// render makes the documents of these hosts. Of what a machine is given, a pipe
// gets no more than what was asked for.
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
	return tellProven(ui, proven, err)
}

// proveTwins does that to the twins that stand in the documents' place.
func (w *work) proveTwins() (int, error) {
	texts := map[string][]byte{}
	for _, m := range w.machines {
		for _, d := range m.Documents {
			texts[d.Path] = d.Text
		}
	}
	return twin.Prove(twinned(w.machines), texts)
}

// tellProven tells of how many machines Butane makes the same Ignition.
func tellProven(ui *console.UI, proven int, err error) error {
	switch {
	case err != nil:
		return decide.Fault(err)
	case proven == 0:
		ui.Say("nothing to prove: no machine gets Ignition, which is all that Butane makes")
	default:
		ui.Say("proven: Butane makes the same Ignition of %s", console.Number(proven, "machine"))
	}
	return nil
}

// redact puts twins in the place of all texts.
func (w *work) redact() error {
	texts, err := twin.Tree(w.cluster.Name, twinned(w.machines), w.admin)
	if err != nil {
		return decide.Fault(err)
	}
	for i := range w.machines {
		m := &w.machines[i]
		// What only packs another document has no twin.
		m.Documents = slices.DeleteFunc(m.Documents, func(d document.Document) bool { return texts[d.Path] == nil })
		for j := range m.Documents {
			m.Documents[j].Text = texts[m.Documents[j].Path]
		}
	}
	w.admin = texts[document.AdminPath]
	return nil
}

// twinned are rendered machines as twins are made of them.
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
	return w.keys.Save(ui, w.issued.Set)
}

// noteFormer tells what the cluster file does not ask for any more.
func (w *work) noteFormer(ui *console.UI) {
	former := control.FormerNames(w.cluster)
	if len(former) == 0 {
		return
	}
	ui.Note(fmt.Sprintf("the API servers' certificates keep %s, which %s no longer names: clients may dial it. When none does, hagen pki forget%s %s takes it out",
		strings.Join(former, ", "), w.asked.File, w.asked.Flags(), strings.Join(former, " ")))
}

// files are all files of the tree; documents hold keys, and so does the
// administrator's kubeconfig.
func (w *work) files() []tree.File {
	var files []tree.File
	if w.admin != nil {
		files = append(files, tree.File{Path: document.AdminPath, Mode: 0o600, Data: w.admin})
	}
	for _, m := range w.machines {
		for _, d := range m.Documents {
			files = append(files, tree.File{Path: d.Path, Mode: 0o600, Data: d.Text})
		}
	}
	return files
}
