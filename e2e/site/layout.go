package site

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Machine is a name and an address, and for a machine with both families an
// address of the second.
type Machine struct{ Name, Address, Second string }

// Layout is a plan of a site: its machines, and how clients find the API
// servers. All have the same masters, but for their addresses.
type Layout struct {
	Name      string
	Endpoint  string    // the name that clients dial; "" for the usual one
	Previous  bool      // begins with the release before
	OS        string    // os of the cluster file; "" is generic
	Balancers []Machine // machines for HAProxy alone
	Mode      string    // loadBalancer.mode of the cluster file; "" leaves the line out
	VirtualIP string    // "" for none
	Names     []string  // of the front besides the endpoint's
	Limit     int       // loadBalancer.maxConnections; 0 leaves the line out
	Front     []string  // the addresses that the endpoint's name stands for
	Binaries  string    // the cluster file's field; "" for machines whose image has them
	Further   []string  // further lines of spec
	Channel   string    // on which documents go, wrapped where they must be; "" for any
	Boot      string    // spec.boot; machines are given nothing, and boot over the network
	Kept      bool      // masters keep etcd's data when they are made again

	Masters   []Machine // nil for the usual ones
	Static    bool      // the cluster file tells the whole network, and no DHCP server does
	SecondIP  string    // a second virtual IP, of the other family
	Ranges    string    // of services and pods, as the cluster file has them; "" for the usual ones
	Endpoints []string  // of the service kubernetes
}

// usualEndpoint and endpointPort are what clients dial.
const (
	usualEndpoint = "kubernetes"
	endpointPort  = 6443
)

// debian is the operating system of layouts that cloud-init sets up.
const debian = "debian"

// colocated and external are values of loadBalancer.mode.
const (
	colocated = "colocated"
	external  = "external"
)

var masters = []Machine{{Name: "kubem00", Address: "10.10.10.80"}, {Name: "kubem01", Address: "10.10.10.81"}, {Name: "kubem02", Address: "10.10.10.82"}}

var (
	twoBalancers = []Machine{{Name: "lb00", Address: "10.10.10.3"}, {Name: "lb01", Address: "10.10.10.4"}}
	furtherNames = []string{"api.example.com"}
)

// virtualIP is a site's free address.
const virtualIP = "10.10.10.2"

// bootLines are spec.boot. The kernel is the site's machine's own.
const bootLines = "{url: \"" + bootURL + "\", kernel: vmlinuz, initrd: initrd.img}"

// StandIn is the address of what stands in for somebody else's load
// balancer.
const StandIn = "10.10.10.9"

