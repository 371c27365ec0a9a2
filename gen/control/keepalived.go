package control

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/node"
)

const (
	userVRRP         = "keepalived_script"
	keepalivedDir    = "/etc/keepalived"
	keepalivedConfig = keepalivedDir + "/keepalived.conf"
	keepalivedCheck  = keepalivedDir + "/haproxy-serves.sh"
	keepalivedRun    = "/run/hagen-keepalived"
	interfaceScript  = hagenDir + "/interface.sh"
	interfaceConfig  = keepalivedRun + "/interface.conf"
)

// virtualAddress returns what a machine needs to be able to hold the virtual IP:
// keepalived and its configuration. It holds no key.
func virtualAddress(s hostContext) node.Node {
	n := accounts([]account{{name: userVRRP, home: "/nonexistent", why: "asks HAProxy whether it serves; keepalived itself runs as root"}})
	n.Directories = []node.Directory{directory(sectionKeepalived, keepalivedDir, "", 0o755)}
	config := publicFile(sectionKeepalived, "keepalived.conf", "", keepalivedConfig, keepalivedText(s))
	config.Overwrite = true // a distribution's package brings one
	n.Files = []node.File{
		publicFile(sectionKeepalived, "keepalived interface", "finds the interface of this machine's address: its name is known only at boot", interfaceScript, interfaceText(s)),
		config,
		publicFile(sectionKeepalived, "keepalived check", "", keepalivedCheck, checkText(s)),
	}
	return n
}

// keepalivedDaemon starts after HAProxy, so that it stops first at a shutdown: the
// virtual IP has moved when HAProxy ends. It keeps the capabilities for addresses,
// raw sockets and a script under another user.
var keepalivedDaemon = daemon{
	name: "keepalived", section: sectionKeepalived, product: productKeepalived,
	description: "keepalived: the virtual IP of the API servers", documentation: "https://www.keepalived.org/manpage.html",
	unit: []string{"Wants=network-online.target haproxy.service", "After=network-online.target haproxy.service", noStartLimit},
	before: []string{"Type=exec", "RuntimeDirectory=" + strings.TrimPrefix(keepalivedRun, "/run/"),
		"ExecStartPre=/bin/sh " + interfaceScript + " " + interfaceConfig},
	args: fmt.Sprintf(" --dont-fork --log-console --no-syslog --vrrp --use-file=%s --pid=%s/keepalived.pid --vrrp_pid=%[2]s/vrrp.pid", keepalivedConfig, keepalivedRun),
	after: func(hostContext) []string {
		return lines([]string{"ExecReload=/bin/kill -HUP $MAINPID", "KillMode=mixed"}, always,
			[]string{"CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BROADCAST CAP_SETUID CAP_SETGID CAP_KILL CAP_DAC_READ_SEARCH"}, hardening())
	},
}

// router is the virtual router of one family, which holds its virtual IP.
type router struct {
	Suffix            string // distinguishes a machine's second router from its first
	VirtualIP, Source netip.Addr
	Peers             []netip.Addr
}

// routers returns the virtual routers of a machine.
func routers(s hostContext) []router {
	var out []router
	for i, vip := range s.Balancing.VirtualIPs {
		r := router{VirtualIP: vip, Source: s.vrrpSource(s.host, vip)}
		if i > 0 {
			r.Suffix = "_2"
		}
		for _, f := range s.HAProxyHosts() {
			if f.Name != s.host.Name {
				r.Peers = append(r.Peers, s.vrrpSource(f, vip))
			}
		}
		out = append(out, r)
	}
	return out
}

// keepalivedText writes the configuration of one machine.
func keepalivedText(s hostContext) string {
	place := slices.IndexFunc(s.HAProxyHosts(), func(f cluster.Host) bool { return f.Name == s.host.Name })
	return fill("keepalived.conf.tmpl", values{
		"Interface": interfaceConfig, "Name": s.host.Name, "User": userVRRP, "Check": keepalivedCheck,
		"RouterID": s.Balancing.RouterID, "Priority": 200 - place, "Routers": routers(s),
	})
}

// vrrpSource returns the address from which a machine announces a virtual IP: one of
// the same family, in the same network if it has one there.
func (s hostContext) vrrpSource(h cluster.Host, vip netip.Addr) netip.Addr {
	var own []netip.Addr
	for _, a := range slices.Concat(s.FrontAddresses(h), h.Addresses) {
		if a.Is4() == vip.Is4() {
			own = append(own, a)
		}
	}
	if i := slices.IndexFunc(own, func(a netip.Addr) bool { return s.OneNetwork(a, vip) }); i >= 0 {
		return own[i]
	}
	return own[0]
}

// checkText writes the script that asks HAProxy whether it serves.
func checkText(s hostContext) string {
	return fill("haproxy-serves.sh.tmpl", values{"Address": s.loopback(), "Port": s.Balancing.StatsPort})
}

// interfaceText writes the script that finds a machine's interface, or those of both
// families.
func interfaceText(s hostContext) string {
	template := "interface.sh.tmpl"
	if len(s.Balancing.VirtualIPs) > 1 {
		template = "interfaces.sh.tmpl"
	}
	return fill(template, values{"Routers": routers(s)})
}
