package clusterpki

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/out"
	"hagen/out/tree"
)

// madeFrom is what machines were made from, as far as it was found: what plans need as OLD.
type madeFrom struct {
	dir     string   // of the tree; "" if there is none
	lacking []string // hosts of which it has no document
	added   []string // hosts whose documents this recovery puts there

	target   *tree.Dir
	prepared *out.Prepared
}

// made returns the tree that machines were made from: one that is named, or the cluster's. If there is none, the
// documents that are named become one where a render writes: plans find it there.
func (asked Recovery) made(ui *console.UI, k *PKI, sources []trees.Source) (m madeFrom, err error) {
	m.dir = TreeOf(asked.Place, k.Cluster.Name)
	if named := asked.tree(k.Cluster); named != "" && !sameDir(named, m.dir) {
		return madeFrom{dir: named, lacking: lacking(k.Cluster, named)}, nil
	}
	own := trees.HoldsDocuments(m.dir)
	if entries, err := os.ReadDir(m.dir); !own && err == nil && len(entries) > 0 {
		ui.Warn(fmt.Sprintf("%s: holds other files, so that what was named is not put there: a plan needs it as OLD, a directory with HOST/config.ign of each host", m.dir))
		return madeFrom{}, nil
	}
	m.lacking = lacking(k.Cluster, m.dir)
	documents := m.documents(k.Cluster, sources)
	switch {
	case len(documents) > 0:
		return m, m.stage(ui, asked, documents)
	case !own:
		m.dir = ""
	}
	return m, nil
}

// tree returns the first argument that is a tree; "" if none is.
func (asked Recovery) tree(c *cluster.Cluster) string {
	for _, argument := range asked.From {
		for _, dir := range []string{argument, filepath.Join(argument, c.Name)} {
			if len(trees.Hosts(tree.Files(dir), ".")) > 0 {
				return dir
			}
		}
	}
	return ""
}

// lacking lists the hosts of which a directory has no document.
func lacking(c *cluster.Cluster, dir string) (names []string) {
	there := trees.Hosts(tree.Files(dir), ".")
	for _, h := range c.Hosts() {
		if !slices.Contains(there, h.Name) {
			names = append(names, h.Name)
		}
	}
	return names
}

// documents returns those of the hosts that the tree lacks: of each host one, and what it boots with rather than
// the readable one.
func (m *madeFrom) documents(c *cluster.Cluster, sources []trees.Source) (all []tree.File) {
	for _, host := range m.lacking {
		var chosen trees.Source
		for _, s := range sources {
			if s.Node.Name != host || s.Document.Path == "" {
				continue
			}
			if !chosen.Boots() {
				chosen = s
			}
		}
		if chosen.Document.Path != "" {
			all = append(all, tree.File{Path: chosen.Document.Path, Mode: 0o600, Data: chosen.Document.Text})
			m.added = append(m.added, host)
		}
	}
	m.lacking = without(m.lacking, m.added)
	return all
}

// stage prepares the tree with these documents, beside those that it has.
func (m *madeFrom) stage(ui *console.UI, asked Recovery, documents []tree.File) (err error) {
	if err := files.Preflight(m.dir, asked.File, asked.Dir()); err != nil {
		return err
	}
	if m.target, err = tree.Open(m.dir, ui.Waiting(m.dir)); err != nil {
		return exit.Failed("%w", err)
	}
	if m.prepared, err = out.Prepare(m.target, documents, func(string) bool { return false }); err != nil {
		m.target.Close()
		return exit.Failed("%w", err)
	}
	return nil
}

// old is the name of the tree in commands.
func (m madeFrom) old() string {
	if m.dir == "" {
		return old
	}
	return m.dir
}

// commit writes it. It comes last: the same command goes on where a run was killed before.
func (m *madeFrom) commit(ui *console.UI) error {
	if m.prepared == nil {
		return nil
	}
	result, err := m.prepared.Commit()
	ui.WarnEach(m.target.Notes())
	ui.WarnEach(result.Notes)
	if err != nil {
		return exit.Failed("%w", err)
	}
	return nil
}

func (m *madeFrom) discard() {
	if m.prepared != nil {
		m.prepared.Discard()
		m.target.Close()
	}
}
