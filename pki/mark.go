package pki

import (
	"slices"
	"time"
)

// Mark records that a key was on a machine which others have had: a leaf's, a key pair's or a secret's. Of an
// authority, a certificate that it has signed was, with the key: nobody can revoke that.
type Mark struct {
	Key  string    `json:"key"` // KeyID
	Host string    `json:"host"`
	At   time.Time `json:"at"` // when it was recorded
	// Until is the end of the certificate that the thief has, of a leaf's key.
	Until time.Time `json:"until,omitzero"`
	// State is what became of the host. A mark that says so comes beside the one without.
	State HostState `json:"state,omitempty"`
}

// HostState says what became of a host that others have had.
type HostState string

// The states of such a host.
const (
	HostGoes     HostState = ""         // it is off, or cut off, and gets nothing
	HostRunsOn   HostState = "runs-on"  // nobody was on the machine itself: it goes on, with new documents
	HostReplaced HostState = "replaced" // a document for another machine in its place was written
)

// HostStates lists them.
func HostStates() []HostState { return []HostState{HostGoes, HostRunsOn, HostReplaced} }

// MarkOf returns the first mark of a key; marked is false if it has none.
func (i Item) MarkOf(key string) (first Mark, marked bool) {
	for _, m := range i.Marks {
		if m.Key == key && (!marked || m.At.Before(first.At)) {
			first, marked = m, true
		}
	}
	return first, marked
}

// Marked returns the item with more marks. None is ever taken away.
func (i Item) Marked(marks ...Mark) Item {
	i.Marks = MergeMarks(i.Marks, marks)
	return i
}

// InState returns the item with marks that say what became of a host which others have had, if it was
// marked with that.
func (i Item) InState(host string, state HostState) Item {
	var last time.Time
	for _, m := range i.Marks {
		if m.Host == host && m.At.After(last) {
			last = m.At
		}
	}
	for _, m := range i.Marks {
		if m.Host == host && m.At.Equal(last) {
			m.State = state
			i = i.Marked(m)
		}
	}
	return i
}

// MergeMarks returns the marks of both, the oldest first.
func MergeMarks(marks, more []Mark) []Mark {
	all := slices.Clone(marks)
	for _, m := range more {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b Mark) int { return a.At.Compare(b.At) })
	return all
}
