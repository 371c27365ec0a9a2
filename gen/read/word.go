package read

import "strings"

// Word is a word of a text, and its offset.
type Word struct {
	Text string
	At   int
}

// Split splits a text at spaces, outside of quotes. Offsets count from base.
func Split(text string, base int) []Word {
	var out []Word
	for i := 0; i < len(text); {
		if text[i] == ' ' || text[i] == '\t' || text[i] == '\n' {
			i++
			continue
		}
		start, quote := i, byte(0)
		var b strings.Builder
		for ; i < len(text); i++ {
			c := text[i]
			if quote == 0 && (c == ' ' || c == '\t' || c == '\n') {
				break
			}
			switch {
			case quote == 0 && (c == '"' || c == '\'') && (i == start || text[i-1] == '='):
				quote = c
			case quote != 0 && c == quote:
				quote = 0
			default:
				b.WriteByte(c)
			}
		}
		out = append(out, Word{b.String(), base + start})
	}
	return out
}

// Texts returns words without their offsets.
func Texts(words []Word) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.Text
	}
	return out
}
