// Package control holds the decisions: it turns a validated cluster and its
// certificates into the content of every machine. Decisions are rows of tables
// (certificates, flags, daemons); the rest of the package turns rows into files
// and units.
package control

import (
	"errors"
	"fmt"
	"slices"

	"hagen/gen/cluster"
	"hagen/gen/node"
	"hagen/pki"
	"hagen/profiles"
)

var tablesOf = map[string]profileTables{
	profiles.Classic:  {classicRoles, []certificate{adminCertificate(SystemMasters)}, "haproxy-classic.cfg.tmpl", true},
	profiles.Standard: {standardRoles, []certificate{adminCertificate(Administrators), {stem: encryptionKey, kind: pki.Secret, within: encryptionPath}}, "haproxy-standard.cfg.tmpl", false},
}

// Nodes decides every machine of the cluster, masters first. The set must
// hold everything that Requests lists. An error is a fault in hagen's tables,
// not in the input.
func Nodes(c *cluster.Cluster, set pki.Set, o Options) ([]node.Node, error) {
	return tablesOf[c.Profile.Name].nodes(c, set, o)
}

// Node decides one machine of the cluster, as Nodes decides all.
func Node(c *cluster.Cluster, host cluster.Host, set pki.Set, o Options) (node.Node, error) {
	return tablesOf[c.Profile.Name].node(c, host, set, o)
}

func (p profileTables) nodes(c *cluster.Cluster, set pki.Set, o Options) ([]node.Node, error) {
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

func (p profileTables) node(c *cluster.Cluster, host cluster.Host, set pki.Set, o Options) (node.Node, error) {
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
func (p profileTables) machine(s hostContext, set pki.Set) (node.Node, error) {
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
	if s.RunsHAProxy(s.host) {
		n.Add(front(s, p, set))
		daemons = append(daemons, frontDaemons(s)...)
	}
	n.Add(binaries(s, daemons))
	n.Add(watch(s, n))
	for _, d := range daemons {
		if s.contained(d) {
			n.Files = append(n.Files, haproxyContainer(s))
			continue
		}
		n.Units = append(n.Units, d.service(s))
	}
	return inBootOrder(n), nil
}
