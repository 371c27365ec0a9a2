package cluster

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/spec"
)

// Bounds on lists about networks.
const (
	maxInterfaces = 8
	// maxNameservers: glibc asks three (resolv.conf(5)), systemd-resolved more.
	maxNameservers = 6
	maxClocks      = 10
)

// interfaces reads a machine's addresses: first those of its first interface, whose
// fields are the machine's own, then those of further ones.
func (v *validation) interfaces(host *Host, field spec.Host, seen *uniqueness) {
	first := spec.Interface{
		At: field.At, Interface: field.Interface, MAC: field.MAC,
		Addresses: field.Addresses, Gateway: field.Gateway, Nameservers: field.Nameservers,
	}
	v.interfaceOf(host, first, seen)
	if v.atMost(field.Interfaces.At, len(field.Interfaces.Items), maxInterfaces, "write those with addresses that the cluster uses") {
		for _, further := range field.Interfaces.Items {
			if !further.At.Written() || !further.Addresses.At.Written() {
				continue
			}
			if len(further.Addresses.Items) == 0 {
				v.fault(further.Addresses.At, "is empty", "write the interface's addresses, or leave it out: hagen configures nothing else")
				v.interfaceName(further.Interface)
				v.macAddress(further.MAC, *host, seen)
				continue
			}
			if n := further.Interface; n.At.Written() && slices.ContainsFunc(host.Interfaces, func(i Interface) bool { return i.Name == n.Value }) {
				v.fault(n.At, fmt.Sprintf("%s is already one of the machine's interfaces", spec.Quote(n.Value)), "write all of its addresses in one list")
			}
			v.interfaceOf(host, further, seen)
		}
	}
	if len(host.Interfaces) == 0 {
		host.Dynamic = nil // the image configures all
	}
}

// interfaceOf reads one interface. Addresses with a prefix length are static;
// without one they come from DHCP, and hagen configures nothing. networks later
// fills in what all machines share.
func (v *validation) interfaceOf(host *Host, field spec.Interface, seen *uniqueness) {
	faults := len(v.faults)
	i := Interface{Name: v.interfaceName(field.Interface), MAC: v.macAddress(field.MAC, *host, seen), At: field.At}
	host.MAC = cmp.Or(host.MAC, i.MAC)
	var bare, static spec.Text
	for _, item := range field.Addresses.Items {
		a := v.ownAddress(item, &i)
		if !a.IsValid() {
			continue
		}
		if slices.Contains(host.Addresses, a) {
			v.fault(item.At, fmt.Sprintf("%s is written twice for this machine", a), "keep one of the two")
			continue
		}
		host.Addresses = append(host.Addresses, a)
		v.uniqueAddress(item.At, a, *host, seen)
		if strings.Contains(item.Value, "/") {
			static = item
		} else {
			bare = item
		}
	}
	gateways, nameservers := v.gateways(field.Gateway), v.nameservers(field.Nameservers)
	switch {
	case static.At.Written() && bare.At.Written():
		v.fault(bare.At, fmt.Sprintf("%s has no prefix length, and %s has one: the addresses of one interface are all static, or all from DHCP", bare.Value, static.Value),
			"write both with their prefix lengths, or move one of them to another interface, under interfaces")
		return
	case static.At.Written():
		v.static(host, i, field, gateways, nameservers)
	case len(v.faults) == faults:
		v.dynamic(host, i.MAC, bare, field)
	}
}

