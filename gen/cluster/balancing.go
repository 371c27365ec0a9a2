package cluster

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"hagen/gen/lazy"
	"hagen/gen/spec"
	"hagen/profiles"
)

// Mode is what stands in front of the API servers.
type Mode string

// The modes, under their names in the cluster file.
const (
	Dedicated Mode = "dedicated" // HAProxy on machines of its own
	Colocated Mode = "colocated" // HAProxy on every master
	External  Mode = "external"  // a load balancer that hagen does not make
)

// Balancing says how clients reach an API server that is up.
type Balancing struct {
	Mode           Mode
	VirtualIPs     []netip.Addr // move between the machines with HAProxy; at most one of each family
	RouterID       int          // VRRP's virtual router identifier, 1-255; 0 without a virtual IP
	AddressAt      spec.At      // where the virtual IP is written
	RouterAt       spec.At      // where the number is written, or else the virtual IP
	PublicIPs      []netip.Addr // no machine has them: the network translates them to machines with HAProxy
	Names          []string     // that clients dial, besides the endpoint's
	StatsPort      uint16       // on the loopback: liveness, statistics, metrics
	Metrics        bool         // for Prometheus
	MaxConnections int          // of all clients of one HAProxy
	Timeouts       Timeouts
}

// Timeouts are HAProxy's.
type Timeouts struct {
	Connect, Client, Server, Tunnel, Check time.Duration
}

// HAProxyHosts lists the machines that run HAProxy; none in mode external.
func (c *Cluster) HAProxyHosts() []Host {
	return c.Of(haproxyRoles[c.Balancing.Mode])
}

// RunsHAProxy reports whether the host runs HAProxy.
func (c *Cluster) RunsHAProxy(h Host) bool {
	return h.Role == haproxyRoles[c.Balancing.Mode]
}

const (
	defaultStatsPort      = 8404
	defaultMaxConnections = 8000
)

// balancing comes after the hosts and the mode, and before the endpoint.
func (v *validation) balancing() {
	lb := v.spec.LoadBalancer
	b := &v.c.Balancing
	v.virtualIPs(lb)
	v.publicIPs(lb)
	v.endpointNames(lb.Names)
	b.StatsPort, b.Metrics, b.MaxConnections = defaultStatsPort, true, defaultMaxConnections
	if lb.StatsPort.At.Written() {
		v.statsPort(lb.StatsPort)
	}
	if lb.Metrics.At.Written() {
		b.Metrics = lb.Metrics.Value
	}
	if n := lb.MaxConnections; n.At.Written() {
		if n.Value < 100 || n.Value > 500_000 {
			v.fault(n.At, fmt.Sprintf("%d is out of range: every watch is a connection, and every daemon has several", n.Value), "write 100 to 500000, for example 8000")
		}
		b.MaxConnections = n.Value
	}
	t := lb.Timeouts
	// connect and check as measured; the others as HAProxy's manual advises for long-lived connections.
	b.Timeouts = Timeouts{
		Connect: v.timeout(t.Connect, time.Second),
		Client:  v.timeout(t.Client, time.Minute),
		Server:  v.timeout(t.Server, time.Minute),
		Tunnel:  v.timeout(t.Tunnel, day),
		Check:   v.timeout(t.Check, 1500*time.Millisecond),
	}
	if at := t.Check.At; at.Written() && (b.Timeouts.Check < 200*time.Millisecond || b.Timeouts.Check > 10*time.Second) {
		v.warn(at, fmt.Sprintf("a timeout of %s for checks: a check needs a TLS handshake and an answer from etcd, and a hung API server gets clients until two checks fail", t.Check.Value),
			"write 200ms to 10s, for example 1500ms")
	}
	if at := t.Connect.At; at.Written() && (b.Timeouts.Connect < 100*time.Millisecond || b.Timeouts.Connect > 10*time.Second) {
		v.warn(at, fmt.Sprintf("a timeout of %s for connections: clients wait that long for a dead machine before HAProxy tries another, and a busy machine needs some time", t.Connect.Value),
			"write 100ms to 10s, for example 1s")
	}
	if len(v.c.HAProxyHosts()) > 0 && !v.hasStatistics() {
		for _, at := range []spec.At{lb.StatsPort.At, lb.Metrics.At} {
			if at.Written() {
				v.warn(at, "without a virtual IP, HAProxy in profile classic serves no statistics", "remove it")
			}
		}
	}
	if len(v.c.HAProxyHosts()) > 0 || b.Mode == Dedicated {
		return
	}
	for _, at := range []spec.At{lb.StatsPort.At, lb.Metrics.At, lb.MaxConnections.At, t.At} {
		if at.Written() {
			v.warn(at, "hagen makes no load balancer for this cluster, so it has no effect", "remove it")
		}
	}
}

