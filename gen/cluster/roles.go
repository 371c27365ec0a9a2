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
// may be, and which daemons they run. A row of gen/control says what else they have.
type role struct {
	name   Role
	hosts  func(*spec.Spec) spec.List[spec.Host]
	disks  func(*spec.Spec) spec.List[spec.Disk] // of machines that list none
	most   int
	advice string              // the remedy for too many
	count  func(v *validation) // checks their number further; nil is no check
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

// haproxyRoles maps each mode to the role whose machines run HAProxy; external to none.
var haproxyRoles = map[Mode]Role{Dedicated: LoadBalancer, Colocated: Master}

// row returns the row of a role; an empty one for a role without machines in the
// cluster file.
func (r Role) row() role {
	for _, row := range roles {
		if row.name == r {
			return row
		}
	}
	return role{}
}

// Runs reports whether machines of the role run a daemon. For HAProxy and keepalived
// the mode decides, not the role.
func (r Role) Runs(daemon string) bool { return slices.Contains(r.row().runs, daemon) }

// Of lists the machines of a role.
func (c *Cluster) Of(r Role) []Host {
	return c.where(func(h Host) bool { return h.Role == r })
}

// Members lists the machines that run a member of the cluster's etcd.
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
