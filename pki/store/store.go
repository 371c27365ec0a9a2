// Package store keeps a PKI on disk: a directory with a file for each certificate and key, and
// an index that records what each was made for.
//
//	authorities/kubernetes/ca.pem, ca-key.pem   an authority or leaf: NAME.pem, NAME-key.pem
//	cluster/sa.key, sa.pub                      a key pair
//	cluster/encryption.key                      a secret
//	cluster/sa/2.key, 2.pub                     another generation of an item that is or was rotated, by its number
//	index.json                                  the index: the cluster that the directory belongs to
//	records/cluster/sa.json                     an item's record in the index
//	.gitignore                                  keeps plain keys out of version control
//
// Keys are 0600, certificates and public halves 0644, directories 0700. All files are checked
// when they are read, and replaced as a whole when they are written; see package tree for how.
package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hagen/out/tree"
	"hagen/pki"
)

// Store is an open PKI directory, locked for this process. It is for one goroutine.
type Store struct {
	dir      *tree.Dir
	name     string    // as the caller wrote it, for messages
	version  int       // of the index on disk
	cluster  string    // that the directory belongs to; "" if it does not say
	asked    []string  // items that the cluster asks for; nil if not known
	drop     []string  // leaves whose records the next Save removes
	ended    time.Time // client certificates that have ended by then: the next Save removes their records
	set      pki.Set
	recorded map[string]record // what the index on disk records
	// described are the records that items of the set would be given, as far as
	// they are known.
	described map[string]record
	clients   []ClientRecord
	warnings  []pki.Warning
}

// Open locks the PKI directory, reads it and checks its content. A missing or empty directory
// is an empty store. While another process has locked the directory, Open waits; before that
// it calls waiting (which may be nil) once.
//
// If the content has faults, the error is Faults with all of them, and nothing on disk was
// changed. A leaf without both of its files is not a fault: it is missing from Set, so that
// it is issued again. Nor is an authority without its key, which may be kept elsewhere until
// it has to sign.
func Open(dir string, waiting func()) (*Store, error) {
	d, err := tree.Open(dir, waiting)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: d, name: filepath.Clean(dir), set: pki.Set{}, recorded: map[string]record{}, described: map[string]record{}}
	if faults := s.load(); len(faults) > 0 {
		return nil, errors.Join(faults, d.Close())
	}
	return s, nil
}

// Close unlocks the directory.
func (s *Store) Close() error { return s.dir.Close() }

// Name returns the directory as the caller of Open wrote it.
func (s *Store) Name() string { return s.name }

// Set returns the items of the store.
func (s *Store) Set() pki.Set { return maps.Clone(s.set) }

// Cluster returns the name of the cluster that the directory belongs to; "" for an empty directory
// and for an index of version 1.
func (s *Store) Cluster() string { return s.cluster }

// SetCluster sets the cluster and the items that it asks for, for the next Save to write. All other
// items are recorded as not asked for (Asked).
func (s *Store) SetCluster(name string, asked ...string) { s.cluster, s.asked = name, asked }

// Drop has the next Save remove leaves with their records, also of leaves whose files are gone. Its
// set must not hold them.
func (s *Store) Drop(names ...string) { s.drop = names }

// DropClients has the next Save remove the records of client certificates that have ended by a time.
func (s *Store) DropClients(ended time.Time) { s.ended = ended }

// Asked reports whether the cluster asked for an item when the directory was last written: a
// master that returns to the cluster file is new, although its certificates exist.
func (s *Store) Asked(name string) bool {
	r, known := s.recorded[name]
	return known && !r.Unasked
}

// OnlyRewritten reports whether Save would only convert the index from version 1 to version 2.
func (s *Store) OnlyRewritten(set pki.Set) bool {
	return s.version == 1 && maps.EqualFunc(set, s.set, same)
}

// Recorded returns the requests of all recorded items, also of leaves whose files are gone.
func (s *Store) Recorded() map[string]pki.Request {
	requests := map[string]pki.Request{}
	for name, r := range s.recorded {
		requests[name] = r.Request
	}
	return requests
}

// Renewed returns the changes with Made replaced by Renewed for leaves that the cluster already had
// and whose files were gone.
func (s *Store) Renewed(changes []pki.Change) []pki.Change {
	changes = slices.Clone(changes)
	for i := range changes {
		if s.Asked(changes[i].Name) && changes[i].Action == pki.Made {
			changes[i].Action, changes[i].Why = pki.Renewed, "its files were gone"
		}
	}
	return changes
}

// Newest returns the item with the latest begin of a certificate in the directory, without those that
// are left out, and that time; "" if there is none.
func (s *Store) Newest(without ...func(name string) bool) (name string, begin time.Time) {
	for _, n := range slices.Sorted(maps.Keys(s.set)) {
		if r := s.recorded[n]; r.NotBefore.After(begin) && !slices.ContainsFunc(without, func(leaves func(string) bool) bool { return leaves(n) }) {
			name, begin = n, r.NotBefore
		}
	}
	return name, begin
}

