// Package control holds the decisions: from a validated cluster and its
// certificates to what stands on every machine. Decisions are rows of tables
// (certificates, flags, daemons); the rest of the package turns rows into
// files and units.
package control

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
	"hagen/profiles"
)

// Places on the machines, the same in every profile: one layout to learn.
const (
	kubernetesDir   = "/etc/kubernetes"
	kubernetesPKI   = "/etc/kubernetes/pki"
	etcdPKI         = "/etc/etcd/pki"
	etcdData        = cluster.EtcdData
	managerDir      = "/var/lib/kube-controller-manager"
	managerPKI      = "/var/lib/kube-controller-manager/pki"
	schedulerDir    = "/var/lib/kube-scheduler"
	schedulerPKI    = "/var/lib/kube-scheduler/pki"
	haproxyDir      = "/etc/haproxy"
	haproxyConfig   = "/etc/haproxy/haproxy.cfg"
	auditDir        = "/var/log/kube-apiserver"
	hagenDir        = "/etc/hagen"
	hagenData       = "/var/lib/hagen"
	managerConfig   = managerDir + "/kubeconfig"
	schedulerConfig = schedulerDir + "/kubeconfig"
)

// Options are what a render asks for besides what the cluster file says. The
// zero value asks for machines as they are every day.
type Options struct {
	Restore Restore
	Joining Joining
}

// Restore is what etcd's data begins from. With no SHA256 it begins as it is.
type Restore struct {
	SHA256 string // of the snapshot's file, in hex
	Path   string // where each master finds the file
}

// Joining are the masters that join members of etcd which are there, by name,
// each with those that etcd has by then, as --initial-cluster lists them; "" is
// all masters.
type Joining map[string]string

// site is where a row is asked for its value: a cluster and one of its hosts,
// with the row of its role and what a render asks for.
type site struct {
	*cluster.Cluster
	Options
	host cluster.Host
	role role
}

// plan is one profile: every table that tells it from the others.
type plan struct {
	roles        []role
	certificates []certificate // that stand on no machine
	haproxy      string        // the template of haproxy.cfg
}

var plans = map[string]plan{
	profiles.Classic:  {classicRoles, []certificate{adminCertificate}, "haproxy-classic.cfg.tmpl"},
	profiles.Standard: {standardRoles, []certificate{adminCertificate, {stem: encryptionKey, kind: pki.Secret}}, "haproxy-standard.cfg.tmpl"},
}

// role is a row: what machines of a role have besides what every machine has.
// How many of them there may be is a row of gen/cluster.
type role struct {
	name         cluster.Role
	certificates []certificate
	accounts     []account
	directories  []node.Directory
	files        func(site, pki.Set) []node.File // nil is none
	daemons      []daemon
	asked        []func(site) node.Node // what is only there if it is asked for
	tools        func(site) []string    // binaries that no daemon is; nil is none
}

// role gives the row of a machine's role; of one that the profile does not
// know, an empty one.
func (p plan) role(name cluster.Role) role {
	if i := slices.IndexFunc(p.roles, func(r role) bool { return r.name == name }); i >= 0 {
		return p.roles[i]
	}
	return role{name: name}
}

// at is where the rows of a host are asked for their values.
func (p plan) at(c *cluster.Cluster, o Options, h cluster.Host) site {
	return site{c, o, h, p.role(h.Role)}
}

// Nodes decides every machine of the cluster, masters first. The set must
// hold everything that Requests asks for. An error is a fault of hagen's
// tables, not of the input.
func Nodes(c *cluster.Cluster, set pki.Set, o Options) ([]node.Node, error) {
	return plans[c.Profile.Name].nodes(c, set, o)
}

// Node decides one machine of the cluster, as Nodes does all.
func Node(c *cluster.Cluster, host cluster.Host, set pki.Set, o Options) (node.Node, error) {
	return plans[c.Profile.Name].node(c, host, set, o)
}

func (p plan) nodes(c *cluster.Cluster, set pki.Set, o Options) ([]node.Node, error) {
	var nodes []node.Node
	var faults []error
	for _, host := range c.Hosts() {
		n, err := p.node(c, host, set, o)
		if err != nil {
			faults = append(faults, err)
		}
		nodes = append(nodes, n)
	}
	return nodes, errors.Join(faults...)
}

func (p plan) node(c *cluster.Cluster, host cluster.Host, set pki.Set, o Options) (node.Node, error) {
	n, err := p.machine(p.at(c, o, host), set)
	if clashes := n.Clashes(); err == nil && len(clashes) > 0 {
		err = errors.New(clashes[0])
	}
	if err != nil {
		return n, fmt.Errorf("%s: %w", host.Name, err)
	}
	return n, nil
}

// machine puts one host together, in boot order.
func (p plan) machine(s site, set pki.Set) (node.Node, error) {
	n := node.Node{Name: s.host.Name, Role: string(s.host.Role)}
	n.Add(basics(s), interfaces(s), logins(s), disks(s))
	n.Add(accounts(s.role.accounts), node.Node{Directories: s.role.directories})
	if s.role.files != nil {
		n.Files = append(n.Files, s.role.files(s, set)...)
	}
	placed, err := certificateFiles(s, s.role.certificates, set)
	if err != nil {
		return node.Node{}, err
	}
	n.Files = append(n.Files, placed...)
	for _, asked := range s.role.asked {
		n.Add(asked(s))
	}
	daemons := slices.Clone(s.role.daemons)
	if s.IsFront(s.host) {
		n.Add(front(s, p, set))
		daemons = append(daemons, frontDaemons(s)...)
	}
	n.Add(binaries(s, daemons))
	for _, d := range daemons {
		if s.contained(d) {
			n.Files = append(n.Files, haproxyContainer(s))
			continue
		}
		n.Units = append(n.Units, d.service(s))
	}
	return inBootOrder(n), nil
}

// text is a file that every account may read and root owns.
func text(section, from, why, path, contents string) node.File {
	return node.File{
		Origin: node.Origin{Section: section, From: from, Why: why},
		Path:   path, Mode: 0o644, Contents: []byte(contents),
	}
}

// directory is a row of a table of directories.
func directory(section, path, user string, mode fs.FileMode) node.Directory {
	return node.Directory{
		Origin: node.Origin{Section: section, From: "directory " + path},
		Path:   path, User: user, Group: user, Mode: mode,
	}
}
