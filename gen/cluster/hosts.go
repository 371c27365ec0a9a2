package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/spec"
)

// reserved lists names of files beside the hosts' directories in the rendered tree.
var reserved = []string{"admin.kubeconfig"}

func (v *validation) hosts() {
	seen := uniqueness{names: map[string]spec.At{}, addresses: map[netip.Addr]Host{}, macs: map[string]Host{}}
	defaultOS := v.os(v.spec.OS, v.c.Profile.OS)
	for _, r := range roles {
		list := r.hosts(v.spec)
		for _, field := range list.Items {
			if !field.At.Written() {
				continue
			}
			host := Host{Name: field.Name.Value, Role: r.name, OS: defaultOS, At: field.Name.At, asked: field.Binaries}
			if field.OS.At.Written() {
				host.OS = v.os(field.OS, "")
			}
			v.hostName(field.Name, &seen)
			if v.some(field.Addresses) {
				v.interfaces(&host, field, &seen)
				v.primaryFirst(&host, field.Addresses.At)
			}
			host.Clocks = v.clocks(field.NTP)
			v.storage(&host, field)
			v.installDisk(&host, field.InstallDisk)
			v.c.Machines = append(v.c.Machines, host)
		}
		if v.atMost(list.At, len(list.Items), r.most, r.advice) && r.count != nil {
			r.count(v)
		}
	}
}

// maxAddresses of one interface: each is in every certificate and /etc/hosts.
const maxAddresses = 8

// some faults a list of addresses that is empty or too long.
func (v *validation) some(list spec.List[spec.Text]) bool {
	if !list.At.Written() {
		return false // required: decoding has reported it
	}
	if len(list.Items) == 0 {
		v.fault(list.At, "is empty", "write the address at which others reach the machine: [10.10.10.80]")
	}
	return len(list.Items) > 0 && v.atMost(list.At, len(list.Items), maxAddresses, "write those that the cluster uses")
}

// primaryFirst sorts a machine's addresses of the services' primary family first. An
// API server advertises an address of that family and accepts no other
// (cmd/kube-apiserver/app/options, validatePublicIPServiceClusterIPRangeIPFamilies).
func (v *validation) primaryFirst(host *Host, at spec.At) {
	if len(v.c.Services) == 0 || len(host.Addresses) == 0 {
		return
	}
	primary := v.c.Services[0].Addr()
	slices.SortStableFunc(host.Addresses, func(a, b netip.Addr) int {
		switch {
		case sameFamily(a, b):
			return 0
		case sameFamily(a, primary):
			return -1
		}
		return 1
	})
	if !sameFamily(host.Address(), primary) {
		v.fault(at, fmt.Sprintf("holds no %s address, and the first service range is %s: API servers advertise addresses of that family", family(primary), v.c.Services[0]),
			"add an address of the family, or write the service and pod ranges of the other family first")
	}
}

// uniqueness remembers the names and addresses of the hosts read so far.
type uniqueness struct {
	names     map[string]spec.At
	addresses map[netip.Addr]Host
	macs      map[string]Host
}

func (v *validation) hostName(field spec.String, seen *uniqueness) {
	if !field.At.Written() {
		return
	}
	first, twice := seen.names[field.Value]
	seen.names[field.Value] = field.At
	short, _, _ := strings.Cut(field.Value, ".")
	switch {
	case !v.name(field, maxHostName, "kubem00 or kubem00.example.com"):
	case numericEnd().MatchString(field.Value):
		v.fault(field.At, spec.Quote(field.Value)+" looks like an address", "write a name whose last part is not a number, for example kubem00")
	case loopbackName().MatchString(field.Value):
		v.fault(field.At, spec.Quote(field.Value)+" is every machine's name for itself", "give the machine another name")
	case loopbackName().MatchString(short): // it would be an alias in /etc/hosts
		v.fault(field.At, fmt.Sprintf("%s begins with %s, every machine's name for itself", spec.Quote(field.Value), short), "give the machine another name")
	case slices.Contains(reserved, field.Value):
		v.fault(field.At, spec.Quote(field.Value)+" is a file in the rendered tree", "give the machine another name")
	case twice:
		v.fault(field.At, fmt.Sprintf("%s is also another machine's name (line %d)", spec.Quote(field.Value), first.Line), "give every machine of any role its own name")
	default:
		v.clusterDNS(field.At, field.Value)
	}
}

