package facts

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
)

// Addresses are all that a machine has, or may have in turn with others.
func Addresses(n *node.Node) []string {
	own := OwnAddresses(n)
	if virtual := VirtualIP(n); virtual != "" && !slices.Contains(own, virtual) {
		own = append(own, virtual)
	}
	return own
}

// OwnAddresses are those that nobody shares, as the machine's /etc/hosts tells,
// or else its etcd.
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

// memberAddresses are those at which others reach a machine's etcd.
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

// notReached says whether no other machine could reach what is no address, or
// the loopback's.
func notReached(text string) bool {
	address, err := netip.ParseAddr(text)
	return err != nil || address.IsLoopback()
}

// SameAddresses says whether two machines have the same addresses of their own,
// as far as both tell: without /etc/hosts on one of them only etcd's does.
func SameAddresses(a, b *node.Node) bool {
	one, other := OwnAddresses(a), OwnAddresses(b)
	if (len(LookUp(a, a.Name)) == 0) != (len(LookUp(b, b.Name)) == 0) {
		one, other = memberAddresses(a), memberAddresses(b)
	}
	return slices.Equal(one, other)
}

// LookUp gives the addresses of a name by a machine's /etc/hosts.
func LookUp(n *node.Node, name string) (out []string) {
	hosts, _ := read.HostsOf(*n)
	for _, a := range hosts.Names[name] {
		out = append(out, a.String())
	}
	return out
}

// VirtualIP is the address that a machine holds in turn with others, or "".
func VirtualIP(n *node.Node) string {
	if n == nil {
		return ""
	}
	for _, r := range read.VirtualRouters([]node.Node{*n}) {
		return r.Address
	}
	return ""
}
