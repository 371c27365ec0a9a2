package order

import (
	"net/netip"
	"net/url"
	"slices"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// dialer is a unit that dials an API server, and the file with the URL.
type dialer struct {
	pace
	file string
}

// dialersOf lists the units of a machine whose API server restarts, and which then find it at
// another URL: from the restart of the API server to their own they dial in vain.
func dialersOf(p diff.Pair) (out []dialer) {
	if !p.Stays() || !p.Does(diff.Restart, facts.APIUnit) {
		return nil
	}
	for _, row := range paces {
		_, was := facts.Kubeconfig(p.Before, row.unit)
		file, is := facts.Kubeconfig(p.After, row.unit)
		if was != is && p.Does(diff.Restart, row.unit) && isOwn(p.After, is) {
			out = append(out, dialer{row, file})
		}
	}
	return out
}

// dialsThrough reports whether units of a machine find the API servers at another URL that
// leads elsewhere: HAProxy has to answer there first.
func dialsThrough(p diff.Pair) bool {
	return p.Stays() && slices.ContainsFunc(paces, func(row pace) bool {
		_, was := facts.Kubeconfig(p.Before, row.unit)
		_, is := facts.Kubeconfig(p.After, row.unit)
		return was != is && is != "" && !isOwn(p.After, is)
	})
}

// isOwn reports whether a URL leads to the machine itself.
func isOwn(n *node.Node, at string) bool {
	u, err := url.Parse(at)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		known := facts.LookUp(n, u.Hostname())
		return u.Hostname() == "localhost" || len(known) > 0 && len(without(known, facts.OwnAddresses(n))) == 0
	}
	return address.IsLoopback() || slices.Contains(facts.OwnAddresses(n), address.String())
}
