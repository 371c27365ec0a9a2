package plan

import (
	"cmp"
	"errors"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/risk"
	"hagen/profiles"
)

// Side is one of the two clusters: its machines, and what they show of it.
type Side struct {
	Cluster Cluster
	diff.Side
}

// Cluster is what a plan needs to know of one side. All of it can be read from machines,
// but for what only a cluster file says.
type Cluster struct {
	Name             string
	Profile          string
	Arch             string // of binaries; "" if machines do not show it
	Kubernetes, Etcd profiles.Version
	Emulated         string // minor release that Kubernetes behaves like; "" is its own
	Pods             []netip.Prefix
	Endpoint         Endpoint // of the administrator's kubeconfig; zero if the tree has none
	Keyed            bool     // its certificates are no trial ones, for a comparison only
	hosts            []Host

	// Only a cluster file says:
	File   bool   // there is one
	Former string // names that certificates keep although it has dropped them, as words of a command
}

// Endpoint is where clients dial the API servers, and the name that certificates have for
// it.
type Endpoint struct {
	Host    string
	Port    uint16
	dialled netip.Addr // the kubeconfig's, if it has one
}

// Host is a machine of a cluster.
type Host struct {
	Name      string
	Addresses []netip.Addr // its own, the main one first; empty if no machine shows them
	EtcdURL   string       // at which clients on other machines dial its etcd; "" if it has none
	APIPort   uint16       // 0 if it has no API server

	field      string       // of the cluster file that has it, or its list
	VirtualIPs []netip.Addr // that it may hold
	balances   bool         // it has HAProxy
	listens    []netip.Addr // of its HAProxy; none if that is any address
}

// Address returns the main address, which is invalid if no machine shows it.
func (h Host) Address() netip.Addr {
	if len(h.Addresses) == 0 {
		return netip.Addr{}
	}
	return h.Addresses[0]
}

// Front returns an address at which its HAProxy listens.
func (h Host) Front() netip.Addr {
	if len(h.listens) > 0 {
		return h.listens[0]
	}
	return h.Address()
}

// Hosts lists all machines, in the order of the side's.
func (c Cluster) Hosts() []Host { return c.hosts }

// Members lists the machines that run a member of etcd; never empty.
func (c Cluster) Members() []Host {
	return slices.DeleteFunc(slices.Clone(c.hosts), func(h Host) bool { return h.EtcdURL == "" })
}

// APIServers lists the machines that run an API server.
func (c Cluster) APIServers() []Host {
	return slices.DeleteFunc(slices.Clone(c.hosts), func(h Host) bool { return h.APIPort == 0 })
}

// OfTree makes a side of the machines of a rendered tree or its twins. The name is for
// trees whose machines do not have the cluster's. A tree does not have the order of the
// cluster file, so no side has.
func OfTree(s diff.Side, name string) (Side, error) {
	s.Machines = slices.SortedStableFunc(slices.Values(s.Machines), mastersFirst)
	side := Side{Side: s}
	c := &side.Cluster
	c.Keyed = true
	for i := range s.Machines {
		c.hosts = append(c.hosts, hostOf(&s.Machines[i], s.Machines))
	}
	members := c.Members()
	if len(members) == 0 {
		return side, errors.New("has no machine with etcd; a plan needs the documents of all machines of a cluster")
	}
	master := side.machine(members[0].Name)
	versions := facts.Versions(master)
	for _, v := range []struct {
		into   *profiles.Version
		binary string
	}{{&c.Kubernetes, "kube-apiserver"}, {&c.Etcd, "etcd"}} {
		found, ok := profiles.ParseVersion(versions[v.binary])
		if !ok {
			return side, errors.New(read.BinariesPath + " of " + master.Name + " does not say which " + v.binary + " it needs; a plan has to know the release")
		}
		*v.into = found
	}
	c.Emulated = facts.Emulated(master)
	c.Name, c.Profile = facts.Flag(master, managerUnit, "--cluster-name"), profileOf(c.Kubernetes)
	if c.Name == "" {
		c.Name = name
	}
	for text := range strings.SplitSeq(facts.Flag(master, managerUnit, "--cluster-cidr"), ",") {
		if p, err := netip.ParsePrefix(text); err == nil {
			c.Pods = append(c.Pods, p)
		}
	}
	c.Arch, c.Endpoint = risk.Architecture(master), endpointOf(s.Kubeconfig)
	c.dialled()
	return side, nil
}

func mastersFirst(a, b node.Node) int {
	rank := func(n *node.Node) int {
		if facts.RoleOf(n).Control {
			return 0
		}
		return 1
	}
	return cmp.Or(rank(&a)-rank(&b), strings.Compare(a.Name, b.Name))
}

// dialled gives the only machine with HAProxy the address that the administrator dials, if
// no file has another: with dns: external, machines do not know it.
func (c *Cluster) dialled() {
	var fronts []*Host
	for i := range c.hosts {
		if c.hosts[i].balances {
			fronts = append(fronts, &c.hosts[i])
		}
	}
	if len(fronts) == 1 && len(fronts[0].Addresses) == 0 && c.Endpoint.dialled.IsValid() {
		fronts[0].Addresses = []netip.Addr{c.Endpoint.dialled}
	}
}

// placedAs gives machines whose addresses no file says those that they have on the other
// side: where a change of dns is all that hides them.
func (c Cluster) placedAs(other Cluster) Cluster {
	c.hosts = slices.Clone(c.hosts)
	for i, h := range c.hosts {
		for _, o := range other.hosts {
			if o.Name == h.Name && len(h.Addresses) == 0 {
				c.hosts[i].Addresses = o.Addresses
			}
		}
	}
	return c
}

