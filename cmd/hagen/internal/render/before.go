package render

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen"
	"hagen/gen/document"
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/gen/spec"
	"hagen/out/review/rendered"
	"hagen/out/review/risk"
	"hagen/out/tree"
)

// warnRefused warns if hagen plan would refuse to take running machines from
// the documents in a tree to this render. It compares one master, since what
// matters is the same on all; none if its document does not change. A tree that
// cannot be read does not stop the render.
func (w *work) warnRefused(ui *console.UI, dir string) {
	if before, after, found := w.oneMaster(tree.Files(dir)); found {
		warnRisks(ui, w.refusedRisks(before, after))
	}
}

// warnRefusedDocument is warnRefused for one document: it reads the old machine
// from the file that it replaces, or else from the tree of the cluster.
func (w *work) warnRefusedDocument(ui *console.UI, d *document.Document) {
	if path, n := w.asked.Output, w.machines[0].Node; path != pipe && isMaster(n) {
		was, err := files.ReadWhole(path)
		if before, unread := rendered.Machine(document.Document{Format: d.Format, Path: path, Text: was}); err == nil && unread == nil && isMaster(before) {
			warnRisks(ui, w.refusedRisks(before, n))
			return
		}
	}
	w.warnRefused(ui, filepath.Join(trees.Dir, w.cluster.Name))
}

func warnRisks(ui *console.UI, risks []risk.Risk) {
	var texts []string
	for _, r := range risks {
		texts = append(texts, r.Field+": "+r.Problem)
	}
	if len(texts) > 0 {
		ui.Warn("hagen plan refuses this change for running machines, and says what to do instead: " + strings.Join(texts, "; "))
	}
}

// refuseForRunning refuses what hagen plan refuses, for documents of machines that
// join the running ones in a tree.
func (w *work) refuseForRunning(ui *console.UI, before []node.Node, rendered string) error {
	was, is := slices.IndexFunc(before, isMaster), slices.IndexFunc(w.decided.Nodes, isMaster)
	if was < 0 || is < 0 {
		return nil
	}
	name := w.asked.File
	text, err := clusterfile.Text(name)
	if err != nil {
		return err
	}
	source := spec.Source{Name: name, Text: text}
	file, _ := spec.Parse(source)
	var faults []spec.Fault
	for _, r := range w.refusedRisks(before[was], w.decided.Nodes[is]) {
		if r.Unless == risk.Reimage {
			warnRisks(ui, []risk.Risk{r}) // the documents are for such machines
			continue
		}
		faults = append(faults, spec.Fault{At: clusterfile.Field(file, r.Field),
			Problem: fmt.Sprintf("hagen plan refuses this change for the running machines of %s: %s", rendered, r.Problem),
			Remedy:  cmp.Or(r.Remedy, "undo the change until this is done: hagen plan OLD NEW says what to do instead")})
	}
	if len(faults) == 0 {
		return nil
	}
	return exit.With(exit.CodeNo, spec.Refuse(source, faults))
}

// refusedRisks returns the risks that hagen plan refuses, except those that a
// flag of this run answers.
func (w *work) refusedRisks(before, after node.Node) []risk.Risk {
	answered := map[string]bool{risk.NodesFit: w.asked.NodesFit, risk.Restored: w.asked.Restore != ""}
	return slices.DeleteFunc(risk.Of(before, after), func(r risk.Risk) bool { return !r.Refused || answered[r.Unless] })
}

// oneMaster returns one master of this render, with what it or another master
// is in the tree. found is false if the tree has no master, or if the master's
// document is the same.
func (w *work) oneMaster(tree fs.FS) (before, after node.Node, found bool) {
	var masters []gen.Machine
	for _, m := range w.machines {
		if isMaster(m.Node) {
			masters = append(masters, m)
		}
	}
	for _, m := range masters {
		given, err := rendered.Given(tree, m.Host.Name)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(m.Documents, func(d document.Document) bool { return d.Format == given.Format && bytes.Equal(d.Text, given.Text) }) {
			return before, after, false
		}
		if before, err = rendered.Machine(given); err == nil {
			return before, m.Node, true
		}
	}
	if len(masters) == 0 {
		return before, after, false
	}
	// All masters have other names: their documents are in other directories.
	for _, host := range trees.Hosts(tree, ".") {
		given, err := rendered.Given(tree, host)
		if err != nil {
			continue
		}
		if before, err = rendered.Machine(given); err == nil && isMaster(before) {
			return before, masters[0].Node, true
		}
	}
	return before, after, false
}

func isMaster(n node.Node) bool {
	return slices.ContainsFunc(n.Units, func(u node.Unit) bool { return u.Name == "etcd.service" })
}

// renewedOn returns the hosts whose documents in a tree have former certificates of those that this
// render writes: only the tree says which ones the machines have.
func (w *work) renewedOn(tree fs.FS) (hosts []string) {
	for _, m := range w.machines {
		given, err := rendered.Given(tree, m.Host.Name)
		if err != nil || slices.ContainsFunc(m.Documents, func(d document.Document) bool { return d.Format == given.Format && bytes.Equal(d.Text, given.Text) }) {
			continue
		}
		if before, err := rendered.Machine(given); err == nil && renews(before, m.Node) {
			hosts = append(hosts, m.Host.Name)
		}
	}
	return hosts
}

// renews reports whether a machine gets another certificate for what it has one for.
func renews(before, after node.Node) bool {
	for _, f := range after.Files {
		i := slices.IndexFunc(before.Files, func(was node.File) bool { return was.Path == f.Path })
		if i < 0 || bytes.Equal(before.Files[i].Contents, f.Contents) {
			continue
		}
		was := read.ParsePEM(f.Path, before.Files[i].Contents).Certificates
		for _, c := range read.ParsePEM(f.Path, f.Contents).Certificates {
			if slices.ContainsFunc(was, func(w read.Certificate) bool { return w.Identity != c.Identity && alike(w, c) }) {
				return true
			}
		}
	}
	return false
}

// alike reports whether two certificates are for the same.
func alike(a, b read.Certificate) bool {
	return !a.Twin && !b.Twin && a.Subject == b.Subject && a.Issuer == b.Issuer && slices.Equal(a.DNSNames, b.DNSNames) && fmt.Sprint(a.IPAddresses) == fmt.Sprint(b.IPAddresses)
}
