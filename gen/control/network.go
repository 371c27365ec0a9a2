package control

import (
	"fmt"
	"path"
	"strings"

	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/profiles"
)

// interfaces are the files of a machine's interfaces with static addresses, and
// the one with its NTP servers.
func interfaces(s site) node.Node {
	var n node.Node
	for at, i := range s.host.Interfaces {
		f := network.File(node.Interface{Name: i.Name, MAC: i.MAC, Addresses: i.Addresses, Gateways: i.Gateways, Nameservers: i.Nameservers}, s.host.OS.Network)
		f.Origin = node.Origin{Section: sectionMachine, From: fmt.Sprintf("%s at line %d", i.At.Path, i.At.Line)}
		if at == 0 {
			f.Why = "static addresses: nothing waits for DHCP or for a router's advertisement"
		}
		n.Files = append(n.Files, f)
	}
	if len(s.host.Clocks) > 0 {
		n.Files = append(n.Files, clockFile(s))
	}
	return n
}

// clockFiles are rows: what tells a clock's program its servers. chrony's
// names a file of its own as the only one that it reads, so it is written
// whole, with Fedora's other lines (chrony, chrony.conf.default; a machine that
// boots with a wrong clock steps it once, since no certificate is valid then).
// timesyncd's is read beside the system's.
var clockFiles = map[string]struct {
	path, contents string // %s is the list of servers
	server         string // how one is written
	overwrite      bool
}{
	profiles.Chrony: {
		path: "/etc/chrony.conf", server: "server %s iburst\n", overwrite: true,
		contents: "%sdriftfile /var/lib/chrony/drift\nmakestep 1.0 3\nrtcsync\nntsdumpdir /var/lib/chrony\nlogdir /var/log/chrony\n",
	},
	profiles.Timesyncd: {path: "/etc/systemd/timesyncd.conf.d/hagen.conf", server: " %s", contents: "[Time]\nNTP=%s\n"},
}

func clockFile(s site) node.File {
	row := clockFiles[s.host.OS.Clock]
	var servers strings.Builder
	for _, c := range s.host.Clocks {
		fmt.Fprintf(&servers, row.server, c)
	}
	f := text(sectionMachine, "ntp", "certificates are valid from a moment on: "+path.Base(s.host.OS.Clock)+" knows when that is", row.path,
		fmt.Sprintf(row.contents, strings.TrimPrefix(servers.String(), " ")))
	f.Overwrite = row.overwrite
	return f
}
