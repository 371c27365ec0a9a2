package network

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/node"
)

// Config returns interfaces as cloud-init's network-config of version 2, which
// netplan reads, too; nil if there are none, or if nothing identifies one of
// them: a card that is not listed gets no network at all, so the image decides
// then. accept-ra and link-local keep a
// boot from waiting for a router's advertisement. Since 23.1 cloud-init calls
// gateway4 and gateway6 deprecated and reports that the boot is degraded. So
// IPv4 has routes, to 0.0.0.0/0: 22.4 fails at `default`. IPv6 has gateway6
// nevertheless: 22.4 makes a route to ::/64 of one to ::/0. An interface that
// its MAC address identifies gets its own name here, or a new one: most
// renderers match the name, too.
func Config(interfaces []node.Interface) []byte {
	return config(interfaces, func(g netip.Addr) string {
		if Family(g) == 6 {
			return fmt.Sprintf("gateway6: %q", g)
		}
		return fmt.Sprintf("routes: [{to: %q, via: %q}]", anywhere, g)
	})
}

// anywhere is the destination of an IPv4 default route.
const anywhere = "0.0.0.0/0"

// IsConfig reports whether a text is what Config returns, or what earlier
// releases of hagen have written.
func IsConfig(text []byte, interfaces []node.Interface) bool {
	return bytes.Equal(text, Config(interfaces)) || bytes.Equal(text, config(interfaces, func(g netip.Addr) string {
		return fmt.Sprintf("gateway%d: %q", Family(g), g)
	}))
}

// config writes each default route as route does.
func config(interfaces []node.Interface, route func(netip.Addr) string) []byte {
	if len(interfaces) == 0 || slices.ContainsFunc(interfaces, isOthers) {
		return nil
	}
	var b strings.Builder
	line := func(depth int, format string, args ...any) {
		fmt.Fprintf(&b, strings.Repeat("  ", depth)+format+"\n", args...)
	}
	line(0, "# Made by hagen. Do not edit: change the cluster file and render again.")
	line(0, "version: 2")
	line(0, "ethernets:")
	free := freeNames("lan", interfaces)
	for _, i := range interfaces {
		name := i.Name
		if name == "" {
			name = free()
		}
		line(1, "%q:", name)
		if i.MAC != "" {
			line(2, "match: {macaddress: %q}", i.MAC)
		}
		if dynamic(i) {
			line(2, "dhcp4: %t", slices.Contains(i.DHCP, 4))
			line(2, "dhcp6: %t", slices.Contains(i.DHCP, 6))
			continue
		}
		if i.MAC != "" {
			line(2, "set-name: %q", name)
		}
		line(2, "dhcp4: false")
		line(2, "dhcp6: false")
		line(2, "accept-ra: false")
		local := "[]"
		if len(addresses(i, 6)) > 0 {
			local = "[ipv6]"
		}
		line(2, "link-local: %s", local)
		line(2, "addresses: [%s]", quoted(i.Addresses))
		for _, g := range i.Gateways {
			line(2, "%s", route(g))
		}
		if len(i.Nameservers) > 0 {
			line(2, "nameservers: {addresses: [%s]}", quoted(i.Nameservers))
		}
	}
	return []byte(b.String())
}

// freeNames returns a function for names that no interface has: lan0, lan1.
func freeNames(begin string, interfaces []node.Interface) func() string {
	n := -1
	return func() string {
		for {
			n++
			name := fmt.Sprint(begin, n)
			if !slices.ContainsFunc(interfaces, func(i node.Interface) bool { return i.Name == name }) {
				return name
			}
		}
	}
}

// quoted writes a list for YAML: an IPv6 address contains colons.
func quoted[T fmt.Stringer](values []T) string {
	var texts []string
	for _, v := range values {
		texts = append(texts, fmt.Sprintf("%q", v.String()))
	}
	return strings.Join(texts, ", ")
}
