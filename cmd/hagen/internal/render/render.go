// Package render makes the documents of machines and writes them: it issues
// certificates, fits documents to a channel, and stages and writes trees. It
// also makes twins and kubeconfigs.
package render

import (
	"errors"
	"path/filepath"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/otherclusters"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out"
)

// Run reads the cluster file, issues, decides, checks and encodes; then it
// writes.
func Run(ui *console.UI, asked Options) error {
	if err := errors.Join(knownFormats(asked.Formats), knownChannel(asked.Channel)); err != nil {
		return err
	}
	if asked.Redact && asked.Output == "" {
		return exit.Usage("--redact writes twins, which must not be among documents with keys: name a directory for them with -o")
	}
	if err := refuseConflicts(asked); err != nil {
		return err
	}
	c, err := clusterfile.ReadLocked(ui, asked.File)
	if err != nil {
		return err
	}
	if err := knownHosts(c, asked.Hosts); err != nil {
		return err
	}
	restore, encrypted, err := readRestore(asked, c)
	if err != nil {
		return err
	}
	asked.encrypted = encrypted
	if err := refuseUnverified(c, asked.Hosts, asked.Formats); err != nil {
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

// renderTree writes the PKI, then the tree of documents.
func renderTree(ui *console.UI, asked Options, c *cluster.Cluster, restore control.Restore) error {
	dir := asked.Output
	if dir == "" {
		dir = filepath.Join(trees.Dir, c.Name)
	}
	if err := files.Preflight(dir, asked.File, asked.Dir()); err != nil {
		return err
	}
	if err := trees.RefuseNested(dir, asked.Redact); err != nil {
		return err
	}
	prepare := out.Prepare
	if asked.Redact {
		prepare = out.PrepareTwins
	} else if err := otherclusters.Refuse(asked.File, dir, c); err != nil {
		return err
	}
	keys, err := clusterpki.OpenToRender(ui, asked.Place, c, clusterpki.Trees{Always: []string{dir}})
	if err != nil {
		return err
	}
	w, err := issue(ui, asked, keys, control.Options{Restore: restore}, asked.Hosts)
	if err != nil {
		return err
	}
	defer w.close()
	if !asked.Redact {
		w.warnRefused(ui, dir)
	}
	err = w.write(ui, dir, w.files(), prepare, scope(asked.Hosts))
	switch {
	case err != nil || asked.Redact:
		return err
	case restore.SHA256 != "": // all machines boot anew
		var hosts []string
		for _, m := range w.machines {
			hosts = append(hosts, m.Host.Name)
		}
		return w.keys.Replaced(ui, hosts...)
	case len(asked.Hosts) > 0:
		return nil
	}
	return w.keys.Rendered(ui, asked.Place, dir, w.issued.Set)
}
