// Package desk makes what machines get, and writes it: read and lock, issue,
// decide, fit to a channel, stage, write, and tell.
package desk

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/decide"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/otherclusters"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out"
	"hagen/out/tree"
	"hagen/out/twin"
	"hagen/pki"
	"hagen/profiles"
)

// Options are what is asked of a render.
type Options struct {
	clusterfile.Place
	Output      string   // "" is the usual place
	Hosts       []string // none is all
	Formats     []string // besides those of the operating systems, as they were named
	Channel     string
	Wrap        *bool  // nil is what the channel needs
	Restore     string // a snapshot
	RestorePath string // "" is the usual place
	Replace     string // a master
	Join        bool
	From        string // "" is the usual place
	Redact      bool
	JSON        bool
}

// Render is the whole way: read, issue, decide, check, encode; then write.
func Render(ui *console.UI, asked Options) error {
	if err := errors.Join(knownFormats(asked.Formats), knownChannel(asked.Channel)); err != nil {
		return err
	}
	if asked.Redact && asked.Output == "" {
		return exit.Usage("--redact writes twins, which have no place among documents with keys: name a directory for them with -o")
	}
	if err := besideAlone(asked); err != nil {
		return err
	}
	c, err := clusterfile.ReadLocked(ui, asked.File)
	if err != nil {
		return err
	}
	if err := knownHosts(c, asked.Hosts); err != nil {
		return err
	}
	restore, err := restoring(asked, c)
	if err != nil {
		return err
	}
	if err := fetchedOtherwise(c, asked.Hosts, asked.Formats); err != nil {
		return err
	}
	if err := files.Preflight(asked.Dir(), asked.File); err != nil {
		return err
	}
	switch {
	case asked.Replace != "":
		return renderReplacement(ui, asked, c)
	case asked.Join:
		return renderJoining(ui, asked, c)
	case asked.oneDocument():
		return renderDocument(ui, asked, c, restore)
	}
	return renderTree(ui, asked, c, restore)
}

// formats are those that are asked for, of which one name stands for several.
func (o Options) formats() []string {
	var all []string
	for _, name := range o.Formats {
		if several := profiles.FormatsOf(name); several != nil {
			all = append(all, several...)
		} else {
			all = append(all, name)
		}
	}
	return all
}

// Formats are all that can be asked for: documents, and kernel arguments.
func Formats() []string { return append(profiles.Formats(), profiles.CloudInit, gen.Kargs) }

func knownFormats(names []string) error {
	return exit.AllKnown("format", names, Formats())
}

