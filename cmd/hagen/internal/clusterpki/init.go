package clusterpki

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out/tree"
	"hagen/pki"
)

// made is what --json prints.
type made struct {
	Cluster   string   `json:"cluster"`
	Directory string   `json:"directory"`
	Lock      string   `json:"lockFile"`
	Previous  string   `json:"previousDirectory,omitempty"` // new path of the previous directory
	Made      []string `json:"made"`
	Warnings  []string `json:"warnings"`
	Notes     []string `json:"notes"`

	others bool // the lock file had other keys
}

// Init makes the keys of a cluster that has none or, with again, new ones.
func Init(ui *console.UI, at clusterfile.Place, again, asJSON bool) error {
	c, err := clusterfile.Read(ui, at.File)
	if err != nil {
		return err
	}
	dir, rendered := at.Dir(), filepath.Join(trees.Dir, c.Name)
	if err := files.Preflight(dir, at.File); err != nil {
		return err
	}
	made := made{Cluster: c.Name, Directory: dir, Lock: clusterfile.LockPath(at.File)}
	if again {
		err = made.again(ui, at, c)
	} else {
		err = made.first(ui, at, c, rendered)
	}
	if err != nil {
		return err
	}
	return made.report(ui, rendered, again, asJSON)
}

// first makes keys for a cluster that has none.
func (made *made) first(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, rendered string) error {
	keys, err := OpenToWrite(ui, at, c, Trees{Always: []string{rendered}})
	if err != nil {
		return err
	}
	defer keys.Close()
	if len(keys.Store.Recorded()) > 0 {
		return exit.Failed("%s: exists already: %s issues missing certificates with its authorities; %s makes new ones", made.Directory, at.Command("render"), at.Command("pki init", "--again"))
	}
	return made.issue(ui, keys)
}

// again makes new keys and moves the present directory aside. The lock file is
// staged first, so that nothing is moved if it cannot be written.
func (made *made) again(ui *console.UI, at clusterfile.Place, c *cluster.Cluster) (err error) {
	keys := &PKI{Cluster: c}
	if keys.Now, err = ui.Time(); err != nil {
		return err
	}
	if keys.lock, err = clusterfile.ReadLock(at.File); err != nil {
		return err
	}
	made.others = len(keys.lock.Keys) > 0
	keys.lock.LockContents = cluster.LockContents{Artefacts: keys.lock.Artefacts, Bases: keys.lock.Bases} // clients that use a former name do not trust the new keys
	if keys.staged, err = keys.lock.Stage(); err != nil {
		return err
	}
	defer keys.staged.Discard()
	if made.Previous, err = movePrevious(ui, at, c, keys.Now); err != nil {
		return err
	}
	if keys.Store, err = openStore(ui, at); err == nil {
		err = made.issue(ui, keys)
		keys.Store.Close()
	}
	if err != nil && made.Previous != "" && restorePrevious(made.Previous, made.Directory) != nil {
		err = fmt.Errorf("%w\nThe previous directory is %s", err, made.Previous)
	}
	return err
}

// issue makes the keys and saves them.
func (made *made) issue(ui *console.UI, keys *PKI) error {
	requests := slices.DeleteFunc(control.Requests(keys.Cluster), func(r pki.Request) bool { return r.Kind == pki.Leaf })
	issued, err := Issue(requests, nil, keys.Now)
	if err != nil {
		return err
	}
	made.Made = slices.Sorted(maps.Keys(issued.Set))
	return keys.Save(ui, issued.Set)
}

// report prints what was made, and the consequences.
func (made *made) report(ui *console.UI, rendered string, again, asJSON bool) error {
	if made.Previous != "" || made.others {
		text := fmt.Sprintf("cluster %s has new keys now: running machines keep the old ones, and neither they nor their kubeconfigs, tokens and etcd backups work with machines that have the new ones", made.Cluster)
		if made.Previous != "" {
			text += ". The previous directory is " + made.Previous
		}
		ui.Warn(text)
	}
	if files := tree.Files(rendered); again && (len(trees.AuthoritiesIn(files)) > 0 || len(trees.Hosts(files, ".")) > 0) {
		ui.Warn(rendered + " was rendered with other keys, and hagen render does not overwrite it: render elsewhere with -o, or move it away if nothing in it is in use")
	}
	if asJSON {
		made.Warnings, made.Notes = console.List(ui.Warnings), console.List(ui.Notes)
		ui.JSON(made)
		return nil
	}
	ui.Say("wrote %s: %s", made.Directory, strings.Join(Folded(made.Made), ", "))
	return nil
}
