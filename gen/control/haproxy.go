package control

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"hagen/gen/node"
	"hagen/pki"
)

// front is what makes a machine one that clients dial: HAProxy, its
// configuration, and the authority to check API servers with. No key.
func front(s site, p plan, set pki.Set) node.Node {
	n := accounts([]account{{name: userHAProxy, home: "/var/lib/haproxy"}})
	config := text(sectionHAProxy, "haproxy.cfg", "", haproxyConfig, p.haproxy(s))
	config.Overwrite = true // a distribution's package brings one
	n.Directories = []node.Directory{directory(sectionHAProxy, haproxyDir, "", 0o755)}
	n.Files = []node.File{config}
	if strings.Contains(string(config.Contents), balancerCA) {
		n.Files = append(n.Files, text(sectionHAProxy, "certificate kubernetes", "whom the health checks believe",
			balancerCA, string(set[ClusterAuthority].Cert)))
	}
	if len(s.Balancing.VirtualIPs) > 0 {
		n.Add(virtualAddress(s))
	}
	return n
}

// frontDaemons are those of a machine that clients dial.
func frontDaemons(s site) []daemon {
	if len(s.Balancing.VirtualIPs) > 0 {
		return []daemon{haproxyDaemon, keepalivedDaemon}
	}
	return []daemon{haproxyDaemon}
}

const balancerCA = haproxyDir + "/ca.pem"

// haproxyDaemon runs in the foreground as master with a worker and tells
// systemd when it is ready (-Ws; management guide, section 3). It never is
// root: its ports are high, or it gets the one capability.
var haproxyDaemon = daemon{
	name: "haproxy", section: sectionHAProxy, product: productHAProxy,
	description: "HAProxy in front of the API servers", documentation: "https://docs.haproxy.org",
	unit: []string{"Wants=network-online.target", "After=network-online.target", noStartLimit},
	before: lines([]string{"Type=notify"}, runAs(userHAProxy),
		[]string{"ExecStartPre=BINARY -c -q -f " + haproxyConfig}),
	args: " -Ws -f " + haproxyConfig,
	after: func(s site) []string {
		return lines([]string{
			"ExecReload=BINARY -c -q -f " + haproxyConfig,
			"ExecReload=/bin/kill -USR2 $MAINPID",
			"KillMode=mixed",
		}, []string{"Restart=always", "RestartSec=2", fmt.Sprintf("LimitNOFILE=%d", openFiles(s))}, lowPort(min(s.Endpoint.Port, s.Balancing.StatsPort)), hardening())
	},
}

// ownConnections are for the listener about HAProxy itself. Did clients use
// them up, keepalived would take HAProxy for hung, and move the virtual IP and
// all clients to the next machine.
const ownConnections = 100

// openFiles is how many files HAProxy may open: two sockets a connection, and
// some for checks and logs. It refuses to start with fewer than maxconn needs;
// more than 1048576 (fs.nr_open) a kernel may refuse.
func openFiles(s site) int { return max(65536, 2*(s.Balancing.MaxConnections+ownConnections)+1024) }

// binds are the lines that say where clients are let in: at all addresses of
// the machine, or at those in the ranges of spec.network.use.haproxy and the
// virtual IPs. These a machine does not have all the time: transparent lets
// HAProxy bind them before (configuration manual, 5.1; without privileges it is
// IP_FREEBIND).
func binds(s site) string {
	switch {
	case len(s.Use.HAProxy) == 0 && s.host.Has(6):
		return fmt.Sprintf("    bind :::%d v4v6\n", s.Endpoint.Port)
	case len(s.Use.HAProxy) == 0:
		return fmt.Sprintf("    bind :%d\n", s.Endpoint.Port)
	}
	var b strings.Builder
	for _, a := range unique(append(s.FrontAddresses(s.host), s.Balancing.VirtualIPs...)) {
		fmt.Fprintf(&b, "    bind %s transparent\n", netip.AddrPortFrom(a, s.Endpoint.Port))
	}
	return b.String()
}