// The plans that are tried.
var (
	// Seed has one load balancer, whose name is the endpoint's.
	Seed = Layout{Name: "seed", Balancers: []Machine{{Name: usualEndpoint, Address: "10.10.10.2"}}, Front: []string{"10.10.10.2"}}
	// Kept is the same, with a disk on each master that outlives its system.
	Kept = Layout{Name: "kept disks", Balancers: Seed.Balancers, Front: Seed.Front, Kept: true}
	// Older is the same on the release before.
	Older = Layout{Name: "older", Balancers: Seed.Balancers, Front: Seed.Front, Kept: true, Previous: true}
	// Grown is the same with two masters more.
	Grown = Layout{
		Name: "grown", Balancers: Seed.Balancers, Front: Seed.Front,
		Masters: slices.Concat(masters, []Machine{{Name: "kubem03", Address: "10.10.10.83"}, {Name: "kubem04", Address: "10.10.10.84"}}),
	}
	// Changing has a disk on each master that outlives its system. Then its endpoint is
	// Renamed, its load balancer Replaced, and its masters are Moved; or its pods are Ranged.
	Changing = Layout{Name: "changing", Endpoint: "lb00", Balancers: twoBalancers[:1], Front: []string{"10.10.10.3"}, Kept: true}
	Renamed  = Layout{Name: "changing", Endpoint: "api.example.com", Balancers: Changing.Balancers, Front: Changing.Front, Kept: true}
	Replaced = Layout{Name: "changing", Endpoint: Renamed.Endpoint, Balancers: twoBalancers[1:], Front: []string{"10.10.10.4"}, Kept: true}
	Moved    = Layout{
		Name: "changing", Endpoint: Renamed.Endpoint, Balancers: Replaced.Balancers, Front: Replaced.Front, Kept: true,
		Masters: []Machine{{Name: "kubem00", Address: "10.10.10.90"}, {Name: "kubem01", Address: "10.10.10.91"}, {Name: "kubem02", Address: "10.10.10.92"}},
	}
	Ranged = Layout{
		Name: "changing", Endpoint: Changing.Endpoint, Balancers: Changing.Balancers, Front: Changing.Front, Kept: true,
		Ranges: "serviceCIDRs: [10.32.0.0/16]\n  podCIDRs: [10.39.0.0/16]",
	}
	// CloudInit is the seed's, on Debian machines. The masters' user-data is
	// gzip, since it is too large for its channel.
	CloudInit = Layout{Name: "cloud-init", OS: debian, Balancers: Seed.Balancers, Front: Seed.Front, Channel: "aws"}
	// Copied is the seed's, with snapshots of etcd.
	Copied = Layout{
		Name: "snapshots", Balancers: Seed.Balancers, Front: Seed.Front,
		Further: []string{"etcd: {snapshots: {every: 15m, keep: 2}}"},
	}
	// Ending is the seed's, with leaves that last a day.
	Ending = Layout{Name: "ending", Balancers: Seed.Balancers, Front: Seed.Front, Further: []string{"pki: {expiry: 24h}"}}
	// Netbooted is the seed's, from boot media alone: Ignition finds its document in an
	// archive that is loaded beside the system's initrd. NetbootedCloudInit fetches it.
	Netbooted          = Layout{Name: "netbooted", Balancers: Seed.Balancers, Front: Seed.Front, Boot: bootLines}
	NetbootedCloudInit = Layout{Name: "netbooted cloud-init", OS: debian, Balancers: Seed.Balancers, Front: Seed.Front, Boot: bootLines}
	// TwoAddresses has two load balancers, and a name that stands for both.
	TwoAddresses = Layout{
		Name: "two load balancers", Balancers: twoBalancers, Mode: "dedicated", Names: furtherNames,
		Front: []string{"10.10.10.3", "10.10.10.4"},
	}
	// VirtualIP has two load balancers and an address that moves.
	VirtualIP = Layout{
		Name: "virtual IP", Balancers: twoBalancers, VirtualIP: virtualIP, Names: furtherNames, Limit: 500,
		Front: []string{virtualIP},
	}
	// Colocated has HAProxy on the masters, and a name that stands for all.
	// Its documents are wrapped.
	Colocated = Layout{
		Name: "colocated", Mode: colocated, Names: furtherNames,
		Front:   []string{"10.10.10.80", "10.10.10.81", "10.10.10.82"},
		Channel: "aws",
	}
	// ColocatedVirtualIP has HAProxy on the masters and an address that moves.
	ColocatedVirtualIP = Layout{
		Name: "colocated with virtual IP", Mode: colocated, VirtualIP: virtualIP, Names: furtherNames,
		Front: []string{virtualIP},
	}
	// FromURLs has machines without any binaries, which they fetch.
	FromURLs = Layout{
		Name: "binaries from URLs", Balancers: Seed.Balancers, Front: Seed.Front,
		Binaries: "{mode: urls, mirror: \"" + MirrorURL + "\", haproxy: urls, sources: [{name: haproxy, url: \"" + MirrorURL + "/haproxy.tar.gz\"}]}",
	}
	// FetchedByThemselves has Debian masters without any binaries. cloud-init sets
	// them up, which fetches nothing for them.
	FetchedByThemselves = Layout{
		Name: "fetched by themselves", OS: debian, Balancers: Seed.Balancers, Front: Seed.Front,
		Binaries: "{mode: urls, mirror: \"" + MirrorURL + "\"}",
	}
	// FromImages has machines without any binaries, which get them in images.
	FromImages = Layout{
		Name: "binaries in images", Balancers: twoBalancers, VirtualIP: virtualIP, Front: []string{virtualIP},
		Binaries: "{mode: sysext, mirror: \"" + MirrorURL + "\", haproxy: sysext, keepalived: sysext}",
	}
	// External has no load balancer of hagen's.
	External = Layout{Name: "external", Mode: external, Names: furtherNames, Front: []string{StandIn}}
)

// The plans without DHCP and without a router that advertises itself.
var (
	// IPv6 has no other address, but for the loopback's. The kernel gives the
	// machines' interfaces no IPv4 address, and nothing asks for one.
	IPv6 = Layout{
		Name: "IPv6", Static: true, Balancers: []Machine{{Name: usualEndpoint, Address: "fd00:10::2"}}, Front: []string{"fd00:10::2"},
		Masters:   []Machine{{Name: "kubem00", Address: "fd00:10::80"}, {Name: "kubem01", Address: "fd00:10::81"}, {Name: "kubem02", Address: "fd00:10::82"}},
		Ranges:    `serviceCIDRs: ["fd00:10:32::/112"]` + "\n  " + `podCIDRs: ["fd00:10:38::/48"]`,
		Endpoints: []string{"fd00:10::80", "fd00:10::81", "fd00:10::82"},
	}
	// DualStack has both, and an address of each that moves between the masters.
	DualStack = Layout{
		Name: "dual-stack", Static: true, Mode: colocated, VirtualIP: virtualIP, SecondIP: "fd00:10::2", Front: []string{virtualIP, "fd00:10::2"},
		Masters: []Machine{
			{Name: "kubem00", Address: "10.10.10.80", Second: "fd00:10::80"},
			{Name: "kubem01", Address: "10.10.10.81", Second: "fd00:10::81"},
			{Name: "kubem02", Address: "10.10.10.82", Second: "fd00:10::82"},
		},
		Ranges:    `serviceCIDRs: [10.32.0.0/16, "fd00:10:32::/112"]` + "\n  " + `podCIDRs: [10.38.0.0/16, "fd00:10:38::/48"]`,
		Endpoints: []string{"10.10.10.80", "10.10.10.81", "10.10.10.82"},
	}
)

