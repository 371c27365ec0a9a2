package redact

import (
	_ "embed" // the record
	"path"
	"strings"
	"sync"
)

// The record holds the lines that hagen writes, by the file or unit in which they
// stand: what differs from cluster to cluster is the kind of a value, as «host».
// A test renders every field of a cluster file in every way and adds what is
// missing. Lines of earlier releases stay: their trees are read, too.
//
//go:embed lines.txt
var recordText string

// Items of the record that are neither files nor units.
const (
	ItemComment = "# comments of documents"
	ItemRole    = "# roles"
)

// section is what the record has of an item.
type section struct {
	text  string
	shape func() *shape
}

// record are the sections by item, and those whose item is a pattern.
type record struct {
	exact    map[string]*section
	patterns []string
}

var recorded = sync.OnceValue(func() record { return readRecord(recordText) })

// sectionMark begins a line of the record that names an item.
const sectionMark = "@@ "

func readRecord(text string) record {
	r := record{exact: map[string]*section{}}
	for part := range strings.SplitSeq(strings.TrimPrefix("\n"+text, "\n"+sectionMark), "\n"+sectionMark) {
		items, lines, _ := strings.Cut(part, "\n")
		s := &section{text: lines}
		s.shape = sync.OnceValue(func() *shape { return shapeOf(s.text) })
		for item := range strings.SplitSeq(items, " | ") {
			r.exact[item] = s
			if strings.Contains(item, "*") {
				r.patterns = append(r.patterns, item)
			}
		}
	}
	return r
}

// of returns the lines of an item, nil for one that hagen does not write.
func (r record) of(item string) *shape {
	if s, found := r.exact[item]; found {
		return s.shape()
	}
	for _, pattern := range r.patterns {
		if is, _ := path.Match(pattern, item); is {
			return r.exact[pattern].shape()
		}
	}
	return nil
}

// shape is a tree of words: a line fits that leads from its root to an end.
type shape struct {
	words map[string]*shape
	kinds map[string]*shape
	end   bool
}

func shapeOf(lines string) *shape {
	root := &shape{}
	for line := range strings.SplitSeq(lines, "\n") {
		root.add(line)
	}
	return root
}

// add adds a line of the record.
func (s *shape) add(line string) {
	for line != "" {
		before, rest, found := strings.Cut(line, "«")
		for _, w := range wordsOf(before) {
			s = child(&s.words, w.text)
		}
		if !found {
			break
		}
		kind, after, _ := strings.Cut(rest, "»")
		s, line = child(&s.kinds, kind), after
	}
	s.end = true
}

func child(of *map[string]*shape, name string) *shape {
	if *of == nil {
		*of = map[string]*shape{}
	}
	if (*of)[name] == nil {
		(*of)[name] = &shape{}
	}
	return (*of)[name]
}

// fits reports whether a line is one of the record's, with other values.
func (s *shape) fits(line string) bool { return s.from(line, wordsOf(line)) }

// separates reports whether a list of values of a kind may go on behind a word.
func separates(word, kind string) bool {
	return word == "," || word == ";" || word == " " && kind == kindHosts
}

// from is fits for the rest of a line.
func (s *shape) from(line string, words []word) bool {
	if len(words) == 0 {
		return s.end
	}
	if next := s.words[words[0].text]; next != nil && next.from(line, words[1:]) {
		return true
	}
	for _, k := range kinds {
		next := s.kinds[k.name]
		for rest := words; next != nil && k.fits(rest[0].text); rest = rest[2:] {
			if next.from(line, rest[1:]) {
				return true
			}
			if len(rest) < 3 || !separates(rest[1].text, k.name) {
				break
			}
		}
	}
	if next := s.kinds[kindMembers]; next != nil {
		for rest := words; len(rest) > 2 && isHost(rest[0].text) && rest[1].text == "=" && IsURL(rest[2].text); rest = rest[4:] {
			if next.from(line, rest[3:]) {
				return true
			}
			if len(rest) < 5 || rest[3].text != "," {
				break
			}
		}
	}
	next := s.kinds[kindFact]
	return next != nil && next.end && settled().MatchString(line[words[0].at:])
}
