// Package cluster holds the validated cluster: what the cluster file says,
// with defaults filled in, values parsed, and every rule between fields held.
// After New nobody checks again.
package cluster

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"hagen/gen/spec"
	"hagen/pki"
	"hagen/profiles"
)

// Cluster is a cluster in which everything fits together. Nothing writes to one
// that New has given; what a render asks for besides is control.Options.
type Cluster struct {
	Name       string
	Profile    profiles.Profile
	Release    profiles.Release // the row whose flags are used
	Kubernetes profiles.Version
	Etcd       profiles.Version
	Endpoint   Endpoint
	Domain     string         // of the cluster's services, "cluster.local"
	HostsFile  bool           // machines get /etc/hosts lines for each other
	Services   []netip.Prefix // one, or one of each family; the first is of the primary family
	Pods       []netip.Prefix // the same, in the same order
	Use        Use
	NodePorts  PortRange
	APIServer  APIServer
	Issuer     string // of service-account tokens
	Machines   []Host // in the order of the roles
	Balancing  Balancing
	PKI        PKI
	Binaries   Binaries
	Snapshots  Snapshots
	Users      []User
	Warnings   []spec.Fault // what works but is hardly meant; each says what to write to end it
	Notes      []spec.Fault // what should be known and nothing in the file ends
}

// Endpoint is what clients outside the masters dial.
type Endpoint struct {
	Host     string     // name or address as written
	Address  netip.Addr // valid when Host is an address
	Port     uint16
	Answered []netip.Addr // where the cluster's own machines answer: the virtual IPs, else their addresses; none in mode external
	At       spec.At
}

// Alone says whether one machine or virtual router is all that answers: it has
// one address of a family.
func (e Endpoint) Alone() bool {
	for i, a := range e.Answered {
		if slices.ContainsFunc(e.Answered[:i], func(b netip.Addr) bool { return sameFamily(a, b) }) {
			return false
		}
	}
	return len(e.Answered) > 0
}

// APIServer is what all API servers share.
type APIServer struct {
	Port           uint16
	ExtraNames     []string
	ExtraAddresses []netip.Addr
	// What their certificates keep although the cluster file no longer has it.
	FormerNames     []string
	FormerAddresses []netip.Addr
}

// PortRange is inclusive at both ends.
type PortRange struct{ First, Last uint16 }

// Contains says whether the port lies in the range.
func (r PortRange) Contains(port uint16) bool { return r.First <= port && port <= r.Last }

// Host is one machine.
type Host struct {
	Name       string
	Role       Role
	Addresses  []netip.Addr // never empty; those of the services' primary family come first
	Interfaces []Interface  // those with static addresses; of all others DHCP takes care
	Clocks     []string     // NTP servers, names or addresses; none is the operating system's choice
	OS         profiles.OS
	Storage
	Delivery Delivery // of its binaries
	At       spec.At
	asked    spec.Text // how its binaries are to come, as written
}

// Interface is one of a machine's with static addresses. Within each list IPv4
// comes before IPv6.
type Interface struct {
	Name, MAC   string // one of them tells which it is; the MAC address if there are both
	Addresses   []netip.Prefix
	Gateways    []netip.Addr // at most one of a family
	Nameservers []netip.Addr
	At          spec.At
}

// Use says which addresses the cluster's daemons use: of each machine the first
// in a range. The zero Prefix, and no ranges, leave it to the default.
type Use struct {
	Etcd, APIServer netip.Prefix
	HAProxy         []netip.Prefix // at most one of each family
}

// Address is the one by which a machine is known: its first of the services'
// primary family.
func (h Host) Address() netip.Addr { return h.Addresses[0] }

// within is the machine's first address in a range; else its own, which the
// zero Prefix always gives.
func (h Host) within(p netip.Prefix) netip.Addr {
	if i := slices.IndexFunc(h.Addresses, p.Contains); i >= 0 {
		return h.Addresses[i]
	}
	return h.Address()
}

// EtcdAddress is where a master's etcd listens and is dialled.
func (c *Cluster) EtcdAddress(h Host) netip.Addr { return h.within(c.Use.Etcd) }

// APIAddress is where a master's API server is dialled, by HAProxy and by pods.
func (c *Cluster) APIAddress(h Host) netip.Addr { return h.within(c.Use.APIServer) }

// FrontAddresses are those at which clients find the HAProxy of a machine: at
// most one of each family.
func (c *Cluster) FrontAddresses(h Host) []netip.Addr {
	var out []netip.Addr
	if len(c.Use.HAProxy) > 0 {
		for _, p := range c.Use.HAProxy {
			out = append(out, h.within(p))
		}
		return out
	}
	for _, a := range h.Addresses {
		if !slices.ContainsFunc(out, func(b netip.Addr) bool { return sameFamily(a, b) }) {
			out = append(out, a)
		}
	}
	return out
}

