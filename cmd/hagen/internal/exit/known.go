package exit

import (
	"slices"
	"strconv"
	"strings"
)

// Unknown refuses a word and lists the known ones.
func Unknown(what, word string, known []string) error { return AllKnown(what, []string{word}, known) }

// AllKnown refuses the words that are not known, all in one error.
func AllKnown(what string, words, known []string) error {
	var strange []string
	for _, word := range words {
		if quoted := strconv.Quote(word); !slices.Contains(known, word) && !slices.Contains(strange, quoted) {
			strange = append(strange, quoted)
		}
	}
	if len(strange) == 0 {
		return nil
	}
	return Usage("there is no %s %s; known: %s", what, strings.Join(strange, ", "), strings.Join(known, ", "))
}
