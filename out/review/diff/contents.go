package diff

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"hagen/gen/redact"
)

// comparison remembers what many machines have in common.
type comparison struct {
	twins map[string]string
}

// contents compares what stands in a file. Only twins are looked at: of what
// they do not tell apart, it says no more than that it differs.
func (c *comparison) contents(before, after []byte) (Change, bool) {
	change := Change{Details: []Detail{}, Hunks: []Hunk{}}
	if bytes.Equal(before, after) {
		return change, false
	}
	old, new := c.twin(before), c.twin(after)
	switch {
	case old == new:
		if old == string(before) || new == string(after) {
			return change, false // a twin and the file it was made of
		}
		change.Details = append(change.Details, Detail{What: "a secret that is not identified", How: Replaced})
	case unshowable(old) || unshowable(new):
		change.Details = append(change.Details, Detail{What: "content that cannot be shown", How: Replaced})
	default:
		details, told := byMeaning(old, new)
		change.Details = append(change.Details, details...)
		if !told {
			change.Hunks = hunks(shorten(old), shorten(new))
		}
	}
	return change, true
}

func (c *comparison) twin(contents []byte) string {
	text, known := c.twins[string(contents)]
	if !known {
		text = string(redact.Text(contents))
		c.twins[string(contents)] = text
	}
	return text
}

// unshowable says whether a twin still is no text, or holds the mark of a key
// that its maker did not find: a file that somebody broke.
func unshowable(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsRune(text, 0) ||
		strings.Contains(text, "PRIVATE KEY-----") || strings.Contains(text, "AGE-SECRET-KEY-")
}
