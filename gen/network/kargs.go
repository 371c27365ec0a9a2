package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/profiles"
)

// bootName begins the names that kernel arguments give interfaces that only
// their MAC address identifies: not as the kernel would (dracut.cmdline(7),
// ifname=).
const bootName = "bootnet"

// Kargs returns the kernel arguments with which a machine has its network
// before it has its document, for its boot medium: one line with its end, or
// nil if its addresses come from DHCP, or if the interface cannot be
// identified. The syntax is dracut.cmdline(7)'s. Readers differ: all know one
// address per family and interface, and Flatcar's takes only the last ip=, so
// IPv4 comes last.
func Kargs(n node.Node, system profiles.OS) []byte {
	var words []string
	nameservers := map[netip.Addr]bool{}
	all := slices.DeleteFunc(Interfaces(n), dynamic)
	free := freeNames(bootName, all)
	for _, i := range all {
		device := i.Name
		switch {
		case device != "":
		case system.BootMAC == profiles.InIP:
			device = dashed(i.MAC)
		case system.BootMAC == profiles.ByName:
			device = free()
			words = append(words, "ifname="+device+":"+i.MAC)
		default:
			continue
		}
		for _, family := range []int{6, 4} {
			if own := addresses(i, family); len(own) > 0 {
				words = append(words, ip(n.Name, device, routed(own, i), i))
			}
		}
		for _, ns := range i.Nameservers {
			if !nameservers[ns] {
				nameservers[ns] = true
				words = append(words, "nameserver="+ns.String())
			}
		}
	}
	if len(words) == 0 {
		return nil
	}
	return []byte(strings.Join(words, " ") + "\n")
}

// routed returns the address of a family that is in the gateway's network;
// else the first.
func routed(own []netip.Prefix, i node.Interface) netip.Prefix {
	if g, found := Gateway(i, Family(own[0].Addr())); found {
		if at := slices.IndexFunc(own, func(p netip.Prefix) bool { return p.Contains(g) }); at >= 0 {
			return own[at]
		}
	}
	return own[0]
}

// ip returns one argument: client, peer, gateway, netmask, host name, device
// and the method.
func ip(host, device string, own netip.Prefix, i node.Interface) string {
	gateway := ""
	if g, found := Gateway(i, Family(own.Addr())); found {
		gateway = bracketed(g)
	}
	return fmt.Sprintf("ip=%s::%s:%s:%s:%s:none", bracketed(own.Addr()), gateway, netmask(own), host, device)
}

// bracketed writes an IPv6 address in brackets, since colons separate fields.
func bracketed(a netip.Addr) string {
	if Family(a) == 4 {
		return a.String()
	}
	return "[" + a.String() + "]"
}

// netmask returns an IPv4 network's mask, or an IPv6 network's prefix length.
func netmask(p netip.Prefix) string {
	if Family(p.Addr()) == 6 {
		return fmt.Sprint(p.Bits())
	}
	mask := ^uint32(0) << (32 - p.Bits())
	return netip.AddrFrom4([4]byte{byte(mask >> 24), byte(mask >> 16), byte(mask >> 8), byte(mask)}).String()
}
