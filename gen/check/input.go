package check

import (
	"time"

	"hagen/gen/node"
	"hagen/profiles"
)

// Machine is one machine of the set. A row of profiles that is empty stands
// for an operating system of which nothing is known.
type Machine struct {
	Node       node.Node
	OS         profiles.OS
	Differing  []string // names of documents beside the node's that say something else
	OtherBytes []string // names of those that say the same in other bytes than Butane makes of the node's
	Meta       *Meta    // of cloud-init; nil for none
}

// Meta is what cloud-init's meta-data says of a machine.
type Meta struct {
	InstanceID, LocalHostname string
	Derived                   string // the instance-id that follows from what stands beside it
}

// Input is what is checked.
type Input struct {
	Machines    []Machine
	Kubeconfigs []node.File // those of people, who dial the cluster from anywhere
	Now         time.Time   // for expiry, which a zero time leaves out
	ErrorsOnly  bool        // leaves out what may be meant
}

// Report is what a check found. Notes say what could not be checked, and what
// is no fault where it is meant.
type Report struct {
	Findings []Finding
	Notes    []string
}