// mode checks the mode against the machines.
func (v *validation) mode(field spec.Text) {
	list := v.spec.LoadBalancers
	b := &v.c.Balancing
	b.Mode = External
	if len(list.Items) > 0 {
		b.Mode = Dedicated
	}
	if !field.At.Written() {
		return
	}
	if !v.choice(field, string(Dedicated), string(Colocated), string(External)) {
		if b.Mode == External {
			b.Mode = Colocated // so that fields which may be right get no further faults
		}
		return
	}
	b.Mode = Mode(field.Value)
	switch {
	case b.Mode == Dedicated && len(list.Items) == 0:
		v.fault(field.At, "dedicated means separate machines for HAProxy, and there are none", "add loadBalancers, or write colocated: HAProxy on every master")
	case b.Mode == Colocated && len(list.Items) > 0:
		v.fault(field.At, fmt.Sprintf("colocated puts HAProxy on the masters, but there are loadBalancers (line %d)", list.At.Line), "remove loadBalancers, or write dedicated")
	case b.Mode == External && len(list.Items) > 0:
		v.fault(field.At, fmt.Sprintf("external means that hagen makes no load balancer, but there are loadBalancers (line %d)", list.At.Line), "remove loadBalancers, or write dedicated")
	}
}

// virtualIPs reads the virtual IPs, and VRRP's number for them: each family has its
// own virtual router, with the same number (RFC 5798, 3).
func (v *validation) virtualIPs(lb spec.LoadBalancer) {
	b := &v.c.Balancing
	for _, field := range lb.VirtualIP.Items {
		a := v.virtualIP(lb, field)
		if !a.IsValid() {
			continue
		}
		if i := slices.IndexFunc(b.VirtualIPs, func(o netip.Addr) bool { return sameFamily(o, a) }); i >= 0 {
			v.fault(field.At, fmt.Sprintf("%s is a second %s address, beside %s: there is one virtual IP of each family", a, family(a), b.VirtualIPs[i]), "keep one of the two")
			continue
		}
		b.VirtualIPs = append(b.VirtualIPs, a)
		if len(b.VirtualIPs) == 1 {
			b.AddressAt = field.At
			b.RouterID, b.RouterAt = routerID(v.c.Name), field.At
		}
	}
	if at := lb.VirtualIP.At; at.Written() && len(lb.VirtualIP.Items) == 0 {
		v.fault(at, "is empty", "write an unused address of the machines' network, or remove it")
	}
	field := lb.VirtualRouterID
	switch {
	case !field.At.Written():
	case field.Value < 1 || field.Value > 255:
		v.fault(field.At, fmt.Sprintf("%d is not a valid number of a virtual router", field.Value), "write 1 to 255 (RFC 5798, 5.2.3)")
	case !lb.VirtualIP.At.Written():
		v.fault(field.At, "there is no virtual IP to use this number for", "add virtualIP, or remove the line")
	case len(b.VirtualIPs) > 0:
		b.RouterID, b.RouterAt = field.Value, field.At
	}
}

// virtualIP reads one virtual IP; the zero Addr when faulty.
func (v *validation) virtualIP(lb spec.LoadBalancer, field spec.Text) netip.Addr {
	a := v.address(field)
	proxies := v.c.HAProxyHosts()
	owner := slices.IndexFunc(v.c.Hosts(), func(h Host) bool { return slices.Contains(h.Addresses, a) })
	without := hostsThat(proxies, func(h Host) bool { return len(h.Addresses) > 0 && !h.Has(version(a)) })
	switch {
	case !a.IsValid():
	case v.c.Balancing.Mode == External:
		remedy := "add loadBalancers, or write mode: colocated"
		if lb.Mode.At.Written() {
			remedy = "remove it; write an external load balancer's address as the endpoint"
		}
		v.fault(field.At, "hagen makes no load balancer that could hold it", remedy)
	case owner >= 0:
		v.fault(field.At, fmt.Sprintf("%s is the address of %s: a virtual IP is no machine's own, it moves", a, v.c.Hosts()[owner].Name), "write an unused address of the same network")
	case routes(v.c.Hosts(), a):
		v.fault(field.At, fmt.Sprintf("%s is the machines' gateway: the machine that held it would replace the router", a), "write an unused address of the same network")
	case len(proxies) == 1:
		v.fault(field.At, fmt.Sprintf("a virtual IP moves between machines, and %s is the only one", proxies[0].Name), "add another, or remove virtualIP")
	case without != "":
		v.fault(field.At, fmt.Sprintf("%s is %s, and there is no such address on %s: a machine needs one to announce that it holds the virtual IP", a, family(a), without),
			"give every machine with HAProxy an address of that family")
	default:
		v.sameNetwork(field.At, a)
		return a
	}
	return netip.Addr{}
}

