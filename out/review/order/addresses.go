package order

import (
	"slices"

	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// keptAddresses returns the addresses that a machine has before and after. A virtual IP
// is kept if one of its machines keeps it.
func keptAddresses(pairs []diff.Pair) []string {
	var kept []string
	for _, p := range pairs {
		kept = append(kept, shared(facts.Addresses(p.Before), facts.Addresses(p.After))...)
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
