package check

import (
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/spelling"
)

// shortest is how many letters two words must have, so that one typo is not
// half of a word.
const shortest = 3

// nearest returns the known word that a word was meant to be: it differs by
// one typo, which may be two swapped letters, or only by case. It returns ""
// if there is none.
func nearest(word string, known []string) string {
	long := slices.DeleteFunc(slices.Clone(known), func(k string) bool {
		return min(len(word), len(k)) < shortest && !strings.EqualFold(word, k)
	})
	return spelling.Nearest(word, long, 1, 1)
}

// below reports whether a path is a directory or is in it.
func below(p, dir string) bool {
	rest, is := strings.CutPrefix(p, strings.TrimRight(dir, "/"))
	return is && (rest == "" || rest[0] == '/')
}

// common returns the most frequent value and how often it occurs; of equally
// frequent ones the first.
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
