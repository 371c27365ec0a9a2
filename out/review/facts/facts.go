// Package facts tells what a machine is, by its own files and units: its role,
// its addresses, its member of etcd. It compares nothing.
package facts

import (
	"slices"

	"hagen/gen/node"
	"hagen/gen/read"
)

// Units by which machines are told apart.
const (
	EtcdUnit       = "etcd.service"
	APIUnit        = "kube-apiserver.service"
	HAProxyUnit    = "haproxy.service"
	KeepalivedUnit = "keepalived.service"
)

// Role is a row: what a machine is called that has one of these units.
type Role struct {
	Name    string
	Control bool // it has a part of the control plane
	units   []string
}

var roles = []Role{
	{"master", true, []string{EtcdUnit, APIUnit}},
	{"load balancer", false, []string{HAProxyUnit}},
}

// RoleOf gives the first row of which a machine has a unit.
func RoleOf(n *node.Node) Role {
	for _, r := range roles {
		if slices.ContainsFunc(r.units, func(unit string) bool { return Runs(n, unit) }) {
			return r
		}
	}
	return Role{Name: "machine"}
}

// Versions are those of the binaries that a machine is to have, by name.
func Versions(n node.Node) map[string]string {
	versions := map[string]string{}
	for _, s := range read.StepsOf(n) {
		if s.Does == read.Need {
			versions[s.Product] = s.Version
		}
	}
	return versions
}

// FileAt gives a machine's file of a path; the zero file if it has none.
func FileAt(n node.Node, path string) node.File {
	if i := slices.IndexFunc(n.Files, func(f node.File) bool { return f.Path == path }); i >= 0 {
		return n.Files[i]
	}
	return node.File{}
}

// Member is one of etcd's, as its machine's own unit tells.
type Member struct {
	Host     string // the machine
	Name     string // --name
	PeerURLs string // --initial-advertise-peer-urls, joined by commas
	DataDir  string // --data-dir
	Cluster  string // --initial-cluster
	State    string // --initial-cluster-state
}

// MemberOf reads that of one machine, if it has any.
func MemberOf(n *node.Node) (Member, bool) {
	if !Runs(n, EtcdUnit) {
		return Member{}, false
	}
	m, unit := Member{Host: n.Name, Name: n.Name}, UnitOf(*n, EtcdUnit)
	for _, flag := range []struct {
		name  string
		value *string
	}{
		{"--name", &m.Name}, {"--initial-advertise-peer-urls", &m.PeerURLs}, {"--data-dir", &m.DataDir},
		{"--initial-cluster", &m.Cluster}, {"--initial-cluster-state", &m.State},
	} {
		if value := unit.Flag(flag.name); value != "" {
			*flag.value = value
		}
	}
	return m, true
}

// Members lists those of a set of machines, in their order.
func Members(machines []node.Node) (all []Member) {
	for i := range machines {
		if m, is := MemberOf(&machines[i]); is {
			all = append(all, m)
		}
	}
	return all
}
