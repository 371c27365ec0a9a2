// Package decide issues what a cluster lacks and decides its machines, for
// render, diff and plan.
package decide

import (
	"time"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/pki"
)

// Machines issues the cluster's missing certificates and keys, and decides its
// machines. It returns what was issued even with an error.
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

// Render returns all machines of a cluster with what was issued for them, for a
// comparison; nothing of it is written.
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

// Fault returns an error that is hagen's own, not the cluster file's.
func Fault(err error) error {
	return exit.Failed("%w\nThis is a bug in hagen, not in your file; nothing was written.", err)
}

// Kubeconfig returns the administrator's kubeconfig.
func Kubeconfig(c *cluster.Cluster, set pki.Set) []byte {
	return control.Kubeconfig(c, control.EndpointServer(c), set[control.ClusterAuthority], set[control.Admin])
}

// OfNoMachine returns the files of a cluster's tree that belong to no machine, by path.
func OfNoMachine(c *cluster.Cluster, set pki.Set) map[string][]byte {
	files := map[string][]byte{document.AdminPath: Kubeconfig(c, set)}
	if rights := control.Rights(c); rights != nil {
		files[document.RightsPath] = rights
	}
	return files
}
