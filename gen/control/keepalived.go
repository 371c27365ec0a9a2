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
	var b strings.Builder
	fmt.Fprintf(&b, `include %s

global_defs {
    router_id %s
    # Version 3 alone knows adverts more often than once a second. It has no
    # authentication, and version 2's was plain text: whoever can send to this
    # network can take the virtual IP. TLS is what protects the API.
    vrrp_version 3
    enable_script_security
    script_user %s
}

# HAProxy itself is asked, by its monitor URI. Asking through it, an API
# server, would take the virtual IP away from every machine when a master fails.
vrrp_script haproxy_serves {
    script "/bin/bash %s"
    interval 1
    timeout 1
    fall 1
    rise 2
}
`, interfaceConfig, s.host.Name, userVRRP, keepalivedCheck)
	for i := range s.Balancing.VirtualIPs {
		b.WriteString("\n" + virtualRouter(s, i))
	}
	return b.String()
}

// virtualRouter is what holds the virtual IP of one family: VRRP knows one in
// each message (RFC 5798, 5.2).
func virtualRouter(s site, i int) string {
	vip := s.Balancing.VirtualIPs[i]
	var peers []string
	for _, f := range s.Fronts() {
		if f.Name != s.host.Name {
			peers = append(peers, "        "+s.vrrpSource(f, vip).String())
		}
	}
	place := slices.IndexFunc(s.Fronts(), func(f cluster.Host) bool { return f.Name == s.host.Name })
	which := second(i)
	return fmt.Sprintf(`vrrp_instance api_servers%[1]s {
    # Nobody begins as master, and who comes back does not take the virtual IP
    # away from who has it: every move cuts connections.
    state BACKUP
    nopreempt
    interface $INTERFACE%[1]s
    virtual_router_id %[2]d
    priority %[3]d
    advert_int 0.5
    # Between machines that are named: no multicast, which clouds and many
    # switches drop.
    unicast_src_ip %[4]s
    unicast_peer {
%[5]s
    }
    virtual_ipaddress {
        %[6]s dev $INTERFACE%[1]s
    }
    # Failed, it is out at once. With a weight it would only become less
    # important, and the others wait three adverts before they believe it.
    track_script {
        haproxy_serves
    }
}
`, which, s.Balancing.RouterID, 200-place,
		s.vrrpSource(s.host, vip), strings.Join(peers, "\n"), vip)
}

// second tells a machine's second virtual router from its first.
func second(i int) string {
	if i == 0 {
		return ""
	}
	return "_2"
}

// vrrpSource is the address from which a machine speaks of a virtual IP: of its
// family, and in its network where it has one there.
func (s site) vrrpSource(h cluster.Host, vip netip.Addr) netip.Addr {
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

// checkText asks HAProxy without any program that an operating system may
// lack. It has a second (timeout): a hung HAProxy accepts and never answers.
func checkText(s site) string {
	return fmt.Sprintf(`# Does HAProxy answer? Run by keepalived every second.
exec 3<>/dev/tcp/%s/%d || exit 1
printf 'GET /alive HTTP/1.0\r\n\r\n' >&3
read -r -t 0.9 -u 3 answer && [[ $answer == HTTP/1.?' 200 '* ]]
`, s.loopback(), s.Balancing.StatsPort)
}

// interfaceText finds the interface by the address from which the machine speaks
// of the virtual IP; names of interfaces depend on hardware and operating
// system.
func interfaceText(s site) string {
	if len(s.Balancing.VirtualIPs) > 1 {
		return interfacesText(s)
	}
	return fmt.Sprintf(`# Writes which interface has this machine's address. Run by keepalived.service.
name=$(ip -o addr show to %[1]s | { read -r _ name _ && echo "${name%%%%@*}"; })
if [ -z "$name" ]; then
  echo "hagen: no interface has the address %[1]s, which the cluster file gives this machine" >&2
  exit 1
fi
echo "\$INTERFACE=$name" >"$1"
`, s.vrrpSource(s.host, s.Balancing.VirtualIPs[0]))
}

// interfacesText is the same for an address of each family.
func interfacesText(s site) string {
	var b strings.Builder
	b.WriteString(`# Writes which interfaces have this machine's addresses. Run by keepalived.service.
: >"$1.new"
find() {
  name=$(ip -o addr show to "$2" | { read -r _ name _ && echo "${name%%@*}"; })
  [ -n "$name" ] && echo "\$$1=$name" >>"$3" && return
  echo "hagen: no interface has the address $2, which the cluster file gives this machine" >&2
  exit 1
}
`)
	for i, vip := range s.Balancing.VirtualIPs {
		fmt.Fprintf(&b, "find INTERFACE%s %s \"$1.new\"\n", second(i), s.vrrpSource(s.host, vip))
	}
	b.WriteString("mv \"$1.new\" \"$1\"\n")
	return b.String()
}