// usualRanges are those of the seed.
const usualRanges = "serviceCIDRs: [10.32.0.0/16]\n  podCIDRs: [10.38.0.0/16]"

// endpoint is the name that clients dial.
func (l Layout) endpoint() string { return cmp.Or(l.Endpoint, usualEndpoint) }

// masters are the layout's.
func (l Layout) masters() []Machine {
	if l.Masters != nil {
		return l.Masters
	}
	return masters
}

// line is a machine in the cluster file.
func (l Layout) line(m Machine) string {
	if l.Boot != "" {
		h := Host{Address: netip.MustParseAddr(m.Address)}
		return fmt.Sprintf("{name: %s, mac: %q, addresses: [%s]}", m.Name, h.mac(), m.Address)
	}
	if !l.Static {
		return fmt.Sprintf("{name: %s, addresses: [%s]}", m.Name, m.Address)
	}
	var addresses []string
	for _, a := range []string{m.Address, m.Second} {
		switch {
		case strings.Contains(a, ":"):
			addresses = append(addresses, `"`+a+`/64"`)
		case a != "":
			addresses = append(addresses, a+"/24")
		}
	}
	// The switch leads nowhere else.
	return fmt.Sprintf("{name: %s, interface: host0, addresses: [%s], gateway: []}", m.Name, strings.Join(addresses, ", "))
}

// APIPort is where the masters' API servers listen: beside HAProxy it is not
// the endpoint's port.
func (l Layout) APIPort() int {
	if l.Mode == colocated {
		return endpointPort + 1
	}
	return endpointPort
}

// Answering are the addresses that a certificate of the API servers must
// hold: clients dial them.
func (l Layout) Answering() []string {
	if l.Mode == external {
		return nil // hagen knows the name alone
	}
	return l.Front
}

// file is the cluster file, with further lines of spec at its end.
func (l Layout) file(profile string, further []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: hagen/v1alpha1\nkind: Cluster\nmetadata: {name: kubernetes}\nspec:\n  profile: %s\n", profile)
	if profile == "standard" {
		version := os.Getenv("E2E_KUBERNETES")
		if l.Previous {
			version = os.Getenv("E2E_PREVIOUS")
		}
		fmt.Fprintf(&b, "  kubernetesVersion: %s\n", version)
	}
	fmt.Fprintf(&b, "  os: %s\n  endpoint: %s:%d\n  %s\n", cmp.Or(l.OS, "generic"), l.endpoint(), endpointPort, cmp.Or(l.Ranges, usualRanges))
	list := func(title string, machines []Machine) {
		for i, m := range machines {
			if i == 0 {
				b.WriteString("  " + title + ":\n")
			}
			b.WriteString("  - " + l.line(m) + "\n")
		}
	}
	list("masters", l.masters())
	list("loadBalancers", l.Balancers)
	var fields []string
	field := func(name, value string) {
		if value != "" {
			fields = append(fields, name+": "+value)
		}
	}
	field("mode", l.Mode)
	if l.SecondIP == "" {
		field("virtualIP", l.VirtualIP)
	} else {
		field("virtualIP", fmt.Sprintf("[%s, %q]", l.VirtualIP, l.SecondIP))
	}
	if len(l.Names) > 0 {
		field("names", "["+strings.Join(l.Names, ", ")+"]")
	}
	if l.Limit > 0 {
		field("maxConnections", strconv.Itoa(l.Limit))
	}
	if len(fields) > 0 {
		fmt.Fprintf(&b, "  loadBalancer: {%s}\n", strings.Join(fields, ", "))
	}
	if l.Binaries != "" {
		b.WriteString("  binaries: " + l.Binaries + "\n")
	}
	if l.Boot != "" {
		b.WriteString("  boot: " + l.Boot + "\n")
	}
	for _, line := range append(slices.Clone(l.Further), further...) {
		b.WriteString("  " + line + "\n")
	}
	return b.String()
}

// Render writes the cluster file of a layout into a directory, with further
// lines of spec at its end, and lets hagen render it there.
func (l Layout) Render(p Parts, dir, profile string, further ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "cluster.yaml"), []byte(l.file(profile, further)), 0o644); err != nil {
		return err
	}
	if l.Binaries != "" {
		if _, err := Run("env", "-C", dir, p.Hagen, "lock", "--from", p.MirrorDir()); err != nil {
			return err
		}
	}
	render := []string{"-C", dir, p.Hagen, "render", "--prove"}
	if l.Channel != "" {
		render = append(render, "--channel", l.Channel)
	}
	_, err := Run("env", render...)
	return err
}

// workstation tells the operator's workstation what the endpoint's names stand for, as a
// site's DNS would. e2e/run has put this file in /etc/hosts' place.
func (l Layout) workstation(p Parts) error {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n")
	for _, address := range l.Front {
		fmt.Fprintf(&b, "%s %s\n", address, strings.Join(append([]string{l.endpoint()}, l.Names...), " "))
	}
	return os.WriteFile(filepath.Join(p.Work, "hosts"), []byte(b.String()), 0o644)
}
