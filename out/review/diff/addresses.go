package diff

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
)

// addresses are all that a machine has, or may have in turn with others.
func addresses(n *node.Node) []string {
	own := ownAddresses(n)
	if virtual := virtualIP(n); virtual != "" && !slices.Contains(own, virtual) {
		own = append(own, virtual)
	}
	return own
}

// ownAddresses are those that nobody shares, as the machine's /etc/hosts tells,
// or else its etcd.
func ownAddresses(n *node.Node) []string {
	if n == nil {
		return nil
	}
	out := lookup(n, n.Name)
	if len(out) == 0 {
		return memberAddresses(n)
	}
	return slices.DeleteFunc(out, notReached)
}

// memberAddresses are those at which others reach a machine's etcd.
func memberAddresses(n *node.Node) (out []string) {
	if m, is := memberOf(n); is {
		for peer := range strings.SplitSeq(m.peers, ",") {
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

// moves says whether a machine's own addresses are others, as far as both sides
// tell: without /etc/hosts on one of them only etcd's does.
func moves(before, after *node.Node) bool {
	was, is := ownAddresses(before), ownAddresses(after)
	if (len(lookup(before, before.Name)) == 0) != (len(lookup(after, after.Name)) == 0) {
		was, is = memberAddresses(before), memberAddresses(after)
	}
	return !slices.Equal(was, is)
}

// lookup gives the addresses of a name by a machine's /etc/hosts.
func lookup(n *node.Node, name string) (out []string) {
	hosts, _ := read.HostsOf(*n)
	for _, a := range hosts.Names[name] {
		out = append(out, a.String())
	}
	return out
}

// keptAddresses are those that a machine has before and after: a virtual one
// does not change hands if one of its holders stays.
func keptAddresses(pairs []machines) []string {
	var kept []string
	for _, p := range pairs {
		kept = append(kept, shared(addresses(p.before), addresses(p.after))...)
	}
	return kept
}

func shared(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(e string) bool { return !slices.Contains(b, e) })
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(e string) bool { return slices.Contains(b, e) })
}

func overlap(a, b []string) bool { return len(shared(a, b)) > 0 }

// virtualIP is the address that a machine holds in turn with others, or "".
func virtualIP(n *node.Node) string {
	if n == nil {
		return ""
	}
	for _, r := range read.VirtualRouters([]node.Node{*n}) {
		return r.Address
	}
	return ""
}