// Unplaced lists the machines with HAProxy whose addresses no file says: with dns: external
// a tree does not have them.
func (c Cluster) Unplaced() (hosts []string) {
	for _, h := range c.hosts {
		if h.balances && len(h.Addresses) == 0 {
			hosts = append(hosts, h.Name)
		}
	}
	return hosts
}

// OfFile makes a side of a cluster file and the machines that were decided on for it.
func OfFile(c *cluster.Cluster, machines []node.Node, kubeconfig []byte) (Side, error) {
	side, err := OfTree(diff.Side{Machines: machines, Kubeconfig: kubeconfig, Rights: control.Rights(c), Systems: Systems(c)}, c.Name)
	side.Cluster.File, side.Cluster.Arch, side.Cluster.Former = true, c.Binaries.Arch, control.ForgetWords(c)
	side.Cluster.Profile, side.Cluster.Keyed = c.Profile.Name, false
	for _, a := range c.Endpoint.Dialled() {
		side.Answers = append(side.Answers, a.String())
	}
	for i, h := range side.Cluster.hosts {
		for _, known := range c.Hosts() {
			if known.Name == h.Name {
				side.Cluster.hosts[i].Addresses = known.Addresses
				side.Cluster.hosts[i].field = fieldOf(known)
			}
		}
	}
	return side, err
}

// fieldOf returns the place of a machine in the cluster file, below spec.
func fieldOf(h cluster.Host) string {
	return strings.TrimSuffix(strings.TrimPrefix(h.At.Path, "spec."), ".name")
}

// Systems returns the operating systems of a cluster's machines by their names.
func Systems(c *cluster.Cluster) map[string]diff.System {
	all := map[string]diff.System{}
	for _, h := range c.Hosts() {
		all[h.Name] = diff.System{Name: h.OS.Name, Family: h.OS.Family()}
	}
	return all
}

const managerUnit = "kube-controller-manager.service"

// hostOf reads a machine. Its addresses may be on other machines alone.
func hostOf(n *node.Node, all []node.Node) Host {
	h := Host{Name: n.Name, VirtualIPs: facts.VirtualIPs(n), balances: facts.Runs(n, facts.HAProxyUnit), listens: facts.Listens(n)}
	if h.field = "loadBalancers"; facts.RoleOf(n).Control {
		h.field = "masters"
	}
	own := facts.OwnAddresses(n)
	for i := 0; i < len(all) && len(own) == 0; i++ {
		own = facts.LookUp(&all[i], n.Name)
	}
	for _, text := range own {
		if address, err := netip.ParseAddr(text); err == nil {
			h.Addresses = append(h.Addresses, address)
		}
	}
	if _, member := facts.MemberOf(n); member {
		h.EtcdURL, _, _ = strings.Cut(facts.Flag(*n, facts.EtcdUnit, "--advertise-client-urls"), ",")
	}
	if port, err := strconv.ParseUint(facts.Flag(*n, facts.APIUnit, "--secure-port"), 10, 16); err == nil {
		h.APIPort = uint16(port)
	}
	return h
}

// profileOf returns the profile of a release; that of the newest if the table does not
// have it.
func profileOf(v profiles.Version) string {
	for _, r := range profiles.Releases() {
		if r.Proven.Line() == v.Line() {
			return r.Profile
		}
	}
	return profiles.Releases()[0].Profile
}

// endpointOf reads the administrator's kubeconfig.
func endpointOf(kubeconfig []byte) (e Endpoint) {
	k, _, _ := read.ParseKubeconfig(node.File{Contents: kubeconfig}, nil)
	at, err := url.Parse(k.Server.Value())
	if err != nil {
		return e
	}
	port, err := strconv.ParseUint(at.Port(), 10, 16)
	if err != nil {
		return e
	}
	e = Endpoint{Host: at.Hostname(), Port: uint16(port)}
	e.dialled, _ = netip.ParseAddr(e.Host)
	if name := k.ServerName.Value(); name != "" {
		e.Host = name
	}
	return e
}

// host returns the host with this name, or the zero host.
func (s Side) host(name string) Host {
	for _, h := range s.Cluster.hosts {
		if h.Name == name {
			return h
		}
	}
	return Host{}
}

// machine returns the machine with this name, or the zero node.
func (s Side) machine(name string) node.Node {
	for _, n := range s.Machines {
		if n.Name == name {
			return n
		}
	}
	return node.Node{}
}

// unknownDigests reports whether a machine fetches a file whose digest is not known yet.
func (s Side) unknownDigests() bool {
	return slices.ContainsFunc(s.Machines, func(n node.Node) bool {
		return slices.ContainsFunc(n.Files, func(f node.File) bool { return cluster.IsUnknown(strings.TrimPrefix(f.Source.Hash, "sha512-")) }) ||
			slices.ContainsFunc(read.StepsOf(n), func(s read.Step) bool { return cluster.IsUnknown(s.Digest.Text) })
	})
}

// image returns the path of the systemd-sysext image that brings a unit's binary, and
// whether the machine has it from its own image, not from a URL.
func image(n node.Node, unit string) (place string, atHand bool) {
	if diff.Delivery(n, unit) != diff.ByExtension {
		return "", false
	}
	fetched := map[string]bool{}
	for _, s := range read.StepsOf(n) {
		switch s.Does {
		case read.Fetch:
			fetched[s.Place.Text] = true
		case read.Image:
			a, known := profiles.FindArtefact(strings.TrimSuffix(path.Base(s.Place.Text), ".raw"))
			if known && slices.Contains(a.Binaries, strings.TrimSuffix(unit, ".service")) {
				place = s.Place.Text
			}
		}
	}
	return place, place != "" && !fetched[place] && facts.FileAt(n, place).Source.URL == ""
}
