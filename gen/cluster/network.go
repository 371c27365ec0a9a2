package cluster

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"

	"hagen/gen/spec"
)

// Bounds on ranges, in prefix bits.
//   - Services need .1 (the API server) and .10 (cluster DNS); an API server
//     takes no more than 20 bits of hosts (cmd/kube-apiserver/app/options,
//     validateMaxCIDRRange).
//   - Pods are cut into one /24 a node, at most 2^16 of them
//     (pkg/controller/nodeipam/ipam/cidrset).
const (
	minServiceBits, maxServiceBits = 12, 28
	minPodBits, maxPodBits         = 8, 24
)

func (v *validation) network() {
	v.c.Services = v.ranges(v.spec.ServiceCIDRs, "10.32.0.0/16", minServiceBits, maxServiceBits,
		"too small: .1 is the API server's and .10 the cluster DNS's", "larger than an API server takes")
	v.c.Pods = v.ranges(v.spec.PodCIDRs, "10.38.0.0/16", minPodBits, maxPodBits,
		"too small: every node takes a /24 of it", "larger than the controller manager can cut into /24s")
	for i, s := range v.c.Services {
		for j, p := range v.c.Pods {
			if s.Overlaps(p) {
				v.fault(v.spec.PodCIDRs.Items[j].At, fmt.Sprintf("%s overlaps the service range %s", p, s),
					fmt.Sprintf("write a range apart from %s (line %d)", s, v.spec.ServiceCIDRs.Items[i].At.Line))
			}
		}
	}
	v.nodePorts()
}

// ranges reads a list of one IPv4 range. What is faulty is left out.
func (v *validation) ranges(list spec.List[spec.String], example string, least, most int, small, large string) []netip.Prefix {
	if !v.one(list.At, len(list.Items), "range") {
		return nil
	}
	field := list.Items[0]
	if !field.At.Written() {
		return nil // its type is wrong, which decoding has said
	}
	p, err := netip.ParsePrefix(field.Value)
	switch {
	case err != nil:
		v.fault(field.At, fmt.Sprintf("%q is not a range of addresses", field.Value), "write it as address/bits, for example "+example)
	case !p.Addr().Is4():
		v.fault(field.At, field.Value+" is IPv6, which hagen does not do yet", "write an IPv4 range, for example "+example)
	case p != p.Masked():
		v.fault(field.At, fmt.Sprintf("%s is an address within a range", p), "write the range: "+p.Masked().String())
	case !unicast(p.Addr()) || p.Bits() < 8:
		v.fault(field.At, fmt.Sprintf("%s is not a range of addresses that machines can have", p), "write for example "+example)
	case p.Bits() > most:
		v.fault(field.At, fmt.Sprintf("%s is %s", p, small), fmt.Sprintf("write /%d or larger, for example %s", most, example))
	case p.Bits() < least:
		v.fault(field.At, fmt.Sprintf("%s is %s", p, large), fmt.Sprintf("write /%d or smaller, for example %s", least, example))
	default:
		return []netip.Prefix{p}
	}
	return nil
}

// one faults a list that does not hold exactly one item: the list is there
// for a second family, which is not.
func (v *validation) one(at spec.At, n int, what string) bool {
	if !at.Written() {
		return false // required, and decoding has said so
	}
	if n == 0 {
		v.fault(at, "is empty", "write one IPv4 "+what)
	}
	if n > 1 {
		v.fault(at, fmt.Sprintf("holds %d %s values; hagen does one IPv4 %s for now, a second family is not there yet", n, what, what), "leave one")
	}
	return n == 1
}

// unicast says whether one machine can have the address (RFC 6890: no
// "this network", loopback, link-local, multicast or reserved address).
func unicast(a netip.Addr) bool {
	reserved := a.Is4() && (a.As4()[0] == 0 || a.As4()[0] >= 240)
	return a.IsValid() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && !a.IsLinkLocalUnicast() && !reserved
}