// classicHAProxy is the seed's listen section line for line, with the global
// and defaults sections that it leaves out. `option tcplog` needs a log line.
func classicHAProxy(s site) string {
	t := s.Balancing.Timeouts
	var b strings.Builder
	fmt.Fprintf(&b, `global
    log %s local0
    maxconn %d

defaults
    log global
    maxconn %d
    timeout connect %s
    timeout client %s
    timeout server %s
    timeout tunnel %s
    timeout check %s

#---------------------------------------------------------------------
# Listen configuration
#---------------------------------------------------------------------

listen secure_kube_control_plane
%s    mode tcp
    option tcplog
    option tcp-check
    balance roundrobin
    default-server inter 10s downinter 5s rise 2 fall 2 slowstart 60s maxconn 250 maxqueue 256 weight 100
`, s.log(), s.Balancing.MaxConnections+ownConnections, s.Balancing.MaxConnections, haproxyTime(t.Connect), haproxyTime(t.Client), haproxyTime(t.Server), haproxyTime(t.Tunnel), haproxyTime(t.Check), binds(s))
	for _, m := range s.Masters {
		fmt.Fprintf(&b, "    server secure_%s %s check\n", m.Name, netip.AddrPortFrom(s.APIAddress(m), s.APIServer.Port))
	}
	if len(s.Balancing.VirtualIPs) > 0 { // keepalived asks there; the seed has none
		b.WriteString("\n" + haproxyItself(s))
	}
	return b.String()
}

// standardHAProxy passes TLS through and asks every API server each second
// whether it is ready. What tells one that stops from one that is ill is
// error-status L7OKC, which is why HAProxy must be 2.4 or newer.
func standardHAProxy(s site) string {
	t := s.Balancing.Timeouts
	var b strings.Builder
	fmt.Fprintf(&b, `global
    log %s local0
    # More than clients get, so that HAProxy answers what asks it about itself
    # when they have taken all of theirs.
    maxconn %d

defaults
    mode tcp
    log global
    option tcplog
    maxconn %d
    # A dead machine answers nothing: a connection to it is tried elsewhere
    # after this time, so it decides how long clients wait.
    timeout connect %s
    retries 2
    option redispatch
    # Until both sides have spoken; then the tunnel's time counts. Watches may
    # be silent for long, so it is long, and keepalives find dead peers.
    timeout client %s
    timeout server %s
    timeout tunnel %s
    option clitcpka
    option srvtcpka
    # An API server that has lost its etcd takes two seconds and more to say so:
    # with less time it is found out sooner.
    timeout check %s

listen secure_kube_control_plane
%s    balance roundrobin
    option httpchk GET /readyz
    # An API server that is asked to stop says so ten seconds before it closes
    # its port. It gets no new connection then, and keeps those it has.
    http-check expect ! string [-]shutdown error-status L7OKC
    http-check expect status 200
    # The check believes an API server only with a certificate of this cluster
    # that is valid for that master. Marked down, it loses its sessions: clients
    # would wait for a dead machine's answers otherwise. That takes a wait, a
    # check, a short wait and a check. A shorter inter would shorten the time
    # for a TLS handshake, too, and a busy one would fail.
    default-server check check-ssl verify required ca-file %s inter 1s fastinter 100ms downinter 1s rise 2 fall 2 on-marked-down shutdown-sessions
`, s.log(), s.Balancing.MaxConnections+ownConnections, s.Balancing.MaxConnections, haproxyTime(t.Connect), haproxyTime(t.Client), haproxyTime(t.Server), haproxyTime(t.Tunnel), haproxyTime(t.Check), binds(s), balancerCA)
	for _, m := range s.Masters {
		fmt.Fprintf(&b, "    server %s %s verifyhost %s\n", m.Name, netip.AddrPortFrom(s.APIAddress(m), s.APIServer.Port), m.Name)
	}
	b.WriteString("\n" + haproxyItself(s))
	return b.String()
}

// haproxyItself is what HAProxy tells of itself, to its own machine alone.
func haproxyItself(s site) string {
	metrics := ""
	if s.Balancing.Metrics {
		metrics = "    http-request use-service prometheus-exporter if { path /metrics }\n"
	}
	return fmt.Sprintf(`# About HAProxy itself, for this machine alone: whether it serves, its
# statistics, and metrics.
listen haproxy_itself
    bind %s
    mode http
    option dontlog-normal
    monitor-uri /alive
    stats enable
    stats uri /stats
%s`, netip.AddrPortFrom(s.loopback(), s.Balancing.StatsPort), metrics)
}

// haproxyTime writes a time in HAProxy's largest unit that holds it whole.
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
