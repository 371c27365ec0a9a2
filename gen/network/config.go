package network

import (
	"fmt"
	"strings"

	"hagen/gen/node"
)

// Config writes interfaces as cloud-init's network-config of version 2, which
// netplan reads, too; nil if there are none. accept-ra and link-local keep a
// boot from waiting for a router's advertisement.
func Config(interfaces []node.Interface) []byte {
	if len(interfaces) == 0 {
		return nil
	}
	var b strings.Builder
	line := func(depth int, format string, args ...any) {
		fmt.Fprintf(&b, strings.Repeat("  ", depth)+format+"\n", args...)
	}
	line(0, "version: 2\nethernets:")
	for _, i := range interfaces {
		line(1, "%q:", ID(i))
		if i.MAC != "" {
			line(2, "match: {macaddress: %q}", i.MAC)
		}
		line(2, "dhcp4: false\n    dhcp6: false\n    accept-ra: false")
		local := "[]"
		if len(addresses(i, 6)) > 0 {
			local = "[ipv6]"
		}
		line(2, "link-local: %s", local)
		line(2, "addresses:")
		for _, a := range i.Addresses {
			line(3, "- %q", a)
		}
		if len(i.Gateways) > 0 {
			line(2, "routes:")
		}
		for _, g := range i.Gateways {
			to := map[int]string{4: "0.0.0.0/0", 6: "::/0"}[Family(g)]
			line(3, "- {to: %q, via: %q}", to, g.String())
		}
		if len(i.Nameservers) > 0 {
			line(2, "nameservers:\n      addresses:")
		}
		for _, n := range i.Nameservers {
			line(3, "- %q", n)
		}
	}
	return []byte(b.String())
}