// fetchedOtherwise refuses cloud-init's documents for machines whose own format
// fetches files and holds them against digests, which cloud-init does not.
func fetchedOtherwise(c *cluster.Cluster, hosts, formats []string) error {
	asked := slices.ContainsFunc(formats, func(f string) bool {
		return f == profiles.UserData || f == profiles.MetaData || f == profiles.NetworkConfig || f == profiles.CloudInit
	})
	var names []string
	for _, h := range c.Hosts() {
		fetches := slices.ContainsFunc(c.Artefacts(h), func(a cluster.Artefact) bool { return a.URL != "" })
		if asked && fetches && h.OS.Family() != profiles.CloudInit && (len(hosts) == 0 || slices.Contains(hosts, h.Name)) {
			names = append(names, h.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return exit.Usage("--format: Ignition is to fetch the binaries of %s, and cloud-init holds no file against a digest; give such a machine an os that cloud-init sets up, or its binaries on its image", strings.Join(names, ", "))
}

func knownHosts(c *cluster.Cluster, asked []string) error {
	var faults []error
	var names []string
	for _, name := range asked {
		if strings.Contains(name, ",") {
			faults = append(faults, exit.Usage("--host %s: name one host with each --host", name))
		} else {
			names = append(names, name)
		}
	}
	return errors.Join(append(faults, exit.AllKnown("host", names, NamesOf(c)))...)
}

func NamesOf(c *cluster.Cluster) []string {
	var names []string
	for _, h := range c.Hosts() {
		names = append(names, h.Name)
	}
	return names
}

// renderTree writes the PKI, then the tree of documents.
func renderTree(ui *console.UI, asked Options, c *cluster.Cluster, restore control.Restore) error {
	dir := asked.Output
	if dir == "" {
		dir = filepath.Join(trees.Dir, c.Name)
	}
	if err := files.Preflight(dir, asked.File, asked.Dir()); err != nil {
		return err
	}
	if err := trees.Apart(dir, asked.Redact); err != nil {
		return err
	}
	prepare := out.Prepare
	if asked.Redact {
		prepare = out.PrepareTwins
	} else if err := otherclusters.Refuse(asked.File, dir, c); err != nil {
		return err
	}
	keys, err := clusterpki.OpenToWrite(ui, asked.Place, c, clusterpki.Trees{Held: []string{dir}})
	if err != nil {
		return err
	}
	w, err := issue(ui, asked, c, keys, control.Options{Restore: restore}, asked.Hosts)
	if err != nil {
		return err
	}
	defer w.close()
	if !asked.Redact {
		w.warnRefused(ui, dir)
	}
	return w.write(ui, dir, w.files(), prepare, scope(asked.Hosts))
}

// write writes the PKI, then a tree.
func (w *work) write(ui *console.UI, dir string, files []tree.File, prepare preparation, part out.Scope) error {
	target, err := tree.Open(dir, ui.Waiting(dir))
	if err != nil {
		return exit.Failed("%w", err)
	}
	defer target.Close()
	// The tree is staged first: when it cannot be written, no certificate is
	// issued that no document holds.
	prepared, err := prepare(target, files, part)
	if err != nil {
		return exit.Failed("%w", err)
	}
	defer prepared.Discard()
	// In this order a killed run leaves what the next one goes on from: keys
	// that no lock file tells of yet are the cluster's, while one that told of
	// keys that nobody has would have to be refused.
	if err := w.save(ui); err != nil {
		return err
	}
	result, err := prepared.Commit()
	if err != nil {
		w.sayPKI(ui)
		return exit.Failed("%w", err)
	}
	ui.WarnEach(target.Notes())
	if len(w.options.Joining) == 0 {
		w.membership(ui, result.Removed)
	}
	w.report(ui, dir, result)
	w.restoreSteps(ui, dir)
	return nil
}

// preparation makes a tree ready: of documents, or of twins.
type preparation func(*tree.Dir, []tree.File, out.Scope) (*out.Prepared, error)

// scope is the part of the tree that a run is about: all of it, or what
// belongs to the hosts that were asked for and to no host.
func scope(hosts []string) out.Scope {
	return func(path string) bool {
		host, _, below := strings.Cut(path, "/")
		return len(hosts) == 0 || !below || slices.Contains(hosts, host)
	}
}

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

// issue computes everything, for all machines or these hosts. The work closes
// the PKI, and so does an error.
func issue(ui *console.UI, asked Options, c *cluster.Cluster, keys *clusterpki.PKI, o control.Options, hosts []string) (*work, error) {
	return issueFor(ui, asked, c, keys, o, func(*work) ([]string, error) { return hosts, nil })
}

// issueFor is issue where what is decided has a part in which hosts it is for.
func issueFor(ui *console.UI, asked Options, c *cluster.Cluster, keys *clusterpki.PKI, o control.Options, choose func(*work) ([]string, error)) (_ *work, err error) {
	w := &work{asked: asked, cluster: c, options: o, keys: keys, before: keys.Store.Set(), recorded: keys.Store.Recorded(), formats: asked.formats(), alone: asked.oneDocument()}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	for _, r := range control.Requests(c) {
		keys.Asked = append(keys.Asked, r.Name)
	}
	w.issued, w.decided, err = decide.Machines(c, w.before, keys.Now, o.Restore)
	clusterpki.Warn(ui, w.issued.Warnings)
	if err != nil {
		return nil, err
	}
	w.issued.Changes = keys.Store.Renewed(w.issued.Changes)
	w.returned = map[string]bool{}
	for name := range w.recorded {
		w.returned[name] = !keys.Store.Asked(name) && slices.Contains(keys.Asked, name)
	}
	hosts, err := choose(w)
	if err != nil {
		return nil, err
	}
	w.admin = decide.Kubeconfig(c, w.issued.Set)
	if w.machines, err = w.render(hosts, w.formats); err != nil {
		return nil, decide.Fault(err)
	}
	if err := w.deliver(); err != nil {
		return nil, err
	}
	if asked.Redact {
		err = w.redact()
	}
	return w, err
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
		m.Documents = slices.DeleteFunc(m.Documents, func(d gen.Document) bool { return texts[d.Path] == nil })
		for j := range m.Documents {
			m.Documents[j].Text = texts[m.Documents[j].Path]
		}
	}
	w.admin = texts[gen.AdminPath]
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

func (w *work) save(ui *console.UI) error { return w.keys.Save(ui, w.issued.Set) }

// files are all files of the tree; documents hold keys, and so does the
// administrator's kubeconfig.
func (w *work) files() []tree.File {
	var files []tree.File
	if w.admin != nil {
		files = append(files, tree.File{Path: gen.AdminPath, Mode: 0o600, Data: w.admin})
	}
	for _, m := range w.machines {
		for _, d := range m.Documents {
			files = append(files, tree.File{Path: d.Path, Mode: 0o600, Data: d.Text})
		}
	}
	return files
}

func knownChannel(name string) error {
	if name != "" {
		if _, known := profiles.FindChannel(name); !known {
			return exit.Unknown("channel", name, profiles.ChannelNames())
		}
	}
	return nil
}
