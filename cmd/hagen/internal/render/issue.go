package render

import (
	"slices"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/decide"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/control"
)

// whole reports whether a render writes the documents of all hosts into a tree. Only then is it known
// what no host has any more.
func (o Options) whole() bool {
	return len(o.Hosts) == 0 && !o.oneDocument() && !o.Redact && !o.Join && o.Replace == ""
}

// runs returns the tree that machines may have been made from: the one that is written, or else the
// cluster's.
func (o Options) runs(cluster string) string {
	if o.Output != "" && trees.HoldsDocuments(o.Output) {
		return o.Output
	}
	return clusterpki.TreeOf(o.Place, cluster)
}

// issue computes everything, for all machines or these hosts. Closing the work
// closes the PKI, and so does an error.
func issue(ui *console.UI, asked Options, keys *clusterpki.PKI, o control.Options, hosts []string) (*work, error) {
	return issueFor(ui, asked, keys, o, func(*work) ([]string, error) { return hosts, nil })
}

// issueFor is issue for hosts that choose picks once the machines are decided.
func issueFor(ui *console.UI, asked Options, keys *clusterpki.PKI, o control.Options, choose func(*work) ([]string, error)) (_ *work, err error) {
	c := keys.Cluster
	w := &work{asked: asked, cluster: c, options: o, keys: keys, before: keys.Store.Set(), recorded: keys.Store.Recorded(), formats: asked.formats(), alone: asked.oneDocument()}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	for _, r := range control.Requests(c) {
		keys.Asked = append(keys.Asked, r.Name)
	}
	requested := keys.Asked
	if !asked.whole() { // the documents of other hosts stay as they were
		for name := range w.recorded {
			if keys.Store.Asked(name) && !slices.Contains(requested, name) {
				keys.Asked = append(keys.Asked, name)
			}
		}
	}
	have, err := asked.withReadable(ui, keys, keys.Store.Set())
	if err != nil {
		return nil, err
	}
	w.issued, w.decided, err = decide.Machines(c, have, keys.Now, o.Restore)
	clusterpki.Warn(ui, asked.Place, asked.runs(c.Name), clusterpki.Off(c, have), w.issued.Warnings)
	if err != nil {
		return nil, clusterpki.Unsigned(asked.Place, err)
	}
	w.issued.Changes = keys.Store.Renewed(w.issued.Changes)
	w.returned = map[string]bool{}
	for name := range w.recorded {
		w.returned[name] = !keys.Store.Asked(name) && slices.Contains(requested, name)
	}
	hosts, err := choose(w)
	if err != nil {
		return nil, err
	}
	w.others = decide.OfNoMachine(c, w.issued.Set)
	if w.machines, err = w.render(hosts, w.formats); err != nil {
		return nil, decide.Fault(err)
	}
	if asked.Prove && !asked.Redact {
		if err := w.prove(ui); err != nil {
			return nil, err
		}
	}
	if err := w.fitChannel(); err != nil {
		return nil, err
	}
	if !asked.Redact {
		return w, nil
	}
	if err = w.redact(); err == nil && asked.Prove {
		proven, fault := w.proveTwins()
		err = reportProven(ui, proven, fault)
	}
	return w, err
}
