package check

import (
	"regexp"
	"strings"
)

// delicate are lines that may hold a secret in a file that is none, such as an
// environment variable in a unit. They are not shown.
var delicate = regexp.MustCompile(`(?i)passw|secret|bearer|credential|(?:api|access|auth)[-_]?(?:key|token)|:[^/@\s]+@`)

// near says whether two words differ by a slip: one letter missing, too many,
// wrong, or two exchanged.
func near(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || len(a) < 3 || a == b {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// nearest gives the known word that a word was meant to be, or "".
func nearest(word string, known []string) string {
	for _, k := range known {
		if strings.EqualFold(word, k) || near(strings.ToLower(word), strings.ToLower(k)) {
			return k
		}
	}
	return ""
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
