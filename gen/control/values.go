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

// httpsURL returns the URL of a name or an address; IPv6 needs brackets (RFC 3986,
// 3.2.2).
func httpsURL(host string, port uint16) string {
	if address, err := netip.ParseAddr(host); err == nil {
		return "https://" + netip.AddrPortFrom(address, port).String()
	}
	return "https://" + host + ":" + strconv.Itoa(int(port))
}

// etcdClientURL and etcdPeerURL return the URLs at which others dial a host's etcd.
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

// list writes ranges as the value of one flag.
func list(ranges []netip.Prefix) string {
	var texts []string
	for _, r := range ranges {
		texts = append(texts, r.String())
	}
	return strings.Join(texts, ",")
}

// initialCluster returns the whole list of members, the same on every master except
// one that joins before all others are there.
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

// clusterState returns what etcd does when it has no data: form a new cluster with the
// others, or join an existing one, to which it has been added.
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

// fixed returns a function of a fixed value.
func fixed(value string) func(hostContext) string { return func(hostContext) string { return value } }

// own returns the SANs of a host's own certificates: its names, all its
// addresses, and the loopback at which its own daemons dial it.
func own(c *cluster.Cluster, h cluster.Host) ([]string, []netip.Addr) {
	return append(c.Names(h), "localhost"), append(slices.Clone(h.Addresses), c.Loopbacks()...)
}

// loopback returns the address at which daemons of a machine dial each other.
func (s hostContext) loopback() netip.Addr { return s.Loopbacks()[0] }

// onLoopback returns the loopback as a flag's value.
func onLoopback(s hostContext) string { return s.loopback().String() }

// everywhere returns the address to bind for all addresses of the machine: if it has
// IPv6, :: also serves IPv4 (Go's net.Listen).
func everywhere(s hostContext) string {
	if s.host.Has(6) {
		return "::"
	}
	return "0.0.0.0"
}

// unique returns the values in their order without duplicates.
func unique[T comparable](values []T) []T {
	var out []T
	for _, v := range values {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
