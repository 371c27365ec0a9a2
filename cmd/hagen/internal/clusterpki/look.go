package clusterpki

import (
	"errors"
	"io/fs"
	"os"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/pki"
	"hagen/pki/store"
)

// Look reads a cluster's PKI directory without its keys, and refuses another cluster's.
// It returns the cluster, too; nil if no cluster file was named and the usual one does not
// exist: a directory can be looked at by itself.
func Look(ui *console.UI, at clusterfile.Place) (store.View, *cluster.Cluster, error) {
	view, err := LookAt(at)
	if err != nil {
		return view, nil, err
	}
	if _, err := os.Stat(at.File); errors.Is(err, fs.ErrNotExist) && !at.Named {
		return view, nil, nil
	}
	// What is unusual about the cluster file is not asked here.
	c, err := clusterfile.Read(ui.Silent(), at.File)
	if err != nil {
		return view, nil, err
	}
	lock, err := clusterfile.ReadLock(at.File)
	if err != nil {
		return view, nil, err
	}
	p := ownershipOf(at, c)
	if view.Cluster != "" && view.Cluster != c.Name {
		return view, nil, p.another(view.Cluster)
	}
	addLocked(view.Items, lock.Marked)
	known := LockedIDs(lock.Keys)
	p.have = map[string]ring{}
	for _, held := range view.Items {
		if held.Request.Kind == pki.Leaf {
			continue
		}
		if held.KeyID == "" { // in version 1
			delete(known, held.Request.Name)
		} else {
			p.have[held.Request.Name] = ringOf(held)
		}
	}
	return view, c, p.compareKeys(lock.Path, known)
}

// addLocked adds the marks of keys that the lock file has and the directory lacks.
func addLocked(items []store.Held, locked []cluster.MarkedKey) {
	for i, held := range items {
		for _, mark := range lockMarks(held.Request.Name, locked) {
			if _, marked := itemOf(held).MarkOf(mark.Key); !marked {
				items[i].Marks = pki.MergeMarks(items[i].Marks, []pki.Mark{mark})
			}
		}
	}
}

// LookAt reads a PKI directory by itself, without its keys.
func LookAt(at clusterfile.Place) (store.View, error) {
	dir := at.Dir()
	view, err := store.Look(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return view, exit.Failed("%s: there is no such directory: name the PKI directory with --pki; %s makes one for a new cluster", dir, at.Command("render"))
	case err != nil:
		return view, exit.Failed("%w", err)
	case len(view.Items) == 0:
		return view, exit.Failed("%s: holds no certificates: name the PKI directory with --pki; %s makes one for a new cluster", dir, at.Command("render"))
	}
	return view, nil
}
