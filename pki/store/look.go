package store

import (
	"crypto/x509"
	"path/filepath"
	"slices"
	"strings"

	"hagen/out/tree"
	"hagen/pki"
)

// View is what a PKI directory says without its keys.
type View struct {
	Name    string // as the caller of Look wrote it
	Cluster string // that the directory belongs to; "" for an index of version 1
	Version int    // of the index; 0 if the directory holds nothing
	Items   []Held // by name
	Clients []ClientRecord
}

// Held is an item without its key.
type Held struct {
	Request pki.Request
	// Generation counts the keys that the item has had; 0 in version 1, which does
	// not count.
	Generation int
	// Asked says whether the cluster asked for it when the directory was last written.
	Asked bool
	// KeyID is the key's id (pki.KeyID); "" for a secret in version 1.
	KeyID string
	// Cert is nil for a key pair, a secret, and a leaf whose files are gone.
	Cert *x509.Certificate
	// HasKey says whether the file of the private key is there. It was not opened.
	HasKey bool
	// Generations are all generations of an item that was rotated, the oldest first.
	Generations []HeldGeneration
	// Marks are of keys that others have had.
	Marks []pki.Mark
}

// HeldGeneration is a generation without its key, also the present one.
type HeldGeneration struct {
	pki.Generation
	X509   *x509.Certificate // of an authority's, unless it was removed
	HasKey bool
}

// Look reads a PKI directory as it is now. It locks and writes nothing and opens no key:
// the keys may be elsewhere, and the directory may be another user's or read-only. A leaf
// may be without its files. Anything else that the index does not describe is a fault; the
// error is then Faults with all of them. It is fs.ErrNotExist if there is no directory.
func Look(dir string) (View, error) {
	for {
		d, err := tree.Look(dir)
		if err != nil {
			return View{}, err
		}
		l := &loader{Store: &Store{dir: d, name: filepath.Clean(dir), set: pki.Set{}, recorded: map[string]record{}, described: map[string]record{}}, faulty: map[string]bool{}}
		view := l.look()
		replaced := d.Replaced()
		if err := d.Close(); err != nil {
			return View{}, err
		}
		switch {
		case replaced: // read again: that another run has written costs one more read
		case len(l.faults) > 0:
			return View{}, l.faults
		default:
			return view, nil
		}
	}
}

// look is load without keys.
func (l *loader) look() View {
	view := View{Name: l.name}
	read, whole := l.loadIndex()
	if !whole {
		return view
	}
	view.Cluster, view.Version, view.Clients = read.Cluster, read.Version, read.Clients
	for _, recorded := range read.Items {
		held := l.hold(recorded, 0)
		held.Generations = l.holdGenerations(recorded, held)
		view.Items = append(view.Items, held)
	}
	slices.SortFunc(view.Items, func(a, b Held) int { return strings.Compare(a.Request.Name, b.Request.Name) })
	return view
}

// holdGenerations reads what may be read of all generations of an item.
func (l *loader) holdGenerations(recorded record, present Held) (all []HeldGeneration) {
	for i, g := range recorded.generations() {
		held := HeldGeneration{Generation: g}
		switch {
		case g.State == pki.Present:
			held.X509, held.HasKey = present.Cert, present.HasKey
		case beside(g.State):
			of := record{Request: recorded.Request, Key: g.ID, Certificate: recorded.Generations[i].certificateOf()}
			found := l.hold(of, g.Number)
			held.X509, held.HasKey = found.Cert, found.HasKey
		}
		all = append(all, held)
	}
	return all
}

// hold reads what may be read of a generation of an item; the present one is 0.
func (l *loader) hold(recorded record, generation int) Held {
	request := recorded.Request
	held := Held{Request: request, Generation: recorded.Generation, Asked: !recorded.Unasked, KeyID: recorded.Key, Marks: recorded.Marks}
	if request.Kind == pki.Secret && l.version == 1 {
		held.KeyID = ""
	}
	item := pki.Item{Request: request}
	var missing, present []string
	for _, p := range partsOf(request, generation) {
		there := l.dir.Has(p.path)
		switch p.part {
		case pki.PrivateKey:
			held.HasKey = there
		default:
			if *content(&item, p.part), there = l.read(p.path); !there {
				missing = append(missing, p.path)
			}
		}
		if there {
			present = append(present, p.path)
		}
	}
	gone := len(present) == 0 && request.Kind == pki.Leaf
	for _, path := range missing {
		if !gone {
			l.missing(path, request, present)
		}
	}
	if len(missing) > 0 || request.Kind == pki.Secret {
		return held
	}
	item = item.Parsed()
	if _, err := pki.KeyID(item); err != nil {
		for _, p := range partsOf(request, generation) {
			if p.part != pki.PrivateKey {
				l.fault(p.path, "is wrong: %s; %s", strings.TrimPrefix(strings.TrimPrefix(err.Error(), request.Name+": "), "certificate: "), l.remedy(request))
			}
		}
		return held
	}
	if generation > 0 {
		l.compareGeneration(&item, recorded.file().Generations[0])
	} else {
		l.compare(&item, recorded)
	}
	if request.Kind != pki.KeyPair {
		held.Cert, _ = item.X509() // pki.KeyID has read it
	}
	return held
}
