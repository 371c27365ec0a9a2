package check

import (
	"time"

	"hagen/gen/node"
	"hagen/profiles"
)

// Machine is one machine of the set. An empty OS is an unknown operating
// system.
type Machine struct {
	Node       node.Node
	OS         profiles.OS
	Differing  []string // names of the machine's other documents that differ
	OtherBytes []string // names of those that are equal, but in other bytes than Butane makes of the node's
	Meta       *Meta    // of cloud-init; nil for none
}

// Meta is what cloud-init's meta-data says about a machine.
type Meta struct {
	InstanceID, LocalHostname string
	Derived                   string // the instance-id that the files beside it give
}

// Input is what is checked.
type Input struct {
	Machines    []Machine
	Kubeconfigs []node.File        // those of people, who dial the cluster from anywhere; other files of no machine, too
	Now         time.Time          // for expiry, which a zero time leaves out
	ErrorsOnly  bool               // leaves out warnings
	Signed      map[Signature]bool // signatures that have been verified already
	Show        []string           // paths and units of which findings may quote everything
}

// Report is the result of a check. Notes say what could not be checked, and
// what is right only if it is intended.
type Report struct {
	Findings []Finding
	Notes    []string
}
