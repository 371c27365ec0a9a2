package facts

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/gen/read"
)

// Addresses returns all addresses of a machine, with the virtual IP that it may hold.
func Addresses(n *node.Node) []string {
	own := OwnAddresses(n)
	if virtual := VirtualIP(n); virtual != "" && !slices.Contains(own, virtual) {
		own = append(own, virtual)
	}
	return own
}

// OwnAddresses returns those that no other machine may hold, from the machine's /etc/hosts
// or else from its etcd flags.
func OwnAddresses(n *node.Node) []string {
	if n == nil {
		return nil
	}
	out := LookUp(n, n.Name)
	if len(out) == 0 {
		return memberAddresses(n)
	}
	return slices.DeleteFunc(out, notReached)
}

// memberAddresses returns those at which other members reach a machine's etcd.
func memberAddresses(n *node.Node) (out []string) {
	if m, is := MemberOf(n); is {
		for peer := range strings.SplitSeq(m.PeerURLs, ",") {
			if u, err := url.Parse(peer); err == nil && u.Hostname() != "" {
				out = append(out, u.Hostname())
			}
		}
	}
	return slices.DeleteFunc(out, notReached)
}

// notReached reports whether no other machine can reach this: it is not an address, or
// the loopback's.
func notReached(text string) bool {
	address, err := netip.ParseAddr(text)
	return err != nil || address.IsLoopback()
}

// SameAddresses reports whether two machines have the same own addresses. If only one of
// them has /etc/hosts, it compares those of etcd.
func SameAddresses(a, b *node.Node) bool {
	one, other := OwnAddresses(a), OwnAddresses(b)
	if (len(LookUp(a, a.Name)) == 0) != (len(LookUp(b, b.Name)) == 0) {
		one, other = memberAddresses(a), memberAddresses(b)
	}
	return slices.Equal(one, other)
}

// LookUp returns the addresses of a name in a machine's /etc/hosts.
func LookUp(n *node.Node, name string) (out []string) {
	for _, a := range namesIn(string(FileAt(*n, read.HostsPath).Contents))[name] {
		out = append(out, a.String())
	}
	return out
}

// namesIn returns the addresses of all names in an /etc/hosts.
var namesIn = lazy.Memo(func(hosts string) map[string][]netip.Addr {
	h, _ := read.HostsOf(node.Node{Files: []node.File{{Path: read.HostsPath, Contents: []byte(hosts)}}})
	return h.Names
})

// VirtualIP returns the virtual IP that a machine may hold, or "".
func VirtualIP(n *node.Node) string {
	if n == nil {
		return ""
	}
	for _, r := range read.VirtualRouters([]node.Node{*n}) {
		return r.Address
	}
	return ""
}

// Alive returns the URL at which a machine's HAProxy says that it works, "" if it has none.
// Only the machine itself reaches it.
func Alive(n node.Node) string {
	for _, p := range read.ParseProxies(FileAt(n, haproxyConfig), nil) {
		uri := p.Line("monitor-uri")
		binds, _ := p.Binds()
		if len(uri) == 2 && len(binds) > 0 {
			return "http://" + binds[0].Text + uri[1].Text
		}
	}
	return ""
}

const haproxyConfig = "/etc/haproxy/haproxy.cfg"

// Listens returns the addresses at which a machine's HAProxy listens for clients, without
// virtual IPs; none if that is any address.
func Listens(n *node.Node) (out []netip.Addr) {
	for _, p := range read.ParseProxies(FileAt(*n, haproxyConfig), nil) {
		if len(p.Servers()) == 0 {
			continue
		}
		binds, _ := p.Binds()
		for _, b := range binds {
			at, err := netip.ParseAddrPort(b.Text)
			if err == nil && !at.Addr().IsUnspecified() && !slices.Contains(VirtualIPs(n), at.Addr()) {
				out = append(out, at.Addr())
			}
		}
	}
	return out
}

// VirtualIPs returns all virtual IPs that a machine may hold.
func VirtualIPs(n *node.Node) (out []netip.Addr) {
	for _, r := range read.VirtualRouters([]node.Node{*n}) {
		if a, err := netip.ParseAddr(r.Address); err == nil && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}
