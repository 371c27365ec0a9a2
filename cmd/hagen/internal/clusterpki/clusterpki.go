// Package clusterpki holds whose a PKI directory is: which keys a cluster has,
// and what may be made, renamed or set aside.
package clusterpki

import (
	"errors"
	"io/fs"
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

// PKI is a PKI directory that is the cluster's, as far as anything says
// which keys the cluster has.
type PKI struct {
	Cluster *cluster.Cluster // with the names that certificates keep
	Store   *store.Store
	Now     time.Time
	lock    clusterfile.Lock
	carried []string      // what the certificates of all API servers carry
	names   []string      // what the lock file is to say of that; nil is what it says
	staged  *files.Staged // nil unless the lock file is to change
	Asked   []string      // what a render asks for, by name; nil if nothing is rendered
}

// Open opens the PKI directory of a cluster and refuses another's, and
// one without keys where the cluster has some. What says so: the lock file, and
// trees, which are directories with documents or twins of the cluster. Nothing
// is written.
func Open(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, t Trees) (_ *PKI, err error) {
	now, err := ui.Time()
	if err != nil {
		return nil, err
	}
	if err := HoldMissing(at, c, t); err != nil {
		return nil, err
	}
	s, err := openStore(ui, at)
	if err != nil {
		return nil, err
	}
	// Now that no other run can write to it.
	lock, err := clusterfile.ReadLock(at.File)
	if err != nil {
		s.Close()
		return nil, err
	}
	p := ownershipOf(at, c)
	p.have = IdsOf(s.Set())
	if err = p.belongs(s); err == nil {
		err = p.hold(lock, t)
	}
	if err == nil {
		err = p.began(s, now)
	}
	if err == nil {
		err = otherProfile(p.dir, c, control.Requests(c), s.Set())
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	carried := lock.Names
	if carried == nil { // a lock file of before it told of names
		carried = control.RecordedNames(s.Recorded())
	}
	return &PKI{Cluster: c.Keep(carried), Store: s, Now: now, lock: lock, carried: carried}, nil
}

// HoldMissing refuses a PKI directory that is not there, or is empty, if the
// cluster has keys. Opened, it would be made.
func HoldMissing(at clusterfile.Place, c *cluster.Cluster, t Trees) error {
	lock, err := clusterfile.ReadLock(at.File)
	if err != nil {
		return err
	}
	p := ownershipOf(at, c)
	entries, err := os.ReadDir(p.dir)
	if p.absent = errors.Is(err, fs.ErrNotExist); !p.absent && (err != nil || len(entries) > 0) {
		return nil // what is wrong with it, opening it tells
	}
	return p.hold(lock, t)
}

// OpenToWrite is Open for a run that goes on with Save. A lock file that does
// not tell of all keys is made ready to be written: if it cannot be, nothing is
// issued.
func OpenToWrite(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, t Trees) (*PKI, error) {
	return openToWrite(ui, at, c, t, false)
}

// OpenToRender is OpenToWrite for a run that issues all certificates: the lock
// file is to tell of their names, too.
func OpenToRender(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, t Trees) (*PKI, error) {
	return openToWrite(ui, at, c, t, true)
}

func openToWrite(ui *console.UI, at clusterfile.Place, c *cluster.Cluster, t Trees, renders bool) (*PKI, error) {
	k, err := Open(ui, at, c, t)
	if err != nil {
		return nil, err
	}
	if renders {
		k.names = control.SharedNames(k.Cluster)
	}
	known := IDs(k.lock.Keys)
	if k.renamed() || slices.ContainsFunc(lasting(c), func(r pki.Request) bool { return known[r.Name] == "" }) {
		if k.staged, err = k.lock.Stage(); err != nil {
			k.Close()
			return nil, err
		}
	}
	return k, nil
}

// lasting are the requests for what a cluster keeps for ever.
func lasting(c *cluster.Cluster) []pki.Request {
	return slices.DeleteFunc(control.Requests(c), func(r pki.Request) bool { return r.Kind == pki.Leaf })
}

// Close ends the work on it. What was not saved is lost.
func (k *PKI) Close() {
	if k.staged != nil {
		k.staged.Discard()
	}
	k.Store.Close()
}

// Save writes the PKI, then the lock file. In this order a killed run leaves
// what the next one goes on from: keys that no lock file tells of yet are the
// cluster's, while one that told of keys that nobody has would be refused.
func (k *PKI) Save(ui *console.UI, set pki.Set, clients ...store.ClientRecord) error {
	contents := k.contents(set)
	add, renamed := len(contents.Keys) > len(k.lock.Keys), k.renamed()
	if add || renamed {
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
	if !add && !renamed {
		return nil
	}
	if err := k.staged.Put(); err != nil {
		return err
	}
	if add {
		ui.Note(k.lock.Path + " tells now which keys the cluster has: commit it beside the cluster file, so that no render ever makes others")
	} else {
		ui.Note(k.lock.Path + " tells now which names the API servers' certificates carry: commit it beside the cluster file")
	}
	return nil
}

// renamed says whether the lock file is to tell of other names.
func (k *PKI) renamed() bool { return k.names != nil && !slices.Equal(k.names, k.lock.Names) }

// contents are what the lock file is to say, with the keys of a set.
func (k *PKI) contents(set pki.Set) cluster.LockContents {
	known, have := IDs(k.lock.Keys), IdsOf(set)
	contents := k.lock.LockContents
	contents.Keys = slices.Clone(contents.Keys)
	for _, r := range lasting(k.Cluster) {
		if known[r.Name] == "" && have[r.Name] != "" {
			contents.Keys = append(contents.Keys, cluster.LockedKey{Name: r.Name, ID: have[r.Name], Secret: r.Kind == pki.Secret})
		}
	}
	slices.SortFunc(contents.Keys, func(a, b cluster.LockedKey) int { return strings.Compare(a.Name, b.Name) })
	if contents.Names = k.carried; k.names != nil {
		contents.Names = k.names
	}
	return contents
}
