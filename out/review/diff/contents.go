package diff

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"hagen/gen/redact"
)

// comparison remembers the twins of contents that many machines share.
type comparison struct {
	twins map[string]string
}

// contents compares the contents of a file by their twins. If the twins are equal, it
// reports only that the contents differ.
func (c *comparison) contents(before, after []byte) (Change, bool) {
	change := Change{Details: []Detail{}, Hunks: []Hunk{}}
	if bytes.Equal(before, after) {
		return change, false
	}
	old, new := c.twin(before), c.twin(after)
	switch {
	case old == new:
		if old == string(before) || new == string(after) {
			return change, false // a twin and the file that it was made from
		}
		change.Details = append(change.Details, Detail{What: "a secret that is not identified", How: Replaced})
	case unshowable(old) || unshowable(new):
		change.Details = append(change.Details, Detail{What: "content that cannot be shown", How: Replaced})
	default:
		details, complete := byMeaning(old, new)
		change.Details = append(change.Details, details...)
		if !complete {
			change.Hunks = Hunks(shorten(old), shorten(new))
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

// unshowable reports whether a twin is not text, or still has the mark of a key: the
// file is broken.
func unshowable(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsRune(text, 0) ||
		strings.Contains(text, "PRIVATE KEY-----") || strings.Contains(text, "AGE-SECRET-KEY-")
}
