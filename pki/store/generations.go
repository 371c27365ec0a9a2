package store

import (
	"fmt"
	"slices"
	"time"

	"hagen/pki"
)

// recordFile is a record as version 2 writes it. Each generation is a key. An item that was never
// rotated has one, without a state: that of a leaf counts the keys that it has had.
type recordFile struct {
	Request     pki.Request  `json:"request"`
	Unasked     bool         `json:"unasked,omitempty"`
	Generations []generation `json:"generations"`
	Compromised []pki.Mark   `json:"compromised,omitempty"` // keys that others have had
}

type generation struct {
	Generation   int           `json:"generation"`
	State        pki.State     `json:"state,omitempty"`
	Key          string        `json:"key"`
	KeyName      string        `json:"keyName,omitempty"`
	Provider     string        `json:"provider,omitempty"`
	Certificates []certificate `json:"certificates,omitempty"`
	// CrossSigned is the certificate of its successor that a former authority has signed.
	CrossSigned []certificate `json:"crossSigned,omitempty"`
	Phases      []pki.Step    `json:"phases,omitempty"` // of the rotation that led to it
}

type certificate struct {
	SHA256    string    `json:"sha256"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

// beside reports whether a generation in this state has files of its own.
func beside(state pki.State) bool { return state != pki.Present && state != pki.Removed }

// beside returns the numbers of the generations with files of their own.
func (r record) beside() (numbers []int) {
	for _, g := range r.Generations {
		if beside(g.State) {
			numbers = append(numbers, g.Generation)
		}
	}
	return numbers
}

// present returns the number of the present generation of an item that was rotated, else 0.
func (r record) present() int {
	if i := slices.IndexFunc(r.Generations, func(g generation) bool { return g.State == pki.Present }); i >= 0 {
		return r.Generations[i].Generation
	}
	return 0
}

// crossed returns the numbers of the generations that have signed their successor.
func (r record) crossed() (numbers []int) {
	for _, g := range r.Generations {
		if len(g.CrossSigned) > 0 {
			numbers = append(numbers, g.Generation)
		}
	}
	return numbers
}

// crossPath returns the file of what a generation has signed for its successor.
func crossPath(request pki.Request, generation int) string {
	return fmt.Sprintf("%s/%d-cross.pem", request.Name, generation)
}

// trustPath returns the file with all certificates of an authority that are trusted, if there are
// several: for those who verify with the directory. hagen does not read it.
func trustPath(request pki.Request) string { return request.Name + "/trust.pem" }

// certificates returns the certificate of the record.
func (r record) certificates() []certificate {
	if r.Certificate == "" {
		return nil
	}
	return []certificate{{r.Certificate, r.NotBefore, r.NotAfter}}
}

func (r record) file() recordFile {
	if len(r.Generations) == 0 {
		return recordFile{r.Request, r.Unasked, []generation{{Generation: max(r.Generation, 1), Key: r.Key, Certificates: r.certificates()}}, r.Marks}
	}
	all := slices.Clone(r.Generations)
	for i, g := range all {
		if g.State == pki.Present {
			all[i].Key, all[i].Certificates = r.Key, r.certificates()
		}
	}
	return recordFile{r.Request, r.Unasked, all, r.Marks}
}

// record returns the record of a file; known is false if the file holds more than this hagen knows.
func (f recordFile) record() (r record, known bool) {
	r.Request, r.Unasked, r.Marks = f.Request, f.Unasked, orNil(f.Compromised)
	if slices.ContainsFunc(r.Marks, func(m pki.Mark) bool {
		return m.Key == "" || m.Host == "" || m.At.IsZero() || !slices.Contains(pki.HostStates(), m.State)
	}) {
		return r, false
	}
	kind := r.Request.Kind
	hasCertificate := kind == pki.Authority || kind == pki.Leaf
	presents := 0
	for i, g := range f.Generations {
		first := g.State == "" && len(f.Generations) == 1
		switch {
		case g.Generation < 1 || i > 0 && g.Generation <= f.Generations[i-1].Generation || g.Key == "":
			return r, false
		case !first && (kind == pki.Leaf || !slices.Contains(states, g.State)):
			return r, false
		case len(g.CrossSigned) > 1 || len(g.CrossSigned) > 0 && (kind != pki.Authority || g.State != pki.Former):
			return r, false
		case len(g.Certificates) > 1 || hasCertificate && g.State != pki.Removed && len(g.Certificates) == 0 || !hasCertificate && len(g.Certificates) > 0:
			return r, false
		case slices.ContainsFunc(g.Phases, func(s pki.Step) bool { return !slices.Contains(pki.Phases(), s.Phase) }):
			return r, false
		case first || g.State == pki.Present:
			presents++
			r.Generation, r.Key = g.Generation, g.Key
			for _, c := range g.Certificates {
				r.Certificate, r.NotBefore, r.NotAfter = c.SHA256, c.NotBefore, c.NotAfter
			}
		}
		if !first {
			g.Certificates, g.CrossSigned, g.Phases = orNil(g.Certificates), orNil(g.CrossSigned), orNil(g.Phases)
			r.Generations = append(r.Generations, g)
		}
	}
	return r, presents == 1
}

// orNil returns an empty list as hagen writes it: not at all.
func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

var states = []pki.State{pki.Present, pki.Next, pki.Former, pki.Retired, pki.Removed}

// describeAll makes the records of an item's generations; those of the present one come from the
// record of the item.
func describeAll(item pki.Item) (all []generation, err error) {
	for _, g := range item.Generations {
		described := record{Key: g.ID}
		if beside(g.State) {
			described, err = describePresent(pki.Item{Request: item.Request, Cert: g.Cert, Key: g.Key, Public: g.Public}, indexVersion)
			if err != nil {
				return nil, err
			}
		}
		next := generation{g.Number, g.State, described.Key, g.KeyName, g.Provider, described.certificates(), nil, g.Steps}
		if g.Cross != nil {
			cross, err := describePresent(pki.Item{Request: item.Request, Cert: g.Cross}, indexVersion)
			if err != nil {
				return nil, err
			}
			next.CrossSigned = cross.certificates()
		}
		all = append(all, next)
	}
	return all, nil
}

// generations returns the generations of a record, without their parts.
func (r record) generations() (all []pki.Generation) {
	for _, g := range r.Generations {
		all = append(all, pki.Generation{Number: g.Generation, State: g.State, ID: g.Key, KeyName: g.KeyName, Provider: g.Provider, Steps: g.Phases})
	}
	return all
}

// certificateOf returns the recorded SHA-256 of the certificate of a generation.
func (g generation) certificateOf() string {
	for _, c := range g.Certificates {
		return c.SHA256
	}
	return ""
}
