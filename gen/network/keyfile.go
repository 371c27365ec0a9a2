package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/node"
)

// overCloudInit makes NetworkManager prefer a file to the one that cloud-init
// makes from network-config, whose priority is 120 or was 999 (cloud-init's
// renderers network_manager and sysconfig). 999 is the highest.
const overCloudInit = 999

// below makes NetworkManager prefer any other file, as with the connections
// that it makes by itself.
const below = -999

// keyfile writes an interface as NetworkManager reads it
// (nm-settings-keyfile(5)), with keys in nmcli's order. A family without
// addresses is disabled: with `auto` NetworkManager would wait for a router.
// The machine is not online before both families are.
func keyfile(i node.Interface) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	priority := overCloudInit
	if isOthers(i) {
		priority = below
	}
	line("[connection]\nid=%s\ntype=ethernet\nautoconnect-priority=%d", ID(i), priority)
	switch {
	case isOthers(i):
		line("multi-connect=3") // for several cards at a time
	case i.MAC == "":
		line("interface-name=%s", i.Name)
	}
	line("\n[ethernet]")
	if i.MAC != "" {
		line("mac-address=%s", i.MAC)
	}
	for _, family := range []int{4, 6} {
		line("\n[ipv%d]", family)
		if dynamic(i) {
			if slices.Contains(i.DHCP, family) && !isOthers(i) {
				line("may-fail=false")
			}
			line("method=auto")
			continue
		}
		own := addresses(i, family)
		if len(own) == 0 {
			line("method=disabled")
			continue
		}
		for n, a := range own {
			gateway, found := Gateway(i, family)
			if n == 0 && found {
				line("address1=%s,%s", a, gateway)
			} else {
				line("address%d=%s", n+1, a)
			}
		}
		dns := ""
		for _, n := range i.Nameservers {
			if Family(n) == family {
				dns += n.String() + ";"
			}
		}
		if dns != "" {
			line("dns=%s", dns)
		}
		line("may-fail=false\nmethod=manual")
	}
	return []byte(b.String())
}

// readKeyfile reads what keyfile writes.
func readKeyfile(text []byte) node.Interface {
	var i node.Interface
	var required []int
	auto := false
	for _, e := range entries(text) {
		switch {
		case e.key == "may-fail" && e.section == "ipv4":
			required = append(required, 4)
		case e.key == "may-fail" && e.section == "ipv6":
			required = append(required, 6)
		case e.key == "method" && e.value == "auto":
			auto = true
		case e.key == "interface-name":
			i.Name = e.value
		case e.key == "mac-address":
			i.MAC = e.value
		case strings.HasPrefix(e.key, "address"):
			address, gateway, _ := strings.Cut(e.value, ",")
			add(&i.Addresses, address, netip.ParsePrefix)
			add(&i.Gateways, gateway, netip.ParseAddr)
		case e.key == "dns":
			for n := range strings.SplitSeq(e.value, ";") {
				add(&i.Nameservers, n, netip.ParseAddr)
			}
		}
	}
	switch {
	case auto && isOthers(i):
		i.DHCP = Others().DHCP
	case auto:
		i.DHCP = required
	}
	return i
}
