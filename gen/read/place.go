// Package read reads what the files of machines say: units with their drop-ins,
// haproxy.cfg, keepalived.conf, kubeconfigs, PEM, YAML; and where it stands. It
// judges nothing.
package read

import (
	"strings"

	"hagen/gen/node"
)

// Place is where something stands: in an item, at an offset of its text; -1
// is nowhere in particular.
type Place struct {
	Item string
	Text string
	At   int
}

// Whole is a place that is all of an item.
func Whole(item string) Place { return Place{item, "", -1} }

// At gives a place in a file.
func At(f node.File, at int) Place { return Place{f.Path, string(f.Contents), at} }

// In gives the place of the first occurrence of a word in a file.
func In(f node.File, word string) Place {
	return Place{f.Path, string(f.Contents), strings.Index(string(f.Contents), word)}
}

// Position gives the line and the column in it, both from 1, and the line's
// text; a line of 0 is nowhere in particular.
func (p Place) Position() (line, column int, text string) {
	if p.At < 0 || p.At > len(p.Text) {
		return 0, 0, ""
	}
	start := strings.LastIndexByte(p.Text[:p.At], '\n') + 1
	text, _, _ = strings.Cut(p.Text[start:], "\n")
	return strings.Count(p.Text[:p.At], "\n") + 1, p.At - start + 1, text
}

// fileOf gives the file at a path; of two the last.
func fileOf(n node.Node, path string) (f node.File, found bool) {
	for _, other := range n.Files {
		if other.Path == path {
			f, found = other, true
		}
	}
	return f, found
}
