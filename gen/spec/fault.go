package spec

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fault is one thing wrong with a cluster file: where, what, and what to
// write instead. Problem and Remedy are clauses without a final stop; Remedy
// may be empty when the problem already says it.
type Fault struct {
	At      At
	Problem string
	Remedy  string
}

// Source is the text that faults point into.
type Source struct {
	Name string // as the user gave it: a path
	Text []byte
}

// Error is a refused cluster file: every fault found in it, in the order of
// the file.
type Error struct {
	Source Source
	Faults []Fault
}

// Refuse gives nil when there is no fault, else an *Error that holds them
// sorted by position.
func Refuse(source Source, faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	sorted := slices.Clone(faults)
	slices.SortStableFunc(sorted, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return &Error{Source: source, Faults: slices.Compact(sorted)}
}

// Error lists all faults, each with its line of the file and a caret.
func (e *Error) Error() string {
	parts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		parts[i] = e.Source.Explain(f)
	}
	return strings.Join(parts, "\n")
}

// Explain writes one fault out:
//
//	cluster.yaml:12:14: spec.masters[1].name: what is wrong
//	   12 |   - {name: Kubem01}
//	      |            ^
//	      what to write instead
func (s Source) Explain(f Fault) string {
	var b strings.Builder
	b.WriteString(s.Name)
	if f.At.Written() {
		fmt.Fprintf(&b, ":%d:%d", f.At.Line, f.At.Column)
	}
	b.WriteString(": ")
	if f.At.Path != "" {
		b.WriteString(f.At.Path + ": ")
	}
	b.WriteString(printable(f.Problem))
	if line, ok := s.line(f.At.Line); ok {
		shown, caret := window(line, f.At.Column)
		fmt.Fprintf(&b, "\n%5d | %s\n      | %s^", f.At.Line, shown, caret)
	}
	if f.Remedy != "" {
		b.WriteString("\n      " + printable(f.Remedy))
	}
	return b.String()
}

// line gives line n of the source, and whether it may be shown: a file into
// which somebody pasted a private key is not quoted at all.
func (s Source) line(n int) (string, bool) {
	if n < 1 || bytes.Contains(s.Text, []byte("PRIVATE KEY")) {
		return "", false
	}
	rest := s.Text
	for i := 1; i < n; i++ {
		_, after, found := bytes.Cut(rest, []byte("\n"))
		if !found {
			return "", false
		}
		rest = after
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return strings.TrimSuffix(string(line), "\r"), true
}

// window cuts a long line around the column and gives the blanks that put a
// caret under it. Tabs stay tabs in both, so that they line up.
func window(line string, column int) (shown, caret string) {
	const width = 100
	runes := []rune(printable(line))
	at := min(max(column-1, 0), len(runes))
	from := 0
	if at > width-20 {
		from = at - width/2
	}
	to := min(from+width, len(runes))
	prefix := runes[from:at]
	shown = string(runes[from:to])
	if from > 0 {
		shown, caret = "…"+shown, " "
	}
	if to < len(runes) {
		shown += "…"
	}
	for _, r := range prefix {
		if r == '\t' {
			caret += "\t"
		} else {
			caret += " "
		}
	}
	return shown, caret
}

// printable replaces what a terminal would act on.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r != utf8.RuneError && unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
