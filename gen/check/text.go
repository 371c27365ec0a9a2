package check

import (
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/spelling"
)

// shortest is how many letters two words must have, so that one slip is not
// half of one.
const shortest = 3

// nearest gives the known word that a word was meant to be, or "": it differs by
// one slip, two letters exchanged among them, or by case alone.
func nearest(word string, known []string) string {
	long := slices.DeleteFunc(slices.Clone(known), func(k string) bool {
		return min(len(word), len(k)) < shortest && !strings.EqualFold(word, k)
	})
	return spelling.Nearest(word, long, 1, 1)
}

// below says whether a path is a directory or lies in it.
func below(p, dir string) bool { return strings.HasPrefix(p+"/", strings.TrimRight(dir, "/")+"/") }

// common gives the value that most have, and how many do; the first of those
// that are equally frequent.
func common[T any](all []T, value func(T) string) (best string, most int) {
	votes := map[string]int{}
	for _, x := range all {
		votes[value(x)]++
	}
	for _, x := range all {
		if v := value(x); votes[v] > most {
			best, most = v, votes[v]
		}
	}
	return best, most
}

func socketText(address netip.Addr, port int) string {
	return netip.AddrPortFrom(address, uint16(port)).String()
}
