package risk

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/facts"
)

// rangesOf reads a flag that lists ranges, one for each family. It returns none if the
// flag is malformed, which hagen check reports.
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

// misfit returns why the old ranges are not inside the new ones, in order, or "". Left
// reports that the last family is left out.
func misfit(kind string, before, after []netip.Prefix) (what string, left bool) {
	for i, old := range before {
		switch {
		case !slices.ContainsFunc(after, func(p netip.Prefix) bool { return sameFamily(p, old) }):
			return fmt.Sprintf("no %s range of %s is left, where %s was", kind, family(old), old), i > 0
		case i >= len(after) || !sameFamily(after[i], old):
			return fmt.Sprintf("the first %s range is %s, where %s was", kind, after[0], before[0]), false
		case !contains(after[i], old):
			return fmt.Sprintf("the %s range %s does not contain the old one, %s", kind, after[i], old), false
		}
	}
	return "", false
}

// kept returns the old ranges, followed by those of a new family: it takes none away.
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

// written formats ranges as in the cluster file.
func written(ranges []netip.Prefix) string { return "[" + strings.Join(texts(ranges), ", ") + "]" }

// list formats ranges for a sentence.
func list(ranges []netip.Prefix) string { return strings.Join(texts(ranges), " and ") }

func texts(ranges []netip.Prefix) []string {
	var out []string
	for _, p := range ranges {
		out = append(out, p.String())
	}
	return out
}
