package spec

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"hagen/gen/lazy"
)

// Fault is one thing wrong with a cluster file: where it is, what is wrong, and
// what to write instead. Problem and Remedy are clauses without a full stop. A
// warning has no Remedy when nothing needs to change.
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

// Refuse returns nil when there is no fault, else an *Error with the faults
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

// maxShown is how many faults are printed. A file with more is the wrong file, or
// repeats one mistake.
const maxShown = 20

// Error lists the faults, each with its line of the file and a caret.
func (e *Error) Error() string {
	var parts []string
	for _, f := range e.Faults[:min(len(e.Faults), maxShown)] {
		parts = append(parts, e.Source.Explain(f))
	}
	if more := len(e.Faults) - maxShown; more > 0 {
		parts = append(parts, fmt.Sprintf("%s: and %d more; mend these first", printable(e.Source.Name), more))
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
	b.WriteString(printable(s.Name))
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

// line returns line n of the source, and whether it may be shown. A file that
// contains a private key is not quoted at all, nor is a line with a password in
// a URL.
func (s Source) line(n int) (string, bool) {
	if n < 1 || holdsPrivateKey(s.Text) {
		return "", false
	}
	rest := bytes.TrimPrefix(s.Text, byteOrderMark)
	for range n - 1 {
		_, after, found := bytes.Cut(rest, []byte("\n"))
		if !found {
			return "", false
		}
		rest = after
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	if passwordInURL().Match(line) {
		return "", false
	}
	return strings.TrimSuffix(string(line), "\r"), true
}

var passwordInURL = lazy.Regexp(`://[^/\s]*:[^/\s@]*@`)

// holdsPrivateKey looks for the words that begin a private key, as PEM (RFC 7468),
// OpenSSH and PuTTY write them.
func holdsPrivateKey(text []byte) bool {
	return bytes.Contains(text, []byte("PRIVATE KEY")) || bytes.Contains(text, []byte("Private-Lines:"))
}

// window cuts a long line around the column and returns the spaces that put a
// caret under it. Tabs stay tabs in both, so that they line up.
func window(line string, column int) (shown, caret string) {
	const width = 100
	runes := []rune(line)
	at := min(max(column-1, 0), len(runes))
	from := 0
	if at > width-20 {
		from = at - width/2
	}
	to := min(from+width, len(runes))
	if from > 0 {
		shown, caret = "…", " "
	}
	for i, r := range runes[from:to] {
		text := printable(string(r))
		shown += text
		switch {
		case from+i >= at:
		case r == '\t':
			caret += text
		default:
			caret += strings.Repeat(" ", utf8.RuneCountInString(text))
		}
	}
	if to < len(runes) {
		shown += "…"
	}
	return shown, caret
}

// printable escapes characters that a terminal would act on or not show, such as
// \x1b.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			b.WriteByte('?')
		case r == '\t' || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// Quote puts a value of the file in quotes for a message: shortened when it is
// long, and left out when it is a private key.
func Quote(value string) string { return strconv.Quote(short(value)) }

// short cuts a value to the length that fits a message.
func short(value string) string {
	const most = 80
	if holdsPrivateKey([]byte(value)) {
		return "…"
	}
	if utf8.RuneCountInString(value) <= most {
		return value
	}
	return string([]rune(value)[:most]) + "…"
}