// Clients returns the client certificates that were issued without being kept, oldest first.
func (s *Store) Clients() []ClientRecord { return slices.Clone(s.clients) }

// Warnings returns what Open found that users should know and that is not a fault: private keys
// that users other than their owner can read. The next Save that writes corrects their mode.
func (s *Store) Warnings() []pki.Warning { return slices.Clone(s.warnings) }

// Notes returns sentences about copies of the directory beside it that could not be
// removed.
func (s *Store) Notes() []string { return s.dir.Notes() }

// KeyFile returns the file of the key of an authority or leaf, in the directory.
func KeyFile(name string) string { return name + "-key.pem" }

// SecretFile returns the file of a generation of a secret that is not the present one, in the directory.
func SecretFile(name string, generation int) string {
	return partsAt(pki.Secret, fmt.Sprintf("%s/%d", name, generation))[0].path
}

// part is one file of an item.
type part struct {
	part pki.Part
	path string // in the directory, slash-separated
	mode fs.FileMode
}

// parts lists the files of an item's present generation.
func parts(request pki.Request) []part { return partsAt(request.Kind, request.Name) }

// partsOf lists the files of a generation, by its number; of the present one, which is 0, those of
// the item.
func partsOf(request pki.Request, generation int) []part {
	if generation == 0 {
		return parts(request)
	}
	return partsAt(request.Kind, fmt.Sprintf("%s/%d", request.Name, generation))
}

func partsAt(kind pki.Kind, name string) []part {
	switch kind {
	case pki.Authority, pki.Leaf:
		return []part{{pki.Certificate, name + ".pem", 0o644}, {pki.PrivateKey, KeyFile(name), 0o600}}
	case pki.KeyPair:
		return []part{{pki.PrivateKey, name + ".key", 0o600}, {pki.PublicHalf, name + ".pub", 0o644}}
	}
	return []part{{pki.PrivateKey, name + ".key", 0o600}}
}

// content returns a pointer to the bytes of a part of an item.
func content(item *pki.Item, p pki.Part) *[]byte {
	switch p {
	case pki.Certificate:
		return &item.Cert
	case pki.PublicHalf:
		return &item.Public
	}
	return &item.Key
}

// show returns the path of a file of the store for a message.
func (s *Store) show(path string) string { return filepath.Join(s.name, filepath.FromSlash(path)) }

const (
	ignoreFile = ".gitignore"
	ignoreText = `# Private keys and secrets in plain text do not belong in version control. Encrypt them
# first (with sops or age, say), under names with another ending.
*-key.pem
*.key
`
)

// Save writes set, which must be the store's own with items added, leaves replaced or authorities
// renewed (pki.Item.Renews). It adds
// newClients to the records of client certificates and removes those that have expired. The
// directory must belong to a cluster (SetCluster). All files are exchanged at once; if nothing
// differs, nothing is touched and changed is false. If Save fails with changed false, the directory
// is as it was.
func (s *Store) Save(set pki.Set, newClients ...ClientRecord) (changed bool, err error) {
	if s.cluster == "" {
		return false, fmt.Errorf("%s: cannot be written before its cluster is known", s.name)
	}
	set = s.keepMarks(set)
	if err := s.checkKept(set); err != nil {
		return false, err
	}
	if err := s.checkUnclaimed(set); err != nil {
		return false, err
	}
	kept := slices.DeleteFunc(unexpired(s.clients, newClients), func(r ClientRecord) bool { return !r.NotAfter.After(s.ended) })
	clients := append(kept, newClients...)
	items, err := s.nextRecords(set)
	if err != nil {
		return false, err
	}
	files, err := indexFiles(s.cluster, items, clients)
	if err != nil {
		return false, fmt.Errorf("%s: %w; nothing was written", s.name, err)
	}
	if _, err := os.Lstat(filepath.Join(s.dir.Path(), ignoreFile)); errors.Is(err, fs.ErrNotExist) {
		// Only then: users may have lines of their own in it.
		files = append(files, tree.File{Path: ignoreFile, Mode: 0o644, Data: []byte(ignoreText)})
	}
	for _, item := range set {
		files = append(files, filesOf(item)...)
	}
	changed, err = s.dir.Replace(files, s.dropped(items, clients))
	if changed || err == nil {
		s.set, s.clients, s.recorded, s.version = set, clients, items, indexVersion
		clear(s.described)
	}
	return changed, err
}

// keepMarks returns a set in which each item has the marks, too, that it had: a leaf that was issued again
// comes without.
func (s *Store) keepMarks(set pki.Set) pki.Set {
	set = maps.Clone(set)
	for name, item := range set {
		set[name] = item.Marked(s.recorded[name].Marks...)
	}
	return set
}

