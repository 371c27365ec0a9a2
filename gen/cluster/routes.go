package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/spec"
	"hagen/profiles"
)

// gateways reads default gateways: at most one of each family.
func (v *validation) gateways(list spec.List[spec.Text]) []placed[netip.Addr] {
	var out []placed[netip.Addr]
	for _, field := range list.Items {
		a := v.router(field)
		if !a.IsValid() {
			continue
		}
		if i := slices.IndexFunc(out, func(t placed[netip.Addr]) bool { return sameFamily(t.value, a) }); i >= 0 {
			v.fault(field.At, fmt.Sprintf("%s is a second %s gateway, beside %s: there is only one default route", a, family(a), out[i].value), "keep one of the two")
			continue
		}
		out = append(out, placed[netip.Addr]{a, field.At})
	}
	slices.SortStableFunc(out, func(a, b placed[netip.Addr]) int { return byFamily(a.value, b.value) })
	return out
}

// router reads a gateway's address. For IPv6 it may be link-local.
func (v *validation) router(field spec.Text) netip.Addr {
	a, err := netip.ParseAddr(field.Value)
	if err == nil && a.Is6() && !a.Is4In6() && a.IsLinkLocalUnicast() && a.Zone() == "" {
		return a
	}
	return v.address(field)
}

// nameservers reads the addresses of DNS servers.
func (v *validation) nameservers(list spec.List[spec.Text]) []placed[netip.Addr] {
	var out []placed[netip.Addr]
	if !v.atMost(list.At, len(list.Items), maxNameservers, "write two or three: a resolver asks the next when one does not answer") {
		return nil
	}
	for _, field := range list.Items {
		a := v.address(field)
		if !a.IsValid() {
			continue
		}
		if i := slices.IndexFunc(out, func(t placed[netip.Addr]) bool { return t.value == a }); i >= 0 {
			v.fault(field.At, fmt.Sprintf("%s is written a second time (first on line %d)", a, out[i].at.Line), "keep one of the two")
			continue
		}
		out = append(out, placed[netip.Addr]{a, field.At})
	}
	slices.SortStableFunc(out, func(a, b placed[netip.Addr]) int { return byFamily(a.value, b.value) })
	return out
}

// clocks reads NTP servers: names or addresses.
func (v *validation) clocks(list spec.List[spec.String]) []string {
	if !v.atMost(list.At, len(list.Items), maxClocks, "write three or four") {
		return nil
	}
	var out []string
	for _, field := range list.Items {
		if !field.At.Written() {
			continue
		}
		_, err := netip.ParseAddr(field.Value)
		switch {
		case slices.Contains(out, field.Value):
			v.fault(field.At, spec.Quote(field.Value)+" is written a second time", "keep one of the two")
		case err == nil:
			if a := v.address(spec.Text(field)); a.IsValid() {
				out = append(out, a.String())
			}
		case numericEnd().MatchString(field.Value):
			v.fault(field.At, spec.Quote(field.Value)+" is neither a DNS name nor an address", "write for example ntp.example.com, without a port")
		case v.name(field, maxDNSName, "ntp.example.com"):
			out = append(out, field.Value)
		}
	}
	return out
}

// reaches faults a gateway outside of the interface's networks, which would be
// unreachable. A link-local address is in every network.
func (v *validation) reaches(g placed[netip.Addr], i Interface) bool {
	if problem := unreachable(g.value, i); problem != "" {
		v.fault(g.at, problem, "write the router's address in the machine's network")
		return false
	}
	return true
}

// misses reports whether one of the written addresses is faulty. What the interface
// reaches is then unknown.
func (i Interface) misses(written spec.List[spec.Text]) bool {
	return len(i.Addresses) < len(written.Items)
}

