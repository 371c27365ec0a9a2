// Package risk finds what a running cluster does when a master changes: its ranges of pods
// and services, its releases, its architecture, and the cluster's name. It compares one
// machine before and after.
package risk

// Risk is what a change of a master means for a running cluster, besides what its units
// do.
type Risk struct {
	Field   string // of the cluster file
	Problem string // what happens
	Remedy  string // what to do instead, if it is refused
	Refused bool   // hagen plan refuses it; otherwise there is something to do besides
	Command string // what to run on a workstation when all machines have changed; "" for nothing
	Unless  string // the flag with which it is not refused; "" if there is none
}

// Flags of hagen plan and hagen render with which a risk is not refused.
const (
	NodesFit = "--nodes-fit" // of both: no Node has a pod range outside the new ones
	Restored = "--restore"   // of hagen render: etcd is restored from a snapshot
	Reimage  = "--reimage"   // of hagen plan: machines are re-imaged
)
