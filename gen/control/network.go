package control

import (
	"fmt"

	"hagen/gen/cluster"
	"hagen/gen/network"
	"hagen/gen/node"
)

// Interfaces returns the interfaces that a machine's document configures: those with
// static addresses and, beside them, those that DHCP configures. A machine without static
// addresses leaves all to its image.
func Interfaces(h cluster.Host) []node.Interface {
	var all []node.Interface
	for _, i := range h.Interfaces {
		all = append(all, node.Interface{Name: i.Name, MAC: i.MAC, Addresses: i.Addresses, Gateways: i.Gateways, Nameservers: i.Nameservers})
	}
	unidentified := false
	for _, d := range h.Dynamic {
		if d.MAC == "" {
			unidentified = true
			continue
		}
		all = append(all, node.Interface{MAC: d.MAC, DHCP: d.Families})
	}
	if unidentified {
		all = append(all, network.Others())
	}
	return all
}

// interfaces returns the files of a machine's interfaces with static addresses, and
// those of its NTP servers.
func interfaces(s hostContext) node.Node {
	var n node.Node
	statics := len(s.host.Interfaces)
	for at, i := range Interfaces(s.host) {
		f := network.File(i, s.host.OS.Network)
		f.Origin = node.Origin{Section: sectionMachine, From: "addresses"}
		if at < statics {
			where := s.host.Interfaces[at].At
			f.From = fmt.Sprintf("%s at line %d", where.Path, where.Line)
		}
		switch at {
		case 0:
			f.Why = "static addresses: boot does not wait for DHCP or a router advertisement"
		case statics:
			f.Why = "beside static addresses: the image need not configure what it finds no file for"
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
