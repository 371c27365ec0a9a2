// Package cluster holds the validated cluster: what the cluster file says, with
// defaults filled in, values parsed, and every rule between fields checked. No code
// after New checks them again.
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

// Cluster is a validated cluster. Nothing changes it after New; what a render asks
// for besides is in control.Options.
type Cluster struct {
	Name       string
	Profile    profiles.Profile
	Release    profiles.Release // the row whose flags are used
	Kubernetes profiles.Version
	Emulated   string // minor release that Kubernetes behaves like, "1.36"; "" is its own
	Etcd       profiles.Version
	Endpoint   Endpoint
	Domain     string         // of the cluster's services, "cluster.local"
	HostsFile  bool           // machines get /etc/hosts lines for each other
	Services   []netip.Prefix // one, or one of each family; the first is of the primary family
	Pods       []netip.Prefix // the same, in the same order
	Use        Use
	NodePorts  PortRange
	APIServer  APIServer
	Issuers    []string // of service-account tokens; the first signs, all are accepted
	Machines   []Host   // in the order of the roles
	Balancing  Balancing
	PKI        PKI
	Binaries   Binaries
	Snapshots  Snapshots
	Boot       Boot
	Users      []User
	Warnings   []spec.Fault // what works but is hardly intended; each says what to write instead
	Notes      []spec.Fault // what users should know; no change of the file ends them
}

// Endpoint is what clients outside the masters dial.
type Endpoint struct {
	Host     string     // name or address as written
	Address  netip.Addr // valid when Host is an address
	Port     uint16
	Answered []netip.Addr // where the cluster's machines answer: the virtual IPs, else their addresses; none in mode external
	Public   []netip.Addr // where clients outside the machines' network find these, translated; none: at Answered
	At       spec.At
}

// Dialled returns the addresses at which clients outside the machines' network reach
// what answers.
func (e Endpoint) Dialled() []netip.Addr {
	if len(e.Public) > 0 {
		return e.Public
	}
	return e.Answered
}

// Alone reports whether clients reach a single machine or virtual router: there is at
// most one address of a family.
func (e Endpoint) Alone() bool {
	all := e.Dialled()
	for i, a := range all {
		if slices.ContainsFunc(all[:i], func(b netip.Addr) bool { return sameFamily(a, b) }) {
			return false
		}
	}
	return len(all) > 0
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

// Contains reports whether the port is in the range.
func (r PortRange) Contains(port uint16) bool { return r.First <= port && port <= r.Last }

// Host is one machine.
type Host struct {
	Name       string
	Role       Role
	Addresses  []netip.Addr // never empty; those of the services' primary family come first
	Interfaces []Interface  // those with static addresses; DHCP configures all others
	Dynamic    []Dynamic    // beside those, the ones that DHCP configures
	MAC        string       // the first that is written: by it boot media identify the machine; "" if none is
	Clocks     []string     // NTP servers, names or addresses; none is the operating system's choice
	OS         profiles.OS
	Storage
	InstallDisk string   // on which a live system installs itself; "" is none
	Delivery    Delivery // of its binaries
	At          spec.At
	asked       spec.Text // the delivery of its binaries, as written
}

// Interface is one interface of a machine, with static addresses. Within each list
// IPv4 comes before IPv6.
type Interface struct {
	Name, MAC   string // one of them identifies it; the MAC address if there are both
	Addresses   []netip.Prefix
	Gateways    []netip.Addr // at most one of a family
	Nameservers []netip.Addr
	At          spec.At
}

// Dynamic is one interface of a machine that DHCP configures.
type Dynamic struct {
	MAC      string // "" if nothing identifies it
	Families []int  // of its addresses: 4, 6 or both
	At       spec.At
}

// Use selects the addresses that the cluster's daemons use: each machine's first in
// a range. The zero Prefix, or no range, selects the default.
type Use struct {
	Etcd, APIServer netip.Prefix
	HAProxy         []netip.Prefix // at most one of each family
}

// Address returns the main address of a machine: the first of the services' primary
// family.
func (h Host) Address() netip.Addr { return h.Addresses[0] }

// within returns the machine's first address in a range, else its main address. The
// zero Prefix holds no address.
func (h Host) within(p netip.Prefix) netip.Addr {
	if i := slices.IndexFunc(h.Addresses, p.Contains); i >= 0 {
		return h.Addresses[i]
	}
	return h.Address()
}

// EtcdAddress returns the address on which a master's etcd listens and is dialled.
func (c *Cluster) EtcdAddress(h Host) netip.Addr { return h.within(c.Use.Etcd) }

// APIAddress returns the address at which HAProxy and pods dial a master's API
// server.
func (c *Cluster) APIAddress(h Host) netip.Addr { return h.within(c.Use.APIServer) }

// FrontAddresses returns the addresses at which clients dial a machine's HAProxy: at
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

// Has reports whether a machine has an address of a family, 4 or 6.
func (h Host) Has(family int) bool {
	return slices.ContainsFunc(h.Addresses, func(a netip.Addr) bool { return a.Is4() == (family == 4) })
}

// loopbacks are a machine's addresses for itself.
var (
	loopback4 = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.IPv6Loopback()
)

// Loopbacks returns the loopback address of each family that the cluster uses, the
// primary family's first. Daemons of a machine dial each other there.
func (c *Cluster) Loopbacks() []netip.Addr {
	primary, second := loopback4, loopback6
	if !c.Services[0].Addr().Is4() {
		primary, second = second, primary
	}
	family := 4
	if primary == loopback4 {
		family = 6
	}
	if slices.ContainsFunc(c.Machines, func(h Host) bool { return h.Has(family) }) {
		return []netip.Addr{primary, second}
	}
	return []netip.Addr{primary}
}

// PKI says how certificates are made.
type PKI struct {
	Algorithm                   pki.Algorithm
	Subject                     Subject
	CAExpiry, Expiry, AdminLife time.Duration
	// FormerGroups names the certificates, as in the store, that stay in the group in which an
	// earlier hagen issued them.
	FormerGroups []string
}

// WithKeys returns a copy of the cluster with another algorithm for its keys.
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

// Names returns the names of a host: its own and, if that has a domain, its first
// part, unless that is also the first part of another host or the endpoint's name.
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

// FirstServices returns the first address of each service range. The first one is
// the address of the service `kubernetes`, which has a single family
// (kubernetes/pkg/controlplane, ServiceIPRange).
func (c *Cluster) FirstServices() []netip.Addr {
	var out []netip.Addr
	for _, p := range c.Services {
		out = append(out, p.Addr().Next())
	}
	return out
}

// ServiceNames returns the names under which pods look up the API server.
func (c *Cluster) ServiceNames() []string {
	return []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + c.Domain}
}

// New validates a decoded cluster file. It returns the cluster, or every fault that
// it finds, in no order: spec.Refuse sorts them.
func New(file *spec.File) (*Cluster, []spec.Fault) {
	v := &validation{file: file, spec: &file.Spec, c: &Cluster{}}
	v.identity()
	v.profile()
	v.issuers()
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
	v.haproxyPorts()
	v.pki()
	v.binaries()
	v.snapshots()
	v.boot()
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

// add appends a fault unless it is there: machines may share one.
func add(faults []spec.Fault, f spec.Fault) []spec.Fault {
	if slices.Contains(faults, f) {
		return faults
	}
	return append(faults, f)
}
