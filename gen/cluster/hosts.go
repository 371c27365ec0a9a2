package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/spec"
)

// reserved are names of files that stand beside the hosts' directories in the
// rendered tree, and names that every machine gives itself.
var reserved = []string{"localhost", "admin.kubeconfig"}

func (v *validation) hosts() {
	seen := uniqueness{names: map[string]spec.At{}, addresses: map[netip.Addr]Host{}}
	defaultOS := v.os(v.spec.OS, v.c.Profile.OS)
	add := func(list spec.List[spec.Host], role Role) (hosts []Host) {
		for _, field := range list.Items {
			if !field.At.Written() {
				continue
			}
			host := Host{Name: field.Name.Value, Role: role, OS: defaultOS, At: field.Name.At}
			if field.OS.At.Written() {
				host.OS = v.os(field.OS, "")
			}
			v.hostName(field.Name, &seen)
			if v.one(field.Addresses.At, len(field.Addresses.Items), "address") {
				if a := v.address(field.Addresses.Items[0]); a.IsValid() {
					host.Addresses = []netip.Addr{a}
					v.uniqueAddress(field.Addresses.Items[0].At, host, &seen)
				}
			}
			hosts = append(hosts, host)
		}
		return hosts
	}
	v.c.Masters = add(v.spec.Masters, Master)
	v.c.Balancers = add(v.spec.LoadBalancers, LoadBalancer)
	v.quorum()
}

type uniqueness struct {
	names     map[string]spec.At
	addresses map[netip.Addr]Host
}

func (v *validation) hostName(field spec.String, seen *uniqueness) {
	if !field.At.Written() {
		return
	}
	problem := nameProblem(field.Value, maxHostName)
	switch first, twice := seen.names[field.Value]; {
	case problem != "":
		v.fault(field.At, problem, "write the machine's host name, for example kubem00 or kubem00.example.com")
	case numericEnd.MatchString(field.Value):
		v.fault(field.At, fmt.Sprintf("%q reads like an address", field.Value), "write a name whose last part holds a letter")
	case slices.Contains(reserved, field.Value):
		v.fault(field.At, fmt.Sprintf("%q is taken", field.Value), "give the machine another name")
	case twice:
		v.fault(field.At, fmt.Sprintf("%q is another machine's name (line %d)", field.Value, first.Line), "give every machine, of whatever role, its own name")
	}
	seen.names[field.Value] = field.At
}

func (v *validation) uniqueAddress(at spec.At, host Host, seen *uniqueness) {
	first, twice := seen.addresses[host.Address()]
	if !twice {
		seen.addresses[host.Address()] = host
		return
	}
	remedy := "give every machine its own address"
	if first.Role != host.Role {
		remedy = "a load balancer needs a machine of its own: on a master the API server holds the port"
	}
	v.fault(at, fmt.Sprintf("%s is the address of %s, too (line %d)", host.Address(), first.Name, first.At.Line), remedy)
}

// quorum holds the number of masters against Raft: a majority of n members
// must answer, so an even number survives no more losses than one less.
func (v *validation) quorum() {
	at, n := v.spec.Masters.At, len(v.c.Masters)
	if allowed := v.spec.AllowEvenMasters; allowed.Value && n%2 == 1 {
		v.warn(allowed.At, fmt.Sprintf("there are %d masters, an odd number", n), "remove the line")
	}
	switch {
	case !at.Written():
	case n == 0:
		v.fault(at, "is empty", "write three masters, or one to try things out")
	case n == 1:
		v.warn(at, "one master: when it is down there is no control plane", "three survive the loss of one")
	case n%2 == 0 && !v.spec.AllowEvenMasters.Value:
		v.fault(at, fmt.Sprintf("%d masters survive the loss of %d, like %d: etcd's Raft needs a majority, %d of %d", n, (n-1)/2, n-1, n/2+1, n),
			fmt.Sprintf("write %d or %d masters, or add allowEvenMasters: true", n-1, n+1))
	case n%2 == 0:
		v.warn(at, fmt.Sprintf("%d masters survive the loss of %d, like %d", n, (n-1)/2, n-1), "")
	case n > 9:
		v.warn(at, fmt.Sprintf("%d masters: every write waits for %d of them", n, n/2+1), "etcd's advice is seven at most")
	}
}