// Has says whether a machine has an address of a family.
func (h Host) Has(family int) bool {
	return slices.ContainsFunc(h.Addresses, func(a netip.Addr) bool { return a.Is4() == (family == 4) })
}

// loopbacks are a machine's addresses for itself.
var (
	loopback4 = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.IPv6Loopback()
)

// Loopbacks are the loopback addresses of the families that the cluster knows,
// that of the primary family first: daemons of a machine dial each other there.
func (c *Cluster) Loopbacks() []netip.Addr {
	primary, second := loopback4, loopback6
	if !c.Services[0].Addr().Is4() {
		primary, second = second, primary
	}
	family := 4
	if primary == loopback4 {
		family = 6
	}
	if slices.ContainsFunc(c.Hosts(), func(h Host) bool { return h.Has(family) }) {
		return []netip.Addr{primary, second}
	}
	return []netip.Addr{primary}
}

// PKI says how certificates are made.
type PKI struct {
	Algorithm                   pki.Algorithm
	Subject                     Subject
	CAExpiry, Expiry, AdminLife time.Duration
}

// WithKeys gives the cluster with another algorithm for its keys.
func (c *Cluster) WithKeys(a pki.Algorithm) *Cluster {
	with := *c
	with.PKI.Algorithm = a
	return &with
}

// Subject is the name of the authorities.
type Subject struct {
	CommonName, Organization, OrganizationalUnit, Country, State, Locality string
}

// User is a login on every machine.
type User struct {
	Name    string
	SSHKeys []string
	At      spec.At
}

// Hosts lists all machines, masters first.
func (c *Cluster) Hosts() []Host {
	return slices.Clone(c.Machines)
}

// Names are those of a host: its own and, where that has a domain and its
// first part means this machine alone and is no name of the front, the first
// part.
func (c *Cluster) Names(h Host) []string {
	short, _, dotted := strings.Cut(h.Name, ".")
	if !dotted || short == c.Endpoint.Host {
		return []string{h.Name}
	}
	for _, other := range c.Hosts() {
		if first, _, _ := strings.Cut(other.Name, "."); first == short && other.Name != h.Name {
			return []string{h.Name}
		}
	}
	return []string{h.Name, short}
}

// FirstServices are the first addresses of the service ranges. The first of
// them is that of the service `kubernetes` (kubernetes/pkg/controlplane,
// ServiceIPRange), which is of one family.
func (c *Cluster) FirstServices() []netip.Addr {
	var out []netip.Addr
	for _, p := range c.Services {
		out = append(out, p.Addr().Next())
	}
	return out
}

// ServiceNames are the names under which pods know the API server.
func (c *Cluster) ServiceNames() []string {
	return []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + c.Domain}
}

// New validates a decoded cluster file. It gives the cluster, or every fault
// it finds, in no order: spec.Refuse sorts them.
func New(file *spec.File) (*Cluster, []spec.Fault) {
	v := &validation{file: file, spec: &file.Spec, c: &Cluster{}}
	v.identity()
	v.profile()
	v.issuer()
	v.versions()
	v.network()
	v.hosts()
	v.networks()
	v.mode(v.spec.LoadBalancer.Mode)
	v.use()
	v.balancing()
	v.endpoint()
	v.nodePorts()
	v.apiServer()
	v.frontPorts()
	v.pki()
	v.binaries()
	v.snapshots()
	v.users()
	if len(v.faults) > 0 {
		return nil, v.faults
	}
	return v.c, nil
}

// validation collects faults and warnings while the cluster is built.
type validation struct {
	file   *spec.File
	spec   *spec.Spec
	c      *Cluster
	faults []spec.Fault
}

func (v *validation) fault(at spec.At, problem, remedy string) {
	v.faults = add(v.faults, spec.Fault{At: at, Problem: problem, Remedy: remedy})
}

func (v *validation) warn(at spec.At, problem, remedy string) {
	v.c.Warnings = add(v.c.Warnings, spec.Fault{At: at, Problem: problem, Remedy: remedy})
}

func (v *validation) note(at spec.At, problem, remedy string) {
	v.c.Notes = add(v.c.Notes, spec.Fault{At: at, Problem: problem, Remedy: remedy})
}

// add appends a fault, once: machines may share what is wrong.
func add(faults []spec.Fault, f spec.Fault) []spec.Fault {
	if slices.Contains(faults, f) {
		return faults
	}
	return append(faults, f)
}