// routes reports whether an address is a default gateway of a machine.
func routes(hosts []Host, a netip.Addr) bool {
	return slices.ContainsFunc(hosts, func(h Host) bool {
		return slices.ContainsFunc(h.Interfaces, func(i Interface) bool { return slices.Contains(i.Gateways, a) })
	})
}

// usualNetwork returns the assumed network of an address when the cluster file does
// not say its size: most IPv4 networks are a /24 or larger, all IPv6 networks a /64
// (RFC 4291, 2.5.4).
func usualNetwork(a netip.Addr) netip.Prefix {
	return netip.PrefixFrom(a, usualLength(a)).Masked()
}

// OneNetwork reports whether two addresses are on the same network: that of a
// machine's interface, where the cluster file says its size.
func (c *Cluster) OneNetwork(a, b netip.Addr) bool {
	for _, h := range c.Hosts() {
		for _, i := range h.Interfaces {
			for _, p := range i.Addresses {
				if p.Contains(a) || p.Contains(b) {
					return p.Contains(a) && p.Contains(b)
				}
			}
		}
	}
	return usualNetwork(a).Contains(b)
}

// sameNetwork warns of a virtual IP that is probably on another network than the
// machines that may hold it.
func (v *validation) sameNetwork(at spec.At, a netip.Addr) {
	larger := fmt.Sprintf("unless the network is larger than a /%d, ", usualLength(a))
	if a.Is4() && (a.As4()[3] == 0 || a.As4()[3] == 255) {
		v.warn(at, fmt.Sprintf("%s is the network or broadcast address of most networks", a), larger+"write another address")
	}
	near := func(b netip.Addr) bool { return sameFamily(a, b) && v.c.OneNetwork(a, b) }
	far := hostsThat(v.c.HAProxyHosts(), func(h Host) bool { return len(h.Addresses) > 0 && !slices.ContainsFunc(h.Addresses, near) })
	if far != "" {
		v.warn(at, fmt.Sprintf("%s seems to be on another network than %s: a virtual IP moves only within one network", a, far), larger+"write an address of the machines' network")
	}
}

// routerID derives VRRP's number from the cluster's name, so that clusters on one
// network most likely have different numbers without a list of them.
func routerID(name string) int {
	sum := fnv.New32a()
	sum.Write([]byte(name)) // never fails
	return 1 + int(sum.Sum32()%255)
}

// endpointNames reads further names that clients dial.
func (v *validation) endpointNames(list spec.List[spec.String]) {
	v.atMost(list.At, len(list.Items), maxFrontNames, "write those that clients dial")
	seen := map[string]int{}
	for _, field := range list.Items {
		if !field.At.Written() {
			continue
		}
		line, twice := seen[field.Value]
		seen[field.Value] = field.At.Line
		machine := slices.ContainsFunc(v.c.Hosts(), func(h Host) bool {
			return h.Name == field.Value || strings.HasPrefix(h.Name, field.Value+".")
		})
		switch {
		case strings.HasPrefix(field.Value, "*."):
			v.fault(field.At, spec.Quote(field.Value)+" is not a single name", "write it in apiServer.extraSANs, and here the names that clients dial")
		case !v.name(field, maxDNSName, "api.example.com"):
		case numericEnd().MatchString(field.Value):
			v.fault(field.At, spec.Quote(field.Value)+" looks like an address", "write a name; further addresses go in apiServer.extraSANs")
		case loopbackName().MatchString(field.Value):
			v.fault(field.At, spec.Quote(field.Value)+" means the machine that dials it", "write names that your DNS knows, for example api.example.com")
		case machine:
			v.fault(field.At, spec.Quote(field.Value)+" is the name of a machine", "write names of whatever answers at the endpoint")
		case twice:
			v.fault(field.At, fmt.Sprintf("%s is written a second time (first on line %d)", spec.Quote(field.Value), line), "keep one of the two")
		default:
			v.clusterDNS(field.At, field.Value)
			v.c.Balancing.Names = append(v.c.Balancing.Names, field.Value)
		}
	}
}

// statsPort reads the port; haproxyPorts compares it with the others.
func (v *validation) statsPort(field spec.Int) {
	if field.Value < 1 || field.Value > 65535 {
		v.fault(field.At, fmt.Sprintf("%d is not a port", field.Value), fmt.Sprintf("write one of 1-65535, for example %d", defaultStatsPort))
		return
	}
	v.c.Balancing.StatsPort = uint16(field.Value)
	if ephemeral.Contains(v.c.Balancing.StatsPort) {
		v.warn(field.At, ephemeralProblem(v.c.Balancing.StatsPort), "write one below 32768")
	}
}

