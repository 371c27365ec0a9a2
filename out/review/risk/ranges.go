package risk

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/facts"
)

// rangesOf reads a flag that is a list of ranges, one or one of each family;
// none if it cannot be read, which hagen check tells.
func rangesOf(n node.Node, unit, flag string) []netip.Prefix {
	var out []netip.Prefix
	for text := range strings.SplitSeq(facts.Flag(n, unit, flag), ",") {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil
		}
		out = append(out, p.Masked())
	}
	return out
}

// misfit says why the ranges that there were do not lie in the new ones, each in
// the one at its place, or "". Left says that a family at the end is left out.
func misfit(kind string, before, after []netip.Prefix) (what string, left bool) {
	for i, old := range before {
		switch {
		case !slices.ContainsFunc(after, func(p netip.Prefix) bool { return sameFamily(p, old) }):
			return fmt.Sprintf("no %s range of %s is left, where %s was", kind, family(old), old), i > 0
		case i >= len(after) || !sameFamily(after[i], old):
			return fmt.Sprintf("the %s ranges begin with %s, where %s was", kind, after[0], before[0]), false
		case !contains(after[i], old):
			return fmt.Sprintf("the %s range %s does not contain %s, the one before", kind, after[i], old), false
		}
	}
	return "", false
}

// kept are the ranges that there were, and behind them those of a family that is
// new: what takes none away.
func kept(before, after []netip.Prefix) []netip.Prefix {
	out := slices.Clone(before)
	for _, p := range after {
		if !slices.ContainsFunc(before, func(old netip.Prefix) bool { return sameFamily(p, old) }) {
			out = append(out, p)
		}
	}
	return out
}

func contains(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

func sameFamily(a, b netip.Prefix) bool { return a.Addr().Is4() == b.Addr().Is4() }

func family(p netip.Prefix) string {
	if p.Addr().Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// written is how the cluster file says ranges.
func written(ranges []netip.Prefix) string { return "[" + strings.Join(texts(ranges), ", ") + "]" }

// list is how a sentence says them.
func list(ranges []netip.Prefix) string { return strings.Join(texts(ranges), " and ") }

func texts(ranges []netip.Prefix) []string {
	var out []string
	for _, p := range ranges {
		out = append(out, p.String())
	}
	return out
}
