package diff

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/lazy"
)

// Hunk is a place where lines change, with the lines around it: each begins
// with "-", "+" or a space, as in a unified diff.
type Hunk struct {
	OldStart int      `json:"oldStart"` // number of its first line in the old file
	NewStart int      `json:"newStart"` // number of its first line in the new file
	Lines    []string `json:"lines"`
}

// Head returns the line with which a unified diff begins a hunk.
func (h Hunk) Head() string {
	count := func(not string) int {
		n := 0
		for _, l := range h.Lines {
			if !strings.HasPrefix(l, not) {
				n++
			}
		}
		return n
	}
	return fmt.Sprintf("@@ -%d,%d +%d,%d @@", h.OldStart, count("+"), h.NewStart, count("-"))
}

func sameHunk(a, b Hunk) bool {
	return a.OldStart == b.OldStart && a.NewStart == b.NewStart && slices.Equal(a.Lines, b.Lines)
}

// around is how many unchanged lines are shown before and after a change.
const around = 3

// Hunks compares two texts line by line, with three unchanged lines around each change.
func Hunks(before, after string) []Hunk {
	lines := edit(split(before), split(after))
	out := []Hunk{}
	b, a := 1, 1   // numbers of the next line
	unchanged := 0 // lines since the last change
	var open *Hunk
	for i, l := range lines {
		if l[0] == ' ' {
			unchanged++
		} else {
			unchanged = 0
		}
		if l[0] != ' ' && open == nil {
			start := max(0, i-around)
			out = append(out, Hunk{OldStart: b - (i - start), NewStart: a - (i - start), Lines: slices.Clone(lines[start:i])})
			open = &out[len(out)-1]
		}
		if open != nil {
			open.Lines = append(open.Lines, l)
			if unchanged == 2*around+1 { // the next change begins a hunk of its own
				open.Lines = open.Lines[:len(open.Lines)-around-1]
				open = nil
			}
		}
		if l[0] != '+' {
			b++
		}
		if l[0] != '-' {
			a++
		}
	}
	if open != nil && unchanged > around {
		open.Lines = open.Lines[:len(open.Lines)-(unchanged-around)]
	}
	for i := range out {
		if before == "" {
			out[i].OldStart = 0
		}
		if after == "" {
			out[i].NewStart = 0
		}
	}
	return out
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	rest, ended := strings.CutSuffix(text, "\n")
	lines := strings.Split(rest, "\n")
	if !ended {
		lines[len(lines)-1] += " (no line end)"
	}
	return lines
}

// maxTable limits the memory of edit. Texts that differ in more lines are shown as
// removed and added as a whole.
const maxTable = 4 << 20

// edit returns the shortest edit from one list of lines to another, by their longest
// common subsequence. Libraries that anchor unique lines show most changes between two
// machines in more lines.
func edit(before, after []string) []string {
	var head, tail []string
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		head = append(head, " "+before[0])
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		tail = append(tail, " "+before[len(before)-1])
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	slices.Reverse(tail)
	return slices.Concat(head, middle(before, after), tail)
}

func middle(before, after []string) []string {
	var out []string
	width := len(after) + 1
	if (len(before)+1)*width <= maxTable {
		common := make([]int32, (len(before)+1)*width) // lengths for the remainders that begin at b and a
		for b := len(before) - 1; b >= 0; b-- {
			for a := len(after) - 1; a >= 0; a-- {
				if before[b] == after[a] {
					common[b*width+a] = common[(b+1)*width+a+1] + 1
				} else {
					common[b*width+a] = max(common[(b+1)*width+a], common[b*width+a+1])
				}
			}
		}
		b, a := 0, 0
		for b < len(before) && a < len(after) {
			switch {
			case before[b] == after[a]:
				out = append(out, " "+before[b])
				b, a = b+1, a+1
			case common[(b+1)*width+a] >= common[b*width+a+1]:
				out = append(out, "-"+before[b])
				b++
			default:
				out = append(out, "+"+after[a])
				a++
			}
		}
		before, after = before[b:], after[a:]
	}
	for _, l := range before {
		out = append(out, "-"+l)
	}
	for _, l := range after {
		out = append(out, "+"+l)
	}
	return out
}

var longHash = lazy.Regexp(`\b[0-9a-f]{64}\b`)

// shorten cuts each fingerprint to the digits that still distinguish two.
func shorten(text string) string {
	return longHash().ReplaceAllStringFunc(text, func(hash string) string { return hash[:12] + "…" })
}
