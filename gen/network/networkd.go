package network

import (
	"fmt"
	"net/netip"
	"strings"

	"hagen/gen/node"
)

// networkdFile writes an interface as systemd-networkd reads it
// (systemd.network(5)). It does not wait for router advertisements: that would
// delay network-online.target, and all that needs it, by 12 seconds. An
// interface without IPv6 has no link-local address either; one with IPv6 needs
// it to find its neighbours (RFC 4291, 2.8).
func networkdFile(i node.Interface) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("[Match]")
	switch {
	case isOthers(i):
		// Nothing waits for a card that has no cable.
		line("Name=%s\n\n[Link]\nRequiredForOnline=no", otherNames)
	case i.MAC != "":
		// A VLAN or a bridge on top of the interface has the same address.
		line("MACAddress=%s\nType=ether", i.MAC)
	default:
		line("Name=%s", i.Name)
	}
	line("\n[Network]")
	if dynamic(i) {
		line("DHCP=%s", dhcpWord(i.DHCP))
		return []byte(b.String())
	}
	for _, a := range i.Addresses {
		line("Address=%s", a)
	}
	for _, g := range i.Gateways {
		line("Gateway=%s", g)
	}
	for _, n := range i.Nameservers {
		line("DNS=%s", n)
	}
	local := "no"
	if len(addresses(i, 6)) > 0 {
		local = "ipv6"
	}
	line("DHCP=no\nIPv6AcceptRA=no\nLinkLocalAddressing=%s", local)
	return []byte(b.String())
}

// otherNames are the names that systemd gives Ethernet cards, and the kernel.
const otherNames = "en* eth*"

// dhcpWord says which families DHCP configures.
func dhcpWord(families []int) string {
	if len(families) > 1 {
		return "yes"
	}
	return fmt.Sprintf("ipv%d", families[0])
}

// readNetworkdFile reads what networkdFile writes.
func readNetworkdFile(text []byte) node.Interface {
	var i node.Interface
	for _, e := range entries(text) {
		switch e.section + " " + e.key {
		case "Match Name":
			if e.value != otherNames {
				i.Name = e.value
			}
		case "Match MACAddress":
			i.MAC = e.value
		case "Network DHCP":
			for _, families := range [][]int{{4}, {6}, {4, 6}} {
				if e.value == dhcpWord(families) {
					i.DHCP = families
				}
			}
		case "Network Address":
			add(&i.Addresses, e.value, netip.ParsePrefix)
		case "Network Gateway":
			add(&i.Gateways, e.value, netip.ParseAddr)
		case "Network DNS":
			add(&i.Nameservers, e.value, netip.ParseAddr)
		}
	}
	return i
}
