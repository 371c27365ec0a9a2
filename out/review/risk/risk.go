// Package risk tells what a cluster that runs makes of another master: of its
// ranges of pods and services, its releases, its architecture and the cluster's
// name. It looks at one machine before and after, at no other.
package risk

// Risk is what a change of a master means for a cluster that runs, beyond what
// its units do.
type Risk struct {
	Field   string // of the cluster file, that says it
	Problem string // what happens
	Remedy  string // what to do instead, if it is refused
	Refused bool   // hagen plan does; else there is something to be done beside
	Unless  string // the flag with which nothing is refused; "" is none
}

// Flags with which a risk is not refused: of hagen plan and hagen render, of
// hagen render, of hagen plan.
const (
	NodesFit = "--nodes-fit" // no Node has a range of pods outside of the new ones
	Restored = "--restore"   // etcd begins with what it was before
	Anew     = "--reimage"   // machines are made anew
)