// clusterDNS warns of a name in the cluster's own domain: pods ask the cluster's DNS
// for it, which answers only for services.
func (v *validation) clusterDNS(at spec.At, name string) {
	if strings.HasSuffix(name, "."+v.c.Domain) {
		v.warn(at, fmt.Sprintf("%s is in the cluster's domain %s, so pods cannot look it up", name, v.c.Domain), "write another clusterDomain, or another name")
	}
}

func (v *validation) uniqueAddress(at spec.At, a netip.Addr, host Host, seen *uniqueness) {
	first, twice := seen.addresses[a]
	if !twice {
		seen.addresses[a] = host
		return
	}
	remedy := "give every machine its own address"
	if first.Role != host.Role {
		remedy = "give the load balancer its own machine, or write loadBalancer.mode: colocated"
	}
	v.fault(at, fmt.Sprintf("%s is also the address of %s (line %d)", a, spec.Quote(first.Name), first.At.Line), remedy)
}

// advisedMasters is the largest number that etcd recommends (etcd.io/docs, FAQ,
// "What is maximum cluster size?").
const advisedMasters = 7

// mastersAdvice is the remedy for too many masters.
var mastersAdvice = fmt.Sprintf("write three or five: etcd recommends at most %d", advisedMasters)

// Bounds on lists. Documents, certificates and the PKI's index grow with each item.
const (
	// maxMasters: with the longest names and addresses etcd's --initial-cluster takes
	// 94 bytes per master, and Butane allows 2048 bytes in a line of a unit
	// (go-systemd, unit.SYSTEMD_LINE_MAX).
	maxMasters = 21
	// maxBalancers: each one checks every API server each second, and VRRP's
	// priorities begin at 200.
	maxBalancers = 20
	// maxFrontNames: all of them are in one line of /etc/hosts for each machine with
	// HAProxy.
	maxFrontNames = 20
	// maxSANs: they are part of every handshake, and Go's TLS allows 64 KiB for the
	// message with the certificate (crypto/tls, maxHandshake).
	maxSANs = 100
)

// atMost faults a list with too many items.
func (v *validation) atMost(at spec.At, n, most int, remedy string) bool {
	if n > most {
		v.fault(at, fmt.Sprintf("holds %d items, at most %d are possible", n, most), remedy)
	}
	return n <= most
}

// quorum checks the number of masters for Raft: a majority of n members must answer,
// so an even number survives no more losses than one fewer.
func (v *validation) quorum() {
	at, n := v.spec.Masters.At, len(v.spec.Masters.Items)
	if !at.Written() {
		return
	}
	if allowed := v.spec.AllowEvenMasters; allowed.Value && n%2 == 1 {
		v.warn(allowed.At, fmt.Sprintf("there are %d masters, an odd number", n), "remove the line")
	}
	even := fmt.Sprintf("%d masters survive the loss of %d, the same as %d", n, (n-1)/2, n-1)
	if n == 2 {
		even = "2 masters survive no loss, the same as 1"
	}
	switch {
	case n == 0:
		v.fault(at, "is empty", "write three masters, or one for a trial")
	case n == 1:
		v.warn(at, "one master: when it is down there is no control plane", "three survive the loss of one")
	case n%2 == 0 && !v.spec.AllowEvenMasters.Value:
		v.fault(at, fmt.Sprintf("%s: etcd's Raft needs a majority, %d of %d", even, n/2+1, n),
			fmt.Sprintf("write %d or %d masters, or add allowEvenMasters: true", n-1, n+1))
	case n%2 == 0:
		v.note(at, even, "")
	case n > advisedMasters:
		v.warn(at, fmt.Sprintf("%d masters: every write waits for %d of them", n, n/2+1), fmt.Sprintf("etcd recommends at most %d", advisedMasters))
	}
}