// address reads one IPv4 address of a machine; the zero Addr when faulty.
func (v *validation) address(field spec.String) netip.Addr {
	if !field.At.Written() {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(field.Value)
	if p, prefixErr := netip.ParsePrefix(field.Value); prefixErr == nil {
		v.fault(field.At, fmt.Sprintf("%q is an address with a prefix length", field.Value), "write "+p.Addr().String())
		return netip.Addr{}
	}
	switch {
	case err != nil:
		v.fault(field.At, fmt.Sprintf("%q is not an IP address", field.Value), "write for example 10.10.10.80")
	case !a.Is4():
		v.fault(field.At, field.Value+" is IPv6, which hagen does not do yet", "write an IPv4 address")
	case !unicast(a):
		v.fault(field.At, field.Value+" is not an address that one machine can have", "write the machine's own address")
	default:
		v.outside(field.At, a)
		return a
	}
	return netip.Addr{}
}

// outside faults an address inside the service or pod range: packets to it
// would never leave the machine that sends them.
func (v *validation) outside(at spec.At, a netip.Addr) {
	for _, p := range v.c.Services {
		if p.Contains(a) {
			v.fault(at, fmt.Sprintf("%s lies in the service range %s", a, p), "machines, services and pods need ranges apart")
		}
	}
	for _, p := range v.c.Pods {
		if p.Contains(a) {
			v.fault(at, fmt.Sprintf("%s lies in the pod range %s", a, p), "machines, services and pods need ranges apart")
		}
	}
}

var portRange = regexp.MustCompile(`^([0-9]{1,5})-([0-9]{1,5})$`)

// ephemeral is the kernel's default range for outgoing connections
// (net.ipv4.ip_local_port_range).
var ephemeral = PortRange{32768, 60999}

// nodePorts reads the range of NodePort services. It must not hold a port of
// the masters' own daemons and should not hold the kernel's (help text of
// kube-apiserver --service-node-port-range).
func (v *validation) nodePorts() {
	v.c.NodePorts = PortRange{30000, 32767}
	field := v.spec.ServiceNodePortRange
	if !field.At.Written() {
		return
	}
	m := portRange.FindStringSubmatch(field.Value)
	if m == nil {
		v.fault(field.At, fmt.Sprintf("%q is not a range of ports", field.Value), "write first-last, for example 30000-32767")
		return
	}
	first, _ := strconv.Atoi(m[1]) // digits: cannot fail
	last, _ := strconv.Atoi(m[2])
	if first < 1 || last > 65535 || first > last {
		v.fault(field.At, fmt.Sprintf("%s is not a range within 1-65535", field.Value), "write for example 30000-32767")
		return
	}
	v.c.NodePorts = PortRange{uint16(first), uint16(last)}
	for _, d := range daemonPorts {
		if v.c.NodePorts.Contains(d.port) {
			v.fault(field.At, fmt.Sprintf("%s holds port %d, which is %s's", field.Value, d.port, d.daemon), "write for example 30000-32767")
			return
		}
	}
	if v.c.NodePorts.Last >= ephemeral.First && v.c.NodePorts.First <= ephemeral.Last {
		v.warn(field.At, fmt.Sprintf("%s overlaps the ports %d-%d that Linux takes for outgoing connections", field.Value, ephemeral.First, ephemeral.Last),
			"set net.ipv4.ip_local_port_range on workers, or write for example 30000-32767")
	}
}

// Ports of the masters' daemons that no field changes.
const (
	EtcdClientPort        = 2379
	EtcdPeerPort          = 2380
	EtcdMetricsPort       = 2381
	ControllerManagerPort = 10257
	SchedulerPort         = 10259
)

var daemonPorts = []struct {
	port   uint16
	daemon string
}{
	{22, "sshd"},
	{EtcdClientPort, "etcd"},
	{EtcdPeerPort, "etcd"},
	{EtcdMetricsPort, "etcd"},
	{ControllerManagerPort, "kube-controller-manager"},
	{SchedulerPort, "kube-scheduler"},
}

// apiServer comes after the endpoint.
func (v *validation) apiServer() {
	v.c.APIServer.Port = defaultAPIPort
	if field := v.spec.APIServer.Port; field.At.Written() {
		v.apiPort(field)
	}
	seen := map[string]int{}
	for _, field := range v.spec.APIServer.ExtraSANs.Items {
		if !field.At.Written() {
			continue
		}
		if line, twice := seen[field.Value]; twice {
			v.fault(field.At, fmt.Sprintf("%q is written a second time (first on line %d)", field.Value, line), "remove one of the two")
			continue
		}
		seen[field.Value] = field.At.Line
		v.extraSAN(field)
	}
}

func (v *validation) apiPort(field spec.Int) {
	if field.Value < 1 || field.Value > 65535 {
		v.fault(field.At, fmt.Sprintf("%d is not a port", field.Value), "write one of 1-65535, for example 6443")
		return
	}
	port := uint16(field.Value)
	for _, d := range daemonPorts {
		if d.port == port {
			v.fault(field.At, fmt.Sprintf("port %d is %s's on every master", port, d.daemon), "write for example 6443")
			return
		}
	}
	if v.c.NodePorts.Contains(port) {
		v.fault(field.At, fmt.Sprintf("port %d lies in the node port range %d-%d", port, v.c.NodePorts.First, v.c.NodePorts.Last), "write for example 6443")
		return
	}
	v.c.APIServer.Port = port
}

// extraSAN reads a name or an address of either family; a wildcard may stand
// for the first label (RFC 6125, 6.4.3).
func (v *validation) extraSAN(field spec.String) {
	if a, err := netip.ParseAddr(field.Value); err == nil {
		if a.Zone() != "" {
			v.fault(field.At, field.Value+" has a zone, which certificates cannot hold", "write the address alone")
			return
		}
		v.c.APIServer.ExtraAddresses = append(v.c.APIServer.ExtraAddresses, a.Unmap())
		return
	}
	name := field.Value
	if len(name) > 2 && name[:2] == "*." {
		name = name[2:]
	}
	if problem := nameProblem(name, 253); problem != "" || numericEnd.MatchString(name) {
		v.fault(field.At, fmt.Sprintf("%q is neither a DNS name nor an address", field.Value), "write for example api.example.com or 192.0.2.1, without scheme and port")
		return
	}
	v.c.APIServer.ExtraNames = append(v.c.APIServer.ExtraNames, field.Value)
}
