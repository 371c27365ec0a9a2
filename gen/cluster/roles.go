package cluster

import (
	"slices"

	"hagen/gen/spec"
)

// Role is what a machine does.
type Role string

// The roles of machines. Upstream says "control-plane node" for a master.
const (
	Master       Role = "master"
	LoadBalancer Role = "load balancer"
)

// Daemons that a role may run.
const (
	etcd      = "etcd"
	apiServer = "kube-apiserver"
)

// role is a row: where the cluster file lists machines of a role, how many there
// may be, and which daemons they run. What else stands on them is a row of
// gen/control.
type role struct {
	name   Role
	hosts  func(*spec.Spec) spec.List[spec.Host]
	disks  func(*spec.Spec) spec.List[spec.Disk] // of machines that name none
	most   int
	advice string              // what to write instead of more
	count  func(v *validation) // what else holds for their number; nil is nothing
	runs   []string
}

// roles are in the order in which machines are listed.
var roles = []role{
	{
		name:  Master,
		hosts: func(s *spec.Spec) spec.List[spec.Host] { return s.Masters },
		disks: func(s *spec.Spec) spec.List[spec.Disk] { return s.Disks.Masters },
		most:  maxMasters, advice: mastersAdvice, count: (*validation).quorum,
		runs: []string{etcd, apiServer, "kube-controller-manager", "kube-scheduler"},
	},
	{
		name:  LoadBalancer,
		hosts: func(s *spec.Spec) spec.List[spec.Host] { return s.LoadBalancers },
		disks: func(s *spec.Spec) spec.List[spec.Disk] { return s.Disks.LoadBalancers },
		most:  maxBalancers, advice: "write two or three",
	},
}

// frontRoles are the roles whose machines HAProxy runs on; in mode external none.
var frontRoles = map[Mode]Role{Dedicated: LoadBalancer, Colocated: Master}

// row gives the row of a role; of one that the cluster file does not know, an
// empty one.
func (r Role) row() role {
	for _, row := range roles {
		if row.name == r {
			return row
		}
	}
	return role{}
}

// Runs says whether machines of the role run a daemon. HAProxy and keepalived
// run where the mode says.
func (r Role) Runs(daemon string) bool { return slices.Contains(r.row().runs, daemon) }

// Of lists the machines of a role.
func (c *Cluster) Of(r Role) []Host {
	return c.where(func(h Host) bool { return h.Role == r })
}

// Members lists the machines whose etcd is a member of the cluster's.
func (c *Cluster) Members() []Host {
	return c.where(func(h Host) bool { return h.Role.Runs(etcd) })
}

// APIServers lists the machines that run an API server.
func (c *Cluster) APIServers() []Host {
	return c.where(func(h Host) bool { return h.Role.Runs(apiServer) })
}

func (c *Cluster) where(is func(Host) bool) []Host {
	out := make([]Host, 0, len(c.Machines)) // hosts are large: growing would copy them
	for _, h := range c.Machines {
		if is(h) {
			out = append(out, h)
		}
	}
	return out
}