// filesOf returns the certificates and keys of an item, of all generations.
func filesOf(item pki.Item) (files []tree.File) {
	add := func(generation int, state pki.State, of pki.Item) {
		for _, p := range partsOf(item.Request, generation) {
			if p.part == pki.PrivateKey && of.Key == nil && item.Request.Kind.MayLackKey(state) {
				continue
			}
			files = append(files, tree.File{Path: p.path, Mode: p.mode, Data: *content(&of, p.part)})
		}
	}
	add(0, pki.Present, item)
	if item.Request.Kind == pki.Authority && len(item.Trusted()) > 1 {
		files = append(files, tree.File{Path: trustPath(item.Request), Mode: 0o644, Data: item.Bundle()})
	}
	for _, g := range item.Generations {
		if beside(g.State) {
			add(g.Number, g.State, pki.Item{Request: item.Request, Cert: g.Cert, Key: g.Key, Public: g.Public})
		}
		if g.Cross != nil {
			files = append(files, tree.File{Path: crossPath(item.Request, g.Number), Mode: 0o644, Data: g.Cross})
		}
	}
	return files
}

// dropped lists the files of items, generations and clients that are no longer in the index.
func (s *Store) dropped(items map[string]record, clients []ClientRecord) (paths []string) {
	for name, r := range s.recorded {
		next, kept := items[name]
		if !kept {
			paths = append(paths, recordPath(name))
			for _, p := range parts(r.Request) {
				paths = append(paths, p.path)
			}
		}
		for _, number := range r.beside() {
			if slices.Contains(next.beside(), number) {
				continue
			}
			for _, p := range partsOf(r.Request, number) {
				paths = append(paths, p.path)
			}
		}
	}
	for name, r := range s.recorded {
		if r.Request.Kind == pki.Authority && len(r.beside()) > 0 && len(items[name].beside()) == 0 {
			paths = append(paths, trustPath(r.Request))
		}
		for _, number := range r.crossed() {
			if !slices.Contains(items[name].crossed(), number) {
				paths = append(paths, crossPath(r.Request, number))
			}
		}
	}
	for _, c := range s.clients {
		if !slices.ContainsFunc(clients, func(kept ClientRecord) bool { return kept.Serial == c.Serial }) {
			paths = append(paths, clientPath(c))
		}
	}
	return paths
}

// unexpired leaves out the records of certificates that had expired when the first of
// the new ones was issued: they are of no more use.
func unexpired(records, newer []ClientRecord) []ClientRecord {
	return slices.DeleteFunc(slices.Clone(records), func(r ClientRecord) bool {
		return len(newer) > 0 && r.NotAfter.Before(newer[0].NotBefore)
	})
}

// checkKept is the last guard of what cannot be made again: it refuses a set that would remove or
// overwrite an authority, key pair or secret on disk, except as a rotation does.
func (s *Store) checkKept(set pki.Set) error {
	var errs []error
	for name, item := range s.set {
		next, there := set[name]
		if item.Request.Kind != pki.Leaf && !next.Renews(item) && (!there || !next.Keeps(item)) {
			errs = append(errs, fmt.Errorf("%s: an existing %s is never replaced or removed", s.show(name), item.Request.Kind))
		}
	}
	return errors.Join(errs...)
}

// checkUnclaimed keeps new items from overwriting files that the index does not know.
func (s *Store) checkUnclaimed(set pki.Set) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(set)) {
		var unclaimed []tree.File
		was, known := s.recorded[name]
		for _, f := range filesOf(set[name]) {
			of := generationOf(set[name], f.Path)
			if of == 0 && !known || of > 0 && !slices.Contains(was.beside(), of) {
				unclaimed = append(unclaimed, f)
			}
		}
		for _, f := range unclaimed {
			file, err := s.dir.OpenFile(f.Path)
			if err == nil && holds(file, f.Data) {
				file.Close() // such as a retired secret that was brought back
				continue
			}
			if err == nil {
				file.Close()
				err = fmt.Errorf("%s exists, but the index does not record it: if hagen wrote it, restore %s from a backup; if not, move it away", s.show(f.Path), s.show(s.recordedIn(name)))
			}
			if !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// generationOf returns the number of the generation that a file of an item is of; 0 of the present one, and -1 if it
// is of none by itself.
func generationOf(item pki.Item, path string) int {
	is := func(generation int) bool {
		return slices.ContainsFunc(partsOf(item.Request, generation), func(p part) bool { return p.path == path })
	}
	if is(0) {
		return 0
	}
	for _, g := range item.Generations {
		if is(g.Number) {
			return g.Number
		}
	}
	return -1
}

// holds reports whether a file has just this text; space around it does not count.
func holds(file io.Reader, text []byte) bool {
	found, err := io.ReadAll(io.LimitReader(file, maxFile))
	return err == nil && bytes.Equal(bytes.TrimSpace(found), bytes.TrimSpace(text))
}
