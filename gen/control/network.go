package control

import (
	"fmt"

	"hagen/gen/network"
	"hagen/gen/node"
)

// interfaces returns the files of a machine's interfaces with static addresses, and
// those of its NTP servers.
func interfaces(s hostContext) node.Node {
	var n node.Node
	for at, i := range s.host.Interfaces {
		f := network.File(node.Interface{Name: i.Name, MAC: i.MAC, Addresses: i.Addresses, Gateways: i.Gateways, Nameservers: i.Nameservers}, s.host.OS.Network)
		f.Origin = node.Origin{Section: sectionMachine, From: fmt.Sprintf("%s at line %d", i.At.Path, i.At.Line)}
		if at == 0 {
			f.Why = "static addresses: boot does not wait for DHCP or a router advertisement"
		}
		n.Files = append(n.Files, f)
	}
	if len(s.host.Clocks) == 0 {
		return n
	}
	for _, f := range network.ClockFiles(s.host.Clocks, s.host.OS.Clock) {
		f.Origin = node.Origin{Section: sectionMachine, From: "ntp", Why: "certificates are valid only from a certain time: " + network.ClockUnit(f.Path) + " sets the clock"}
		n.Files = append(n.Files, f)
	}
	return n
}
