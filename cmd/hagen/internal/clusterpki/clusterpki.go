// Package clusterpki decides whether a PKI directory belongs to a cluster:
// which keys the cluster has, and what may be made, renamed or moved aside.
package clusterpki

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/pki"
	"hagen/pki/store"
)

// PKI is a PKI directory that belongs to the cluster, as far as the lock file,
// rendered trees and its index show.
type PKI struct {
	Cluster *cluster.Cluster // with the names and groups that certificates keep
	Store   *store.Store
	Now     time.Time
	lock    clusterfile.Lock
	carried []string      // names that all API servers' certificates have
	names   []string      // those that the lock file is to record; nil leaves its own
	binds   bool          // the lock file is written if it does not say which certificates RBAC binds
	staged  *files.Staged // nil unless the lock file is to change
	Asked   []string      // names of a render's requests; nil if nothing is rendered
}

// Open opens a cluster's PKI directory. It refuses another cluster's, and one
// without keys if the cluster has some according to the lock file or to trees,
// which are directories with documents or twins of the cluster. It writes
// nothing.
func Open(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, t Trees) (*PKI, error) {
	return openFor(ui, at, c, t, func(string) bool { return false })
}

// openFor is Open for a run that replaces leaves.
func openFor(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, t Trees, replaced func(name string) bool) (_ *PKI, err error) {
	now, err := ui.Time()
	if err != nil {
		return nil, err
	}
	if err := RefuseMissing(at, c, t); err != nil {
		return nil, err
	}
	s, err := openStore(ui, at)
	if err != nil {
		return nil, err
	}
	// The store is locked: no other run writes the lock file now.
	lock, err := clusterfile.ReadLock(at.File)
	if err != nil {
		s.Close()
		return nil, err
	}
	p := ownershipOf(at, c)
	p.have = ringsOf(s.Set())
	if err = p.checkCluster(s); err == nil {
		err = checkProfile(p.dir, c, control.Requests(c), s.Set())
	}
	if err == nil {
		err = p.compare(lock, t)
	}
	if err == nil {
		err = p.checkClock(s, now, replaced)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	asked := maps.Clone(s.Recorded())
	maps.DeleteFunc(asked, func(name string, _ pki.Request) bool { return !s.Asked(name) })
	carried := control.CarriedNames(lock.LockContents, control.RecordedNames(c, asked))
	former := control.FormerGroups(c, asked)
	warnReturned(ui, at, former, lock)
	return &PKI{Cluster: c.Keep(carried).KeepGroups(former), Store: s, Now: now, lock: lock, carried: carried}, nil
}

// RefuseMissing refuses a PKI directory that is missing or empty if the cluster
// has keys. Open would create the directory.
func RefuseMissing(at clusterfile.Place, c *cluster.Cluster, t Trees) error {
	lock, err := clusterfile.ReadLock(at.File)
	if err != nil {
		return err
	}
	p := ownershipOf(at, c)
	entries, err := os.ReadDir(p.dir)
	if p.absent = errors.Is(err, fs.ErrNotExist); !p.absent && (err != nil || len(entries) > 0) {
		return nil // opening it reports other errors
	}
	return p.compare(lock, t)
}

// OpenToWrite is Open for a run that ends with Save. If the lock file lacks
// some of the keys, its next content is staged now: if that fails, nothing is
// issued.
func OpenToWrite(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, t Trees) (*PKI, error) {
	return openToWrite(ui, at, c, t, false, func(string) bool { return false })
}

// OpenToRender is OpenToWrite for a run that issues all certificates: the lock
// file is to record their names, too.
func OpenToRender(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, t Trees) (*PKI, error) {
	return openToWrite(ui, at, c, t, true, func(string) bool { return false })
}

func openToWrite(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, t Trees, renders bool, replaced func(name string) bool) (*PKI, error) {
	k, err := openFor(ui, at, c, t, replaced)
	if err != nil {
		return nil, err
	}
	if renders {
		k.names, k.binds = control.SharedNames(k.Cluster), true
	}
	known, rows := LockedIDs(k.lock.Keys), lockedRows(k.lock.Keys, permanent(c), ringsOf(k.Store.Set()))
	if k.renamed() || !slices.Equal(rows, k.lock.Keys) || slices.ContainsFunc(permanent(c), func(r pki.Request) bool { return len(known[r.Name]) == 0 }) {
		if err := k.stage(); err != nil {
			k.Close()
			return nil, err
		}
	}
	return k, nil
}

// stage prepares a write of the lock file.
func (k *PKI) stage() (err error) {
	if k.staged == nil {
		k.staged, err = k.lock.Stage()
	}
	return err
}

// permanent returns the requests for what a cluster keeps for ever.
func permanent(c *cluster.Cluster) []pki.Request {
	return slices.DeleteFunc(control.Requests(c), func(r pki.Request) bool { return r.Kind == pki.Leaf })
}

// Close releases the PKI directory. What was not saved is lost.
func (k *PKI) Close() {
	if k.staged != nil {
		k.staged.Discard()
	}
	k.Store.Close()
}

// Save writes the PKI, then the lock file. If the run is killed in between, the
// next one can go on: keys that are not in the lock file yet are accepted, but
// a lock file with keys that exist nowhere would be refused.
func (k *PKI) Save(ui *console.UI, set pki.Set, clients ...store.ClientRecord) error {
	contents := k.contents(set)
	add, renamed, bound := !slices.Equal(contents.Keys, k.lock.Keys), k.renamed(), k.binds && !slices.Equal(contents.Bound, k.lock.Bound)
	marked := !slices.Equal(contents.Marked, k.lock.Marked)
	if add || renamed || bound || marked {
		if err := k.stage(); err != nil {
			return err
		}
		if err := k.staged.Fill(cluster.LockText(k.Cluster.Name, contents)); err != nil {
			return err
		}
	}
	k.Store.SetCluster(k.Cluster.Name, k.Asked...)
	_, err := k.Store.Save(set, clients...)
	ui.WarnEach(k.Store.Notes())
	if err != nil && (len(clients) > 0 || !k.Store.OnlyRewritten(set)) {
		return exit.Failed("%w", err)
	}
	if !add && !renamed && !bound && !marked {
		return nil
	}
	lost := k.lost()
	if err := k.staged.Put(); err != nil {
		return err
	}
	k.lock.LockContents, k.staged = contents, nil
	switch {
	case add:
		ui.Note(k.lock.Path + " now records which keys the cluster has: commit it with the cluster file, so that no later render makes other keys")
	case marked:
		ui.Note(k.lock.Path + " now records which keys others have had: commit it with the cluster file")
	case renamed:
		ui.Note(k.lock.Path + " now records the names in the API servers' certificates: commit it with the cluster file")
	default:
		ui.Note(k.lock.Path + " now records which certificates RBAC binds: commit it with the cluster file, so that no earlier hagen puts them back into " + control.SystemMasters)
	}
	if renamed && len(lost) > 0 {
		ui.Note(fmt.Sprintf("%s had lost %s, which the API servers' certificates have, and lists them again: only hagen pki forget ends a name", k.lock.Path, strings.Join(lost, ", ")))
	}
	return nil
}

// renamed reports whether the lock file is to record other names.
func (k *PKI) renamed() bool {
	return k.names != nil && (!slices.Equal(k.names, k.lock.Names) || !slices.Equal(without(k.lock.Forgotten, k.names), k.lock.Forgotten))
}

// lost returns the names that the cluster file no longer has, and that a lock file lists
// no more although certificates have them and nobody forgot them.
func (k *PKI) lost() []string {
	if k.lock.Names == nil { // of an older hagen
		return nil
	}
	return without(control.FormerNames(k.Cluster), k.lock.Names)
}

func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(others, n) })
}

// contents returns the next content of the lock file, with the keys of a set.
func (k *PKI) contents(set pki.Set) cluster.LockContents {
	keys, names := lockedRows(k.lock.Keys, permanent(k.Cluster), ringsOf(set)), k.names
	if names == nil {
		names = k.carried
	}
	contents := k.lock.LockContents
	contents.Keys, contents.Names, contents.Forgotten = keys, names, without(k.lock.Forgotten, names)
	issued := map[string]pki.Request{}
	for name, item := range set {
		issued[name] = item.Request
	}
	contents.Bound, contents.Marked = control.Bound(k.Cluster, issued, k.lock.Bound), lockedMarks(k.Cluster, set, k.lock.LockContents)
	return contents
}
