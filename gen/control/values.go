package control

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/cluster"
)

// Values of flags that both profiles have.

// httpsURL dials a name or an address; a URL wants IPv6 in brackets (RFC 3986,
// 3.2.2).
func httpsURL(host string, port uint16) string {
	if address, err := netip.ParseAddr(host); err == nil {
		return "https://" + netip.AddrPortFrom(address, port).String()
	}
	return "https://" + host + ":" + strconv.Itoa(int(port))
}

// etcdClientURL and etcdPeerURL are how others reach a host's etcd.
func etcdClientURL(c *cluster.Cluster, h cluster.Host) string {
	return httpsURL(c.EtcdAddress(h).String(), cluster.EtcdClientPort)
}

func etcdPeerURL(c *cluster.Cluster, h cluster.Host) string {
	return httpsURL(c.EtcdAddress(h).String(), cluster.EtcdPeerPort)
}

func ownClientURL(s hostContext) string { return etcdClientURL(s.Cluster, s.host) }
func ownPeerURL(s hostContext) string   { return etcdPeerURL(s.Cluster, s.host) }
func hostName(s hostContext) string     { return s.host.Name }
func serviceRange(s hostContext) string { return list(s.Services) }
func podRange(s hostContext) string     { return list(s.Pods) }
func apiPort(s hostContext) string      { return fmt.Sprint(s.APIServer.Port) }
func clusterName(s hostContext) string  { return s.Name }
func nodePorts(s hostContext) string {
	return fmt.Sprintf("%d-%d", s.NodePorts.First, s.NodePorts.Last)
}

// list writes ranges as one flag's value.
func list(ranges []netip.Prefix) string {
	var texts []string
	for _, r := range ranges {
		texts = append(texts, r.String())
	}
	return strings.Join(texts, ",")
}

// initialCluster is the whole member list, the same on every master but on one
// that joins others before all are there.
func initialCluster(s hostContext) string {
	if list := s.Joining[s.host.Name]; list != "" {
		return list
	}
	var members []string
	for _, m := range s.Members() {
		members = append(members, m.Name+"="+etcdPeerURL(s.Cluster, m))
	}
	return strings.Join(members, ",")
}

// clusterState is what etcd does without data: form the cluster with the others,
// or join those that are there, who have been told to expect it.
func clusterState(s hostContext) string {
	if _, joins := s.Joining[s.host.Name]; joins {
		return "existing"
	}
	return "new"
}

func allClientURLs(s hostContext) string {
	var urls []string
	for _, m := range s.Members() {
		urls = append(urls, etcdClientURL(s.Cluster, m))
	}
	return strings.Join(urls, ",")
}

// fixed gives a fixed value.
func fixed(value string) func(hostContext) string { return func(hostContext) string { return value } }

// own gives the SANs of a host's own certificates: its names, all its
// addresses, and the loopback at which its own daemons dial it.
func own(c *cluster.Cluster, h cluster.Host) ([]string, []netip.Addr) {
	return append(c.Names(h), "localhost"), append(slices.Clone(h.Addresses), c.Loopbacks()...)
}

// loopback is where daemons of a machine dial each other.
func (s hostContext) loopback() netip.Addr { return s.Loopbacks()[0] }

// onLoopback is the loopback as a flag's value.
func onLoopback(s hostContext) string { return s.loopback().String() }

// everywhere is what a daemon binds to be found at all addresses of its
// machine: with IPv6 among them, :: is IPv4's, too (Go's net.Listen).
func everywhere(s hostContext) string {
	if s.host.Has(6) {
		return "::"
	}
	return "0.0.0.0"
}

// unique keeps the first of equal values, in their order.
func unique[T comparable](values []T) []T {
	var out []T
	for _, v := range values {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