// static reads an interface with static addresses.
func (v *validation) static(host *Host, i Interface, field spec.Interface, gateways, nameservers []placed[netip.Addr]) {
	at := field.Addresses.Items[0].At
	if !field.Interface.At.Written() && !field.MAC.At.Written() {
		own, _, _ := strings.Cut(field.Addresses.Items[0].Value, "/")
		v.fault(at, fmt.Sprintf("%s has a prefix length, so it is static, but has no interface", field.Addresses.Items[0].Value),
			fmt.Sprintf("add mac: or interface: beside it, or write %s, which the machine then gets from DHCP", own))
	}
	for _, g := range gateways {
		if i.misses(field.Addresses) || v.reaches(g, i) {
			i.Gateways = append(i.Gateways, g.value)
		}
	}
	for _, n := range nameservers {
		if !i.misses(field.Addresses) && !slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return sameFamily(p.Addr(), n.value) }) {
			v.fault(n.at, fmt.Sprintf("%s is %s, and the interface has no such address to reach it from", n.value, family(n.value)), "write one of the interface's family")
			continue
		}
		i.Nameservers = append(i.Nameservers, n.value)
	}
	host.Interfaces = append(host.Interfaces, i)
}

// dynamic reads an interface that DHCP configures. Its only field is the MAC
// address, by which boot media identify the machine, and cloud-init the card.
func (v *validation) dynamic(host *Host, mac string, bare spec.Text, field spec.Interface) {
	if !bare.At.Written() {
		return
	}
	d := Dynamic{MAC: mac, At: bare.At}
	for _, item := range field.Addresses.Items {
		if a, err := netip.ParseAddr(item.Value); err == nil && !slices.Contains(d.Families, number(a)) {
			d.Families = append(d.Families, number(a))
		}
	}
	slices.Sort(d.Families)
	host.Dynamic = append(host.Dynamic, d)
	for _, f := range []struct {
		at   spec.At
		what string
	}{{field.Interface.At, "interface"}, {field.Gateway.At, "gateway"}, {field.Nameservers.At, "nameservers"}} {
		if f.at.Written() {
			v.fault(f.at, fmt.Sprintf("is for static addresses, and %s has no prefix length: DHCP assigns it", bare.Value),
				fmt.Sprintf("write %s with the prefix length of its network, as in 10.10.10.80/24, or remove %s", bare.Value, f.what))
		}
	}
}

// placed is a value with its position in the file.
type placed[T any] struct {
	value T
	at    spec.At
}

// ownAddress reads an address of a machine, with or without a prefix length. One
// with a prefix length is added to the interface. With a faulty prefix length it is
// nevertheless the machine's, for what names it elsewhere in the file.
func (v *validation) ownAddress(field spec.Text, i *Interface) netip.Addr {
	host, length, prefixed := strings.Cut(field.Value, "/")
	if !prefixed {
		return v.address(field)
	}
	p, err := netip.ParsePrefix(field.Value)
	if err != nil {
		if a, err := netip.ParseAddr(host); err == nil {
			v.fault(field.At, fmt.Sprintf("%s is not a valid prefix length of an %s address", spec.Quote("/"+length), family(a)), fmt.Sprintf("write for example %s/%d", a, usualLength(a)))
			return a
		}
		problem, remedy := addressProblem(host)
		v.fault(field.At, problem, remedy+"/"+length)
		return netip.Addr{}
	}
	a := v.address(spec.Text{Value: host, At: field.At})
	if a.IsValid() && v.inNetwork(field.At, p) {
		i.Addresses = append(i.Addresses, p)
	}
	return a
}

// usualLength returns the prefix length of most networks.
func usualLength(a netip.Addr) int {
	if a.Is4() {
		return 24
	}
	return 64
}

// inNetwork faults an address that no machine of its network can have, and a prefix
// length that no network has.
func (v *validation) inNetwork(at spec.At, p netip.Prefix) bool {
	usual := fmt.Sprintf("write the network's prefix length, for example %s/%d", p.Addr(), usualLength(p.Addr()))
	whole := p.Addr().BitLen()
	switch {
	case p.Bits() < whole/4:
		v.fault(at, fmt.Sprintf("/%d is larger than any network", p.Bits()), usual)
	case p.Bits() == whole:
		v.fault(at, fmt.Sprintf("/%d is a network of one address, without other machines", whole), fmt.Sprintf("%s, or %s alone if DHCP assigns it", usual, p.Addr()))
	case isNetworkOrBroadcast(p) && p.Addr() == p.Masked().Addr():
		v.fault(at, fmt.Sprintf("%s is the network's own address", p), "write the machine's")
	case isNetworkOrBroadcast(p):
		v.fault(at, fmt.Sprintf("%s is the network's broadcast address", p), "write the machine's")
	default:
		return true
	}
	return false
}