// hasStatistics reports whether HAProxy has a listener for statistics: in profile
// classic only where keepalived asks there.
func (v *validation) hasStatistics() bool {
	return len(v.c.HAProxyHosts()) > 0 && (v.c.Profile.Name != profiles.Classic || len(v.c.Balancing.VirtualIPs) > 0)
}

// haproxyPorts compares HAProxy's two ports with the other ports on its machines. The
// fault is at a port that is written.
func (v *validation) haproxyPorts() {
	e, b := v.c.Endpoint, v.c.Balancing
	if len(v.c.HAProxyHosts()) == 0 {
		return
	}
	role := haproxyRoles[b.Mode]
	if daemon := v.listenerAt(e.Port, role); daemon != "" {
		v.fault(e.At, fmt.Sprintf("port %d is %s's on every %s", e.Port, daemon, role), "write for example "+hostPort(e.Host, v.freePort(6443)))
	} else if ephemeral.Contains(e.Port) {
		v.warn(e.At, ephemeralProblem(e.Port), "write one below 32768")
	}
	if b.Mode == Colocated && v.c.NodePorts.Contains(e.Port) {
		v.inNodePorts(e.At, e.Port)
	}
	if v.hasStatistics() {
		v.statsPortTaken(role)
	}
}

// statsPortTaken faults a statistics port of HAProxy that another listener has.
func (v *validation) statsPortTaken(role Role) {
	e, port, at := v.c.Endpoint, v.c.Balancing.StatsPort, v.spec.LoadBalancer.StatsPort.At
	remedy := fmt.Sprintf("write for example %d", v.freePort(defaultStatsPort))
	api := v.spec.APIServer.Port.At
	colocated := v.c.Balancing.Mode == Colocated
	switch {
	case port == e.Port && at.Written():
		v.fault(at, fmt.Sprintf("port %d is the endpoint's port, on which HAProxy serves clients", port), remedy)
	case port == e.Port:
		v.fault(e.At, fmt.Sprintf("port %d is HAProxy's statistics port", port), "write another port, or another loadBalancer.statsPort")
	case colocated && port == v.c.APIServer.Port && !at.Written() && api.Written():
		v.fault(api, fmt.Sprintf("port %d is HAProxy's statistics port on every master", port), "write another port, or another loadBalancer.statsPort")
	case colocated && port == v.c.APIServer.Port:
		v.fault(at, fmt.Sprintf("port %d is kube-apiserver's on every master", port), remedy)
	case colocated && v.c.NodePorts.Contains(port) && !at.Written():
		v.fault(v.spec.ServiceNodePortRange.At, fmt.Sprintf("the range holds port %d, which is HAProxy's statistics port on every master", port), writeNodePorts+", or another loadBalancer.statsPort")
	case colocated && v.c.NodePorts.Contains(port):
		v.inNodePorts(at, port)
	case v.listenerAt(port, role) != "":
		v.fault(at, fmt.Sprintf("port %d is %s's on every %s", port, v.listenerAt(port, role), role), remedy)
	}
}

func (v *validation) inNodePorts(at spec.At, port uint16) {
	v.fault(at, fmt.Sprintf("port %d is in the node port range %d-%d", port, v.c.NodePorts.First, v.c.NodePorts.Last), "write a port outside of it, or another serviceNodePortRange")
}

// freePort returns the first of some usual ports, the preferred one first, that is
// unused on machines with HAProxy.
func (v *validation) freePort(liked uint16) uint16 {
	for _, port := range []uint16{liked, 443, 8443, 9443, 8404, 8405} {
		if v.listenerAt(port, Master) == "" && v.listenerAt(port, LoadBalancer) == "" && !v.c.NodePorts.Contains(port) &&
			(v.c.Balancing.Mode != Colocated || int(port) != v.apiPortWritten()) && port != v.c.Endpoint.Port && port != v.c.Balancing.StatsPort {
			return port
		}
	}
	return liked
}

var timeoutText = lazy.Regexp(`^([1-9][0-9]{0,8})(ms|s|m|h|d)$`)

// timeout reads HAProxy's time format; HAProxy keeps milliseconds in 31 bits
// (configuration manual, 2.5 "Time format").
func (v *validation) timeout(field spec.Text, fallback time.Duration) time.Duration {
	if !field.At.Written() {
		return fallback
	}
	m := timeoutText().FindStringSubmatch(field.Value)
	if m == nil {
		v.fault(field.At, spec.Quote(field.Value)+" is not a valid duration", "write a number with its unit: 500ms, 10s, 5m, 1h")
		return fallback
	}
	number, _ := strconv.Atoi(m[1]) // at most nine digits: cannot fail
	unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day}[m[2]]
	d := time.Duration(number) * unit
	if time.Duration(number) > 24*day/unit || d < 10*time.Millisecond {
		v.fault(field.At, field.Value+" is out of range", "write 10ms to 24d")
		return fallback
	}
	return d
}
