// Package read reads the files of machines: units with their drop-ins,
// haproxy.cfg, keepalived.conf, kubeconfigs, PEM and YAML, with the place of
// each word. It checks nothing.
package read

import (
	"strings"

	"hagen/gen/node"
)

// Place is a place in an item, at an offset of its text; -1 is nowhere in
// particular.
type Place struct {
	Item string
	Text string
	At   int
}

// Whole returns the place that is all of an item.
func Whole(item string) Place { return Place{item, "", -1} }

// At returns a place in a file.
func At(f node.File, at int) Place { return Place{f.Path, string(f.Contents), at} }

// In returns the place of the first occurrence of a word in a file.
func In(f node.File, word string) Place {
	return Place{f.Path, string(f.Contents), strings.Index(string(f.Contents), word)}
}

// Position returns the line and column, both from 1, and the line's text; line
// 0 is nowhere in particular.
func (p Place) Position() (line, column int, text string) {
	if p.At < 0 || p.At > len(p.Text) {
		return 0, 0, ""
	}
	start := strings.LastIndexByte(p.Text[:p.At], '\n') + 1
	text, _, _ = strings.Cut(p.Text[start:], "\n")
	return strings.Count(p.Text[:p.At], "\n") + 1, p.At - start + 1, text
}

// fileOf returns the file at a path; of two the last.
func fileOf(n node.Node, path string) (f node.File, found bool) {
	for _, other := range n.Files {
		if other.Path == path {
			f, found = other, true
		}
	}
	return f, found
}
