package spec

import "strings"

// nearest gives the candidate that a misspelt word most likely meant, or ""
// when none is close: the same letters in another case, or at most two edits
// away (one in words of up to four letters).
func nearest(word string, candidates []string) string {
	best, bestDistance := "", 3
	if len(word) <= 4 {
		bestDistance = 2
	}
	for _, c := range candidates {
		if strings.EqualFold(word, c) {
			return c
		}
		if len(word) > len(c)+2 {
			continue
		}
		if distance := edits(strings.ToLower(word), strings.ToLower(c)); distance < bestDistance {
			best, bestDistance = c, distance
		}
	}
	return best
}

// edits is the Levenshtein distance between two words.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
