package clusterpki

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/out/tree"
	"hagen/pki/store"
)

// isEmpty reports whether a directory is missing or empty.
func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, exit.Failed("%s: cannot be read: %w", dir, exit.Reason(err))
	}
	return len(entries) == 0, nil
}

// movePrevious renames the cluster's PKI directory and returns the new name; "" if
// there was nothing. The PKI may be damaged, but must not be another cluster's.
func movePrevious(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, now time.Time) (string, error) {
	dir := at.Dir()
	if empty, err := isEmpty(dir); err != nil || empty {
		return "", err
	}
	if err := ofCluster(ui, at, c); err != nil {
		return "", err
	}
	d, err := tree.Open(dir, ui.Waiting(dir))
	if err != nil {
		return "", exit.Failed("%w", err)
	}
	defer d.Close()
	aside := filepath.Clean(dir)
	if isLink(dir) {
		aside = d.Path()
	}
	aside += previousMark + now.UTC().Format("20060102T150405Z")
	if _, err := os.Lstat(aside); err == nil {
		return "", exit.Failed("%s: exists already: wait a second", aside)
	}
	if err := os.Rename(d.Path(), aside); err != nil {
		return "", exit.Failed("%s: cannot be moved aside: %w", dir, exit.Reason(err))
	}
	if isLink(dir) { // it would point nowhere
		err = os.Mkdir(d.Path(), 0o700)
	}
	if err != nil {
		return "", exit.Failed("%s: cannot be made again: %w; what it held is in %s", dir, exit.Reason(err), aside)
	}
	return aside, nil
}

// restorePrevious undoes movePrevious.
func restorePrevious(aside, dir string) error {
	real, err := tree.Resolve(dir)
	if err != nil {
		return err
	}
	_ = os.Remove(real) // only if it is empty
	return os.Rename(aside, real)
}

// ofCluster refuses a directory that is not a PKI, or is another cluster's. A
// damaged one is taken for the cluster's unless its index names another.
func ofCluster(ui *console.UI, at clusterfile.Place, c *cluster.Cluster) error {
	p := ownershipOf(at, c)
	s, err := store.Open(p.dir, ui.Waiting(p.dir))
	if err == nil {
		defer s.Close()
		if len(s.Recorded()) > 0 {
			return p.checkCluster(s)
		}
	}
	text, missing := fs.ReadFile(tree.Files(p.dir), store.IndexFile)
	if _, damaged := errors.AsType[store.Faults](err); err != nil && !damaged {
		return exit.Failed("%w", err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "authorities")); missing != nil && err != nil {
		return exit.Failed("%s: is not a PKI directory, and stays as it is: name another with --pki", p.dir)
	}
	var index struct{ Cluster string }
	_ = json.Unmarshal(text, &index) // a damaged one names no cluster
	if index.Cluster != "" && index.Cluster != c.Name {
		return exit.Failed("%s: is the PKI directory of cluster %s, but %s describes cluster %s: name the directory of %[4]s with --pki", p.dir, index.Cluster, p.file, c.Name)
	}
	return nil
}