// unreachable says why an interface cannot have a gateway; "" if it can.
func unreachable(gateway netip.Addr, i Interface) string {
	var networks []string
	for _, p := range i.Addresses {
		switch {
		case !sameFamily(p.Addr(), gateway):
		case p.Addr() == gateway:
			return fmt.Sprintf("%s is the machine itself", gateway)
		case gateway.IsLinkLocalUnicast():
			return ""
		case gateway.Is4() && p.Contains(gateway) && isNetworkOrBroadcast(netip.PrefixFrom(gateway, p.Bits())):
			return fmt.Sprintf("%s is the network or broadcast address of %s", gateway, p.Masked())
		case p.Contains(gateway):
			return ""
		default:
			networks = append(networks, p.Masked().String())
		}
	}
	if len(networks) == 0 {
		return fmt.Sprintf("%s is %s, and the interface has no such address", gateway, family(gateway))
	}
	return fmt.Sprintf("%s is not in %s, the network of the interface", gateway, strings.Join(networks, " or "))
}

// inherit fills a machine's first interface with what spec.network says for all.
func (v *validation) inherit(i *Interface, field spec.Host, gateways, nameservers []placed[netip.Addr]) {
	has := func(a netip.Addr) bool {
		return slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return sameFamily(p.Addr(), a) })
	}
	for _, g := range gateways {
		if field.Gateway.At.Written() || !has(g.value) || i.misses(field.Addresses) {
			continue
		}
		if problem := unreachable(g.value, *i); problem != "" {
			v.fault(field.Addresses.At, fmt.Sprintf("%s (line %d)", problem, g.at.Line), "write the machine's own gateway beside the address, or gateway: [] if it has none")
			continue
		}
		i.Gateways = append(i.Gateways, g.value)
	}
	for _, n := range nameservers {
		if !field.Nameservers.At.Written() && has(n.value) {
			i.Nameservers = append(i.Nameservers, n.value)
		}
	}
}

// routed reports whether a machine has a default route or deliberately has none. It
// faults a machine with two default routes of one family.
func (v *validation) routed(h Host, field spec.Host) bool {
	found := map[bool]netip.Addr{}
	for _, i := range h.Interfaces {
		for _, g := range i.Gateways {
			if first, twice := found[g.Is4()]; twice {
				v.fault(i.At, fmt.Sprintf("%s is a second %s gateway of %s, beside %s: a machine has one default route", g, family(g), h.Name, first), "keep one of the two; gateway: [] ignores that of spec.network")
			}
			found[g.Is4()] = g
		}
	}
	return len(found) > 0 || field.Gateway.At.Written() || len(h.Interfaces) < len(h.Addresses) && !v.allStatic(h)
}

// allStatic reports whether all addresses of a machine are static.
func (v *validation) allStatic(h Host) bool {
	n := 0
	for _, i := range h.Interfaces {
		n += len(i.Addresses)
	}
	return n == len(h.Addresses)
}

// networks fills in what all machines have in common, and checks each machine as a
// whole: it has one default route per family.
func (v *validation) networks() {
	n := v.spec.Network
	gateways, nameservers, clocks := v.gateways(n.Gateway), v.nameservers(n.Nameservers), v.clocks(n.NTP)
	statics := 0
	var without []Host
	var written []spec.Host
	for _, r := range roles {
		written = append(written, slices.DeleteFunc(slices.Clone(r.hosts(v.spec).Items), func(h spec.Host) bool { return !h.At.Written() })...)
	}
	for at, field := range written {
		h := &v.c.Machines[at]
		if !field.NTP.At.Written() {
			h.Clocks = clocks
		}
		if len(h.Interfaces) == 0 {
			continue
		}
		statics++
		if first := &h.Interfaces[0]; first.At == field.At {
			v.inherit(first, field, gateways, nameservers)
		}
		if !v.routed(*h, field) {
			without = append(without, *h)
		}
		for i := range h.Interfaces {
			slices.SortStableFunc(h.Interfaces[i].Addresses, func(a, b netip.Prefix) int { return byFamily(a.Addr(), b.Addr()) })
		}
	}
	v.sizes()
	v.warnOfOverlaps()
	v.warnOfKernelArguments()
	v.noteUnlisted()
	if len(without) > 0 {
		hosts := strings.Join(names(without, func(h Host) string { return h.Name }), ", ")
		v.warn(without[0].At, "no gateway for "+hosts+": without one, a machine reaches nothing outside of its own networks", "add gateway, or write gateway: [] where that is intended")
	}
	for _, at := range []spec.At{n.Gateway.At, n.Nameservers.At} {
		if at.Written() && statics == 0 {
			v.warn(at, "no machine has a static address, so it has no effect", "write addresses with their prefix lengths, or remove it")
		}
	}
}