// isNetworkOrBroadcast reports whether an address is its network's own or, with IPv4, the
// broadcast address. A network of two has neither (RFC 3021, RFC 6164).
func isNetworkOrBroadcast(p netip.Prefix) bool {
	return p.Bits() < p.Addr().BitLen()-1 && (p.Addr() == p.Masked().Addr() || p.Addr().Is4() && !p.Contains(p.Addr().Next()))
}

// sameFamily reports whether two addresses are of the same IP version.
func sameFamily(a, b netip.Addr) bool { return a.Is4() == b.Is4() }

// number returns the version of an address: 4 or 6.
func number(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// byFamily sorts IPv4 first, for a stable sort.
func byFamily(a, b netip.Addr) int {
	switch {
	case sameFamily(a, b):
		return 0
	case a.Is4():
		return -1
	}
	return 1
}

var (
	// Names that the kernel accepts (dev_valid_name), without characters that are
	// special in globs, kernel arguments or systemd's units.
	interfaceName = lazy.Regexp(`^[a-zA-Z][a-zA-Z0-9_.-]{0,14}$`)
	// /proc/sys/net/*/conf has directories of these names.
	everyInterface = []string{"all", "default"}
	otherInterface = lazy.Regexp(`\.|^(bond|team|br|vlan|vxlan|wg|tun|tap|veth|docker|virbr)[0-9-]`)
	macColons      = lazy.Regexp(`^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$`)
	macDashes      = lazy.Regexp(`^[0-9a-fA-F]{2}(-[0-9a-fA-F]{2}){5}$`)
	macDots        = lazy.Regexp(`^[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){2}$`)
)

func (v *validation) interfaceName(field spec.Text) string {
	switch {
	case !field.At.Written():
	case macColons().MatchString(field.Value) || macDashes().MatchString(field.Value):
		v.fault(field.At, spec.Quote(field.Value)+" is a MAC address", "write mac: "+field.Value)
	case !interfaceName().MatchString(field.Value):
		v.fault(field.At, spec.Quote(field.Value)+" is not a valid name of an interface: at most 15 letters, digits, -, _ and ., beginning with a letter", "write it as the machine calls it, for example ens3")
	case field.Value == "lo":
		v.fault(field.At, "lo is the loopback", "write the interface on the network, for example ens3")
	case slices.Contains(everyInterface, field.Value):
		v.fault(field.At, field.Value+" means all interfaces to the kernel", "write the interface on the network, for example ens3")
	case otherInterface().MatchString(field.Value):
		v.fault(field.At, spec.Quote(field.Value)+" is named like a bond, bridge or VLAN: hagen configures only Ethernet cards, and cannot describe those yet",
			"write the card's name; or leave the interface to the image's own configuration or DHCP, and write its addresses without prefix lengths and without interface")
	default:
		return field.Value
	}
	return ""
}

// macAddress reads a MAC address in any of its three spellings.
func (v *validation) macAddress(field spec.Text, host Host, seen *uniqueness) string {
	if !field.At.Written() {
		return ""
	}
	const example = "write it as the machine shows it, for example 52:54:00:89:d8:10"
	if !macColons().MatchString(field.Value) && !macDashes().MatchString(field.Value) && !macDots().MatchString(field.Value) {
		v.fault(field.At, spec.Quote(field.Value)+" is not a MAC address of six bytes", example)
		return ""
	}
	digits := strings.ToLower(strings.NewReplacer(":", "", "-", "", ".", "").Replace(field.Value))
	var bytes []string
	for at := 0; at < len(digits); at += 2 {
		bytes = append(bytes, digits[at:at+2])
	}
	mac := strings.Join(bytes, ":")
	first, twice := seen.macs[mac]
	switch {
	case strings.Trim(digits, "0") == "":
		v.fault(field.At, mac+" is not a machine's address", example)
	case strings.ContainsRune("13579bdf", rune(digits[1])):
		v.fault(field.At, mac+" is the address of a group of machines (its first byte is odd)", example)
	case twice && first.Name == host.Name:
		v.fault(field.At, mac+" is also the MAC address of another of the machine's interfaces", "write each interface's own")
	case twice:
		v.fault(field.At, fmt.Sprintf("%s is also the MAC address of %s (line %d)", mac, spec.Quote(first.Name), first.At.Line), "write each machine's own")
	default:
		seen.macs[mac] = host
		return mac
	}
	return ""
}

// use reads the ranges of the addresses that the cluster's daemons use. Every
// machine that runs the daemon must have an address in the range.
func (v *validation) use() {
	field := v.spec.Network.Use
	v.c.Use.Etcd = v.useRange(field.Etcd, v.c.Members(), "etcd")
	v.c.Use.APIServer = v.useRange(field.APIServer, v.c.APIServers(), "the API server")
	if p := v.c.Use.APIServer; p.IsValid() && len(v.c.Services) > 0 && !sameFamily(p.Addr(), v.c.Services[0].Addr()) {
		v.fault(field.APIServer.At, fmt.Sprintf("%s is %s, and the first service range is %s: API servers advertise addresses of that family", p, family(p.Addr()), v.c.Services[0]),
			"write a range of the other family")
		v.c.Use.APIServer = netip.Prefix{}
	}
	for _, item := range field.HAProxy.Items {
		p := v.useRange(item, v.c.HAProxyHosts(), "HAProxy")
		if !p.IsValid() {
			continue
		}
		if i := slices.IndexFunc(v.c.Use.HAProxy, func(o netip.Prefix) bool { return sameFamily(o.Addr(), p.Addr()) }); i >= 0 {
			v.fault(item.At, fmt.Sprintf("%s is a second %s range, beside %s: there is one of each family", p, family(p.Addr()), v.c.Use.HAProxy[i]), "keep one of the two")
			continue
		}
		v.c.Use.HAProxy = append(v.c.Use.HAProxy, p)
	}
	if at := field.HAProxy.At; at.Written() && len(field.HAProxy.Items) == 0 {
		v.fault(at, "is empty", "write the range in which clients reach HAProxy, or remove it to listen on all addresses")
	}
	if at := field.HAProxy.At; at.Written() && len(v.c.HAProxyHosts()) == 0 {
		v.warn(at, "hagen makes no load balancer for this cluster, so it has no effect", "remove it")
	}
}

// useRange reads a range in which each of the hosts has an address; the zero Prefix
// when faulty.
func (v *validation) useRange(field spec.Text, hosts []Host, daemon string) netip.Prefix {
	if !field.At.Written() {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(field.Value)
	switch {
	case err != nil:
		problem, remedy := spec.Quote(field.Value)+" is not a range of addresses", "write the network in which the machines have the address, for example 10.10.10.0/24"
		if a, err := netip.ParseAddr(field.Value); err == nil {
			remedy = "write the network, for example " + usualNetwork(a).String()
		}
		v.fault(field.At, problem, remedy)
		return netip.Prefix{}
	case p != p.Masked():
		v.fault(field.At, fmt.Sprintf("%s is an address within a range", p), "write the range: "+p.Masked().String())
		return netip.Prefix{}
	}
	without := hostsThat(hosts, func(h Host) bool { return len(h.Addresses) > 0 && !slices.ContainsFunc(h.Addresses, p.Contains) })
	if without != "" {
		v.fault(field.At, fmt.Sprintf("no address of %s is in %s, for %s to use", without, p, daemon), "write a range in which every machine has one, or add the addresses")
		return netip.Prefix{}
	}
	return p
}
