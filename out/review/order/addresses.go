package order

import (
	"slices"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// keptAddresses returns the addresses that a machine has before and after, and virtual IPs
// that there are before and after: those pass from one machine to another without a step
// on either (share).
func keptAddresses(pairs []diff.Pair) []string {
	var kept, had, has []string
	for _, p := range pairs {
		kept = append(kept, shared(facts.OwnAddresses(p.Before), facts.OwnAddresses(p.After))...)
		had, has = append(had, virtualOf(p.Before)...), append(has, virtualOf(p.After)...)
	}
	return append(kept, shared(had, has)...)
}

func virtualOf(n *node.Node) []string {
	if address := facts.VirtualIP(n); address != "" {
		return []string{address}
	}
	return nil
}

func shared(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(e string) bool { return !slices.Contains(b, e) })
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(e string) bool { return slices.Contains(b, e) })
}

func overlap(a, b []string) bool { return len(shared(a, b)) > 0 }
