package control

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"hagen/gen/node"
	"hagen/pki"
)

// front returns what a machine that clients dial needs: HAProxy, its configuration,
// and the authority to verify API servers. It holds no key.
func front(s hostContext, p profileTables, set pki.Set) node.Node {
	n := accounts([]account{{name: userHAProxy, home: "/var/lib/haproxy"}})
	config := publicFile(sectionHAProxy, "haproxy.cfg", "", haproxyConfig, haproxyText(s, p.haproxy))
	config.Overwrite = true // a distribution's package brings one
	n.Directories = []node.Directory{directory(sectionHAProxy, haproxyDir, "", 0o755)}
	n.Files = []node.File{config}
	if verifiesServers(string(config.Contents)) {
		n.Files = append(n.Files, publicFile(sectionHAProxy, "certificate kubernetes", "the authority that health checks trust",
			balancerCA, string(trustedAuthorities(set[ClusterAuthority]))))
	}
	if len(s.Balancing.VirtualIPs) > 0 {
		n.Add(virtualAddress(s))
	}
	return n
}

// frontDaemons returns the daemons of a machine that clients dial.
func frontDaemons(s hostContext) []daemon {
	if len(s.Balancing.VirtualIPs) > 0 {
		return []daemon{haproxyDaemon, keepalivedDaemon}
	}
	return []daemon{haproxyDaemon}
}

// verifiesServers reports whether a haproxy.cfg has servers' certificates verified.
func verifiesServers(config string) bool { return strings.Contains(config, balancerCA) }

const balancerCA = haproxyDir + "/ca.pem"

// haproxyDaemon runs in the foreground as master with a worker and notifies systemd
// when it is ready (-Ws; management guide, section 3). It never runs as root: its
// ports are 1024 or higher, or it gets the one capability for lower ones.
var haproxyDaemon = daemon{
	name: "haproxy", section: sectionHAProxy, product: productHAProxy,
	description: "HAProxy in front of the API servers", documentation: "https://docs.haproxy.org",
	unit: []string{"Wants=network-online.target", "After=network-online.target", noStartLimit},
	before: lines([]string{"Type=notify"}, runAs(userHAProxy),
		[]string{"ExecStartPre=BINARY -c -q -f " + haproxyConfig}),
	args: " -Ws -f " + haproxyConfig,
	after: func(s hostContext) []string {
		return lines([]string{
			"ExecReload=BINARY -c -q -f " + haproxyConfig,
			"ExecReload=/bin/kill -USR2 $MAINPID",
			"KillMode=mixed",
		}, []string{"Restart=always", "RestartSec=2", fmt.Sprintf("LimitNOFILE=%d", openFiles(s))}, lowPort(min(s.Endpoint.Port, s.Balancing.StatsPort)), hardening())
	},
}

// ownConnections are reserved for HAProxy's statistics listener. If clients could use
// them up, keepalived would consider HAProxy hung, and move the virtual IP and all
// clients to the next machine.
const ownConnections = 100

// openFiles returns how many files HAProxy may open: two sockets per connection, and
// some for checks and logs. It refuses to start with fewer than maxconn needs; a
// kernel may refuse more than 1048576 (fs.nr_open).
func openFiles(s hostContext) int {
	return max(65536, 2*(s.Balancing.MaxConnections+ownConnections)+1024)
}

// binds returns the addresses on which HAProxy listens for clients: all addresses of
// the machine, or those in the ranges of spec.network.use.haproxy and the virtual
// IPs. A machine does not always hold a virtual IP: transparent lets HAProxy bind it
// in advance (configuration manual, 5.1; without privileges it is IP_FREEBIND).
func binds(s hostContext) []string {
	switch {
	case len(s.Use.HAProxy) == 0 && s.host.Has(6):
		return []string{fmt.Sprintf(":::%d v4v6", s.Endpoint.Port)}
	case len(s.Use.HAProxy) == 0:
		return []string{fmt.Sprintf(":%d", s.Endpoint.Port)}
	}
	var out []string
	for _, a := range unique(append(s.FrontAddresses(s.host), s.Balancing.VirtualIPs...)) {
		out = append(out, fmt.Sprintf("%s transparent", netip.AddrPortFrom(a, s.Endpoint.Port)))
	}
	return out
}

// server is an API server that HAProxy passes connections to.
type server struct {
	Name    string
	Address netip.AddrPort
}

// haproxyText fills a profile's template of haproxy.cfg.
func haproxyText(s hostContext, template string) string {
	var servers []server
	for _, m := range s.APIServers() {
		servers = append(servers, server{m.Name, netip.AddrPortFrom(s.APIAddress(m), s.APIServer.Port)})
	}
	return fill(template, values{
		"Log": s.log(), "Balancing": s.Balancing, "MaxConnections": s.Balancing.MaxConnections + ownConnections,
		"Binds": binds(s), "Servers": servers, "CA": balancerCA,
		"Itself": netip.AddrPortFrom(s.loopback(), s.Balancing.StatsPort),
	})
}

// haproxyTime writes a time in HAProxy's largest unit that divides it. systemd reads the same.
func haproxyTime(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d%u.unit == 0 {
			return fmt.Sprintf("%d%s", d/u.unit, u.name)
		}
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}
