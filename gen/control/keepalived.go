package control

import (
	"fmt"
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

// virtualAddress is what a machine needs to take part in holding the virtual
// IP: keepalived and its configuration. No key.
func virtualAddress(s site) node.Node {
	n := accounts([]account{{name: userVRRP, home: "/nonexistent", why: "asks HAProxy whether it serves; keepalived itself is root"}})
	n.Directories = []node.Directory{directory(sectionKeepalived, keepalivedDir, "", 0o755)}
	config := text(sectionKeepalived, "keepalived.conf", "", keepalivedConfig, keepalivedText(s))
	config.Overwrite = true // a distribution's package brings one
	n.Files = []node.File{
		text(sectionKeepalived, "keepalived interface", "on which interface this machine's address is: its name is known at boot only", interfaceScript, interfaceText(s)),
		config,
		text(sectionKeepalived, "keepalived check", "", keepalivedCheck, checkText(s)),
	}
	return n
}

// keepalivedDaemon starts after HAProxy, so that at a shutdown it stops
// first: the virtual IP has moved when HAProxy ends. It keeps the
// capabilities for addresses, raw sockets and a script under another user.
var keepalivedDaemon = daemon{
	name: "keepalived", section: sectionKeepalived, product: productKeepalived,
	description: "keepalived: the virtual IP of the API servers", documentation: "https://www.keepalived.org/manpage.html",
	unit: []string{"Wants=network-online.target haproxy.service", "After=network-online.target haproxy.service", noStartLimit},
	before: []string{"Type=exec", "RuntimeDirectory=" + strings.TrimPrefix(keepalivedRun, "/run/"),
		"ExecStartPre=/bin/sh " + interfaceScript + " " + interfaceConfig},
	args: fmt.Sprintf(" --dont-fork --log-console --no-syslog --vrrp --use-file=%s --pid=%s/keepalived.pid --vrrp_pid=%[2]s/vrrp.pid", keepalivedConfig, keepalivedRun),
	after: func(site) []string {
		return lines([]string{"ExecReload=/bin/kill -HUP $MAINPID", "KillMode=mixed"}, always,
			[]string{"CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BROADCAST CAP_SETUID CAP_SETGID CAP_KILL CAP_DAC_READ_SEARCH"}, hardening())
	},
}

// keepalivedText is the configuration of one machine. The times are measured
// (docs/load-balancing.md): the virtual IP moves 1.4 s after a power loss and
// 2.3 s after HAProxy hangs.
func keepalivedText(s site) string {
	var peers []string
	for _, f := range s.Fronts() {
		if f.Name != s.host.Name {
			peers = append(peers, "        "+f.Address().String())
		}
	}
	place := slices.IndexFunc(s.Fronts(), func(f cluster.Host) bool { return f.Name == s.host.Name })
	return fmt.Sprintf(`include %[1]s

global_defs {
    router_id %[2]s
    # Version 3 alone knows adverts more often than once a second. It has no
    # authentication, and version 2's was plain text: whoever can send to this
    # network can take the virtual IP. TLS is what protects the API.
    vrrp_version 3
    enable_script_security
    script_user %[3]s
}

# HAProxy itself is asked, by its monitor URI. Asking through it, an API
# server, would take the virtual IP away from every machine when a master fails.
vrrp_script haproxy_serves {
    script "/bin/bash %[4]s"
    interval 1
    timeout 1
    fall 1
    rise 2
}

vrrp_instance api_servers {
    # Nobody begins as master, and who comes back does not take the virtual IP
    # away from who has it: every move cuts connections.
    state BACKUP
    nopreempt
    interface $INTERFACE
    virtual_router_id %[5]d
    priority %[6]d
    advert_int 0.5
    # Between machines that are named: no multicast, which clouds and many
    # switches drop.
    unicast_src_ip %[7]s
    unicast_peer {
%[8]s
    }
    virtual_ipaddress {
        %[9]s dev $INTERFACE
    }
    # Failed, it is out at once. With a weight it would only become less
    # important, and the others wait three adverts before they believe it.
    track_script {
        haproxy_serves
    }
}
`, interfaceConfig, s.host.Name, userVRRP, keepalivedCheck, s.Balancing.RouterID, 200-place,
		s.host.Address(), strings.Join(peers, "\n"), s.Balancing.VirtualIP)
}

// checkText asks HAProxy without any program that an operating system may
// lack. It has a second (timeout): a hung HAProxy accepts and never answers.
func checkText(s site) string {
	return fmt.Sprintf(`# Does HAProxy answer? Run by keepalived every second.
exec 3<>/dev/tcp/127.0.0.1/%d || exit 1
printf 'GET /alive HTTP/1.0\r\n\r\n' >&3
read -r -t 0.9 -u 3 answer && [[ $answer == HTTP/1.?' 200 '* ]]
`, s.Balancing.StatsPort)
}

// interfaceText finds the interface by the address that the machine is known
// by; names of interfaces depend on hardware and operating system.
func interfaceText(s site) string {
	return fmt.Sprintf(`# Writes which interface has this machine's address. Run by keepalived.service.
name=$(ip -o addr show to %[1]s | { read -r _ name _ && echo "${name%%%%@*}"; })
if [ -z "$name" ]; then
  echo "hagen: no interface has the address %[1]s, which the cluster file gives this machine" >&2
  exit 1
fi
echo "\$INTERFACE=$name" >"$1"
`, s.host.Address())
}
