// Package decide issues what a cluster lacks and decides on its machines, for
// whoever renders, tries or compares.
package decide

import (
	"time"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/pki"
)

// Machines issues what a cluster lacks of what it has, and decides on its
// machines. What was issued is told with an error, too.
func Machines(c *cluster.Cluster, have pki.Set, now time.Time, restore control.Restore) (pki.Result, *gen.Decided, error) {
	issued, err := clusterpki.Issue(control.Requests(c), have, now)
	if err != nil {
		return issued, nil, err
	}
	d, err := gen.Decide(c, issued.Set, restore)
	if err != nil {
		return issued, nil, Fault(err)
	}
	return issued, d, nil
}

// Render gives all machines of a cluster with what was issued for them: to
// look at, not to be written.
func Render(c *cluster.Cluster, have pki.Set, now time.Time) (pki.Result, []gen.Machine, error) {
	issued, d, err := Machines(c, have, now, control.Restore{})
	if err != nil {
		return issued, nil, err
	}
	machines, err := d.Documents(nil, nil, nil)
	if err != nil {
		return issued, nil, Fault(err)
	}
	return issued, machines, nil
}

// Fault is an error that no cluster file can be blamed for.
func Fault(err error) error {
	return exit.Failed("%w\nThis is a fault of hagen, not of your file; nothing was written.", err)
}

// Kubeconfig is the administrator's.
func Kubeconfig(c *cluster.Cluster, set pki.Set) []byte {
	return control.Kubeconfig(c, set[control.ClusterAuthority], set[control.Admin])
}