// endpoint finds out who answers there. It comes before the API server's port
// is known to be valid, so it asks the field.
func (v *validation) endpoint() {
	field := v.spec.Endpoint
	if !field.At.Written() {
		return
	}
	v.c.Endpoint.At = field.At
	if !v.splitEndpoint(field) {
		return
	}
	e := &v.c.Endpoint
	answers := func(h Host) bool {
		return h.Name == e.Host || e.Address.IsValid() && slices.Contains(h.Addresses, e.Address)
	}
	apiPort := defaultAPIPort
	if p := v.spec.APIServer.Port; p.At.Written() {
		apiPort = p.Value
	}
	for _, h := range v.c.Hosts() {
		if !answers(h) || len(h.Addresses) == 0 {
			continue
		}
		e.Answered = []netip.Addr{h.Address()}
		if h.Role == Master && int(e.Port) != apiPort {
			v.fault(field.At, fmt.Sprintf("%s is a master, whose API server listens on port %d", e.Host, apiPort), fmt.Sprintf("write %s:%d", e.Host, apiPort))
		}
		if h.Role == Master && len(v.c.Masters) > 1 {
			v.warn(field.At, fmt.Sprintf("the endpoint is one master: when %s is down nobody reaches the others", h.Name), "add a load balancer")
		}
	}
	switch {
	case len(e.Answered) > 0:
	case e.Address.IsValid():
		v.fault(field.At, fmt.Sprintf("no machine of the cluster has the address %s", e.Address),
			"write the name or address of a load balancer, or the DNS name of one outside the cluster")
	default:
		v.warn(field.At, fmt.Sprintf("%s is no machine of the cluster: your DNS must know the name, and something must answer there on port %d", e.Host, e.Port), "")
	}
}

// splitEndpoint reads host:port.
func (v *validation) splitEndpoint(field spec.String) bool {
	e := &v.c.Endpoint
	const remedy = "write name:port or address:port, for example kubernetes:6443"
	host, port, found := strings.Cut(field.Value, ":")
	number, err := strconv.ParseUint(port, 10, 16)
	switch {
	case strings.Contains(field.Value, "://"):
		v.fault(field.At, fmt.Sprintf("%q is a URL", field.Value), remedy)
		return false
	case strings.HasPrefix(host, "[") || strings.Count(field.Value, ":") > 1:
		v.fault(field.At, fmt.Sprintf("%q is IPv6, which hagen does not do yet, or not name:port", field.Value), remedy)
		return false
	case !found || err != nil || number == 0:
		v.fault(field.At, fmt.Sprintf("%q has no port", field.Value), remedy)
		return false
	}
	e.Host, e.Port = host, uint16(number)
	if a, err := netip.ParseAddr(host); err == nil {
		e.Address = a
		if !unicast(a) {
			v.fault(field.At, host+" is not an address that one machine can have", remedy)
			return false
		}
		v.outside(field.At, a)
		return true
	}
	if problem := nameProblem(host, 253); problem != "" || numericEnd.MatchString(host) {
		v.fault(field.At, fmt.Sprintf("%q is neither a DNS name nor an address", host), remedy)
		return false
	}
	return true
}

// spread looks at the machines as a whole.
func (v *validation) spread() {
	if at := v.spec.LoadBalancer.Timeouts.At; at.Written() && len(v.c.Balancers) == 0 {
		v.warn(at, "there is no load balancer whose timeouts these could be", "")
	}
	if e := v.c.Endpoint; len(v.c.Balancers) == 1 && e.Host != "" && len(v.faults) == 0 && len(e.Answered) == 1 &&
		!slices.Contains(v.c.Balancers[0].Addresses, e.Answered[0]) {
		v.warn(e.At, "clients dial past the load balancer "+v.c.Balancers[0].Name, fmt.Sprintf("write %s:%d", v.c.Balancers[0].Name, e.Port))
	}
}
