// Package facts reads what a machine is from its files and units: its role, its addresses,
// its member of etcd. It compares nothing.
package facts

import (
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/gen/read"
)

// Units that distinguish machines.
const (
	EtcdUnit       = "etcd.service"
	APIUnit        = "kube-apiserver.service"
	HAProxyUnit    = "haproxy.service"
	KeepalivedUnit = "keepalived.service"
)

// Role is a row: the name of machines that have one of the units.
type Role struct {
	Name    string
	Control bool // it runs a part of the control plane
	units   []string
}

var roles = []Role{
	{"master", true, []string{EtcdUnit, APIUnit}},
	{"load balancer", false, []string{HAProxyUnit}},
}

// RoleOf returns the first row of which a machine has a unit.
func RoleOf(n *node.Node) Role {
	for _, r := range roles {
		if slices.ContainsFunc(r.units, func(unit string) bool { return Runs(n, unit) }) {
			return r
		}
	}
	return Role{Name: "machine"}
}

// Versions returns the versions of a machine's binaries by name.
func Versions(n node.Node) map[string]string {
	versions := map[string]string{}
	for _, s := range read.StepsOf(n) {
		if s.Does == read.Need {
			versions[s.Product] = s.Version
		}
	}
	return versions
}

// Emulated returns the minor release that a machine's API server behaves like, "" for its
// own (kube-apiserver --help: the component is kube if none is named).
func Emulated(n node.Node) string {
	return strings.TrimPrefix(Flag(n, APIUnit, "--emulated-version"), "kube=")
}

// FileAt returns a machine's file with this path; the zero file if it has none.
func FileAt(n node.Node, path string) node.File {
	if i := slices.IndexFunc(n.Files, func(f node.File) bool { return f.Path == path }); i >= 0 {
		return n.Files[i]
	}
	return node.File{}
}

// Replaces reports whether a file stands in the place of one that images have: without it, a
// machine has neither. Documents of some kinds do not say so of /etc/hosts.
func Replaces(f node.File) bool { return f.Overwrite || f.Path == read.HostsPath }

// Member is a member of etcd, from the flags in its machine's unit.
type Member struct {
	Host     string // the machine
	Name     string // --name
	PeerURLs string // --initial-advertise-peer-urls, joined by commas
	DataDir  string // --data-dir
	Cluster  string // --initial-cluster
	State    string // --initial-cluster-state
}

// MemberOf returns the member on a machine, if it has one.
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

// Members returns the members on a list of machines, in order.
func Members(machines []node.Node) (all []Member) {
	for i := range machines {
		if m, is := MemberOf(&machines[i]); is {
			all = append(all, m)
		}
	}
	return all
}

// Kubeconfig returns the path of the kubeconfig with which a unit dials an API server, from
// its flag or its configuration file, and the URL in it; "" if it has none.
func Kubeconfig(n *node.Node, unit string) (path, server string) {
	if n == nil {
		return "", ""
	}
	if path = Flag(*n, unit, "--kubeconfig"); path == "" {
		path = kubeconfigPath(string(FileAt(*n, Flag(*n, unit, "--config")).Contents))
	}
	return path, serverIn(string(FileAt(*n, path).Contents))
}

// kubeconfigPath returns the path in a daemon's configuration, serverIn the URL in a kubeconfig.
var (
	kubeconfigPath = lazy.Memo(func(config string) string {
		all, _ := read.ParseYAML(config)
		return all.Get("clientConnection", "kubeconfig").Value()
	})
	serverIn = lazy.Memo(func(kubeconfig string) string {
		k, _, _ := read.ParseKubeconfig(node.File{Contents: []byte(kubeconfig)}, nil)
		return k.Server.Value()
	})
)
