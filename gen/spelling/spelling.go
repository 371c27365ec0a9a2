// Package spelling finds the word that a misspelt one should have been.
package spelling

import "strings"

// Nearest returns the known word with the fewest typos, the first of several;
// "" if there are more than most. A typo is a missing, additional or wrong
// letter; two swapped letters count as many as exchanged says. Case does not
// matter.
func Nearest(word string, known []string, most, exchanged int) string {
	best, fewest := "", most+1
	for _, k := range known {
		if len(word) > len(k)+most || len(k) > len(word)+most {
			continue
		}
		if n := slips(strings.ToLower(word), strings.ToLower(k), exchanged); n < fewest {
			best, fewest = k, n
		}
	}
	return best
}

// slips returns the Levenshtein distance between two words, with exchanges.
func slips(a, b string, exchanged int) int {
	width := len(b) + 1
	rows := make([]int, 3*width) // for all of a so far, for one letter less and for two
	row, last, two := rows[:width], rows[width:2*width], rows[2*width:]
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, last, two = two, row, last
		row[0] = i
		for j := 1; j <= len(b); j++ {
			wrong := last[j-1]
			if a[i-1] != b[j-1] {
				wrong++
			}
			row[j] = min(wrong, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+exchanged)
			}
		}
	}
	return row[len(b)]
}