// sizes warns of machines in one network with different prefix lengths: each would
// send packets for some of the others to its gateway. Each is compared with the first.
func (v *validation) sizes() {
	var seen []placed[netip.Prefix]
	for _, h := range v.c.Hosts() {
		for _, i := range h.Interfaces {
			for _, p := range i.Addresses {
				other := slices.IndexFunc(seen, func(s placed[netip.Prefix]) bool { return s.value.Overlaps(p) && s.value.Bits() != p.Bits() })
				if other >= 0 {
					v.warn(i.At, fmt.Sprintf("%s and %s (line %d) have different prefix lengths in one network", p, seen[other].value, seen[other].at.Line), "write the same prefix length for all machines of a network")
					continue
				}
				seen = append(seen, placed[netip.Prefix]{p, i.At})
			}
		}
	}
}

// warnOfOverlaps warns of a machine's network that overlaps a range of services or pods:
// the machine would look for their addresses on its own network.
func (v *validation) warnOfOverlaps() {
	var overlaps faultGroups[[2]string]
	for _, h := range v.c.Hosts() {
		for _, i := range h.Interfaces {
			for _, p := range i.Addresses {
				in := slices.DeleteFunc(slices.Concat(v.c.Services, v.c.Pods), func(r netip.Prefix) bool { return !p.Overlaps(r) })
				if len(in) > 0 {
					overlaps.add([2]string{p.Masked().String(), strings.Join(names(in, netip.Prefix.String), ", ")}, i.At, h)
				}
			}
		}
	}
	for _, g := range overlaps {
		v.warn(g.at, fmt.Sprintf("%s, the network of %s, overlaps %s, a range of services or pods", g.what[0], g.names(), g.what[1]), "write the network's own prefix length, or another range")
	}
}

// noteUnlisted says which machines cloud-init sets up in its last stage alone: its
// network-config has to list all cards, and cannot name one of them.
func (v *validation) noteUnlisted() {
	var unlisted faultGroups[string]
	for _, h := range v.c.Hosts() {
		for _, d := range h.Dynamic {
			if d.MAC == "" && h.OS.Family() == profiles.CloudInit {
				unlisted.add("", d.At, h)
			}
		}
	}
	for _, g := range unlisted {
		v.note(g.at, fmt.Sprintf("nothing identifies this card of %s, and network-config has to list all cards or none: there is none, the image sets up the network, and static addresses come in cloud-init's last stage", g.names()),
			"if you know its MAC address, write mac beside this address")
	}
}

// warnOfKernelArguments warns of machines for which no kernel argument can name the interface
// of their network.
func (v *validation) warnOfKernelArguments() {
	var unnamed faultGroups[string]
	for _, h := range v.c.Hosts() {
		for _, i := range h.Interfaces {
			if i.Name == "" && h.OS.BootMAC == "" && h.OS.Family() != profiles.CloudInit {
				unnamed.add(h.OS.Summary, i.At, h)
			}
		}
	}
	for _, g := range unnamed {
		v.warn(g.at, fmt.Sprintf("%s has no kernel argument that names an interface by its MAC address: %s cannot fetch a document over this interface", g.what, g.names()), "write interface beside mac, or give the machine its document without a network")
	}
}
