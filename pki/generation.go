package pki

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// State says what a generation of an item is for.
type State string

// The states of a generation.
const (
	Present State = "present" // it signs or encrypts, or is shown
	Next    State = "next"    // it is trusted or read, and not used yet
	Former  State = "former"  // it is trusted or read, and not used any more
	Retired State = "retired" // a secret for what was encrypted with it long ago
	Removed State = "removed" // only its id is kept
)

// Phase is a step of a rotation, from one generation of an item to the next.
type Phase string

// The phases of a rotation, in their order.
const (
	PhaseTrust  Phase = "trust"  // the next generation is made, and trusted or read
	PhaseIssue  Phase = "issue"  // it is the present one, and the former one is still trusted or read
	PhaseRetire Phase = "retire" // the former one is not
)

// Phases lists them.
func Phases() []Phase { return []Phase{PhaseTrust, PhaseIssue, PhaseRetire} }

// Step records a phase of a rotation.
type Step struct {
	Phase Phase     `json:"phase"`
	Began time.Time `json:"began"`
	// Rendered is when documents of all machines were written in this phase.
	Rendered time.Time `json:"rendered,omitzero"`
	// Delivered is when it was known that all machines have them, and By says who knew.
	Delivered time.Time `json:"delivered,omitzero"`
	By        string    `json:"by,omitempty"`
	// Without are machines that were off then, and do not have them.
	Without []string `json:"without,omitempty"`
	// Replaced are machines that were left out before, and for which documents of this phase were written.
	Replaced []string `json:"replaced,omitempty"`
}

// Generation is one of the keys that an item has had.
type Generation struct {
	Number int // from 1
	State  State
	ID     string // KeyID
	// KeyName and Provider are how a reader of a Secret's key finds it in what was
	// encrypted with it. They are empty in a first generation.
	KeyName, Provider string
	Steps             []Step // of the rotation that led to it
	// Cert, Key and Public are as those of an Item. Those of the present one are the item's.
	Cert, Key, Public []byte
	// Cross is a certificate of the present authority that a former one has signed, PEM: for those who
	// trust only the former one. It is nil if that could not sign.
	Cross []byte
}

// Names are how readers find the key of a Secret in what was encrypted with it.
type Names struct{ Key, Provider string }

// All returns the generations of the item with their parts: the present one, and then the
// others, the newest first. An item that was never rotated has one.
func (i Item) All() []Generation {
	if len(i.Generations) == 0 {
		id, _ := KeyID(i) // an item that cannot be read has none
		return []Generation{{Number: 1, State: Present, ID: id, Cert: i.Cert, Key: i.Key, Public: i.Public}}
	}
	var present, others []Generation
	for _, g := range slices.Backward(i.Generations) {
		if g.State == Present {
			g.Cert, g.Key, g.Public = i.Cert, i.Key, i.Public
			present = append(present, g)
			continue
		}
		others = append(others, g)
	}
	return append(present, others...)
}

// Trusted returns the generations that machines trust or read, the present one first.
func (i Item) Trusted() []Generation { return i.in(Present, Next, Former) }

// Readable returns the generations whose secret is kept, the present one first.
func (i Item) Readable() []Generation { return i.in(Present, Next, Former, Retired) }

// number returns the number of the present generation.
func (i Item) number() int {
	for _, g := range i.Generations {
		if g.State == Present {
			return g.Number
		}
	}
	return 1
}

// numbered returns the request for a generation. Each authority has a name of its own, which tells
// clients which one has signed a certificate: the first has that of the request.
func (r Request) numbered(number int) Request {
	if r.Kind == Authority && number > 1 {
		r.Subject.CommonName = fmt.Sprintf("%s %d", r.Subject.CommonName, number)
	}
	return r
}

func (i Item) in(states ...State) []Generation {
	return slices.DeleteFunc(i.All(), func(g Generation) bool { return !slices.Contains(states, g.State) })
}

// of returns a generation as an item without others.
func (g Generation) of(request Request) Item {
	return Item{Request: request.numbered(g.Number), Cert: g.Cert, Key: g.Key, Public: g.Public}
}

// keeps reports whether the parts of a former generation are among those of the item, or the item
// says that they were removed. Those of one that was removed may be there again.
func (i Item) keeps(was Generation) bool {
	return slices.ContainsFunc(i.All(), func(g Generation) bool {
		return (g.State == Removed || was.State == Removed) && g.Number == was.Number && g.ID == was.ID ||
			bytes.Equal(g.Cert, was.Cert) && bytes.Equal(g.Key, was.Key) && bytes.Equal(g.Public, was.Public)
	})
}

// Keeps reports whether the item has all keys that a former state of it had, except those that it
// says were removed.
func (i Item) Keeps(former Item) bool {
	return !slices.ContainsFunc(former.All(), func(was Generation) bool { return !i.keeps(was) })
}
