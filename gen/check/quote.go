package check

import (
	"fmt"
	"io"
	"strings"

	"hagen/gen/read"
	"hagen/gen/redact"
)

// A quote is what a message has of a machine's text. It stands between marks until
// Hide has decided whether it may be shown: the text, and before it the item and the
// lines that it is of, if they are not those of the finding's place.
const (
	quoteBegins, quoteGoesOn, quoteEnds = "\x02", "\x1f", "\x03"
)

// quoteMarks are removed from texts, which would end a quote too early.
var quoteMarks = strings.NewReplacer(quoteBegins, "", quoteGoesOn, "", quoteEnds, "")

// quote marks a text as one that was read on a machine.
func quote(text string) string {
	return quoteBegins + quoteGoesOn + quoteGoesOn + quoteMarks.Replace(text) + quoteEnds
}

// quoteOf marks a text that is of lines of an item.
func quoteOf(item string, lines []string, text string) string {
	return quoteBegins + quoteMarks.Replace(item) + quoteGoesOn + quoteMarks.Replace(strings.Join(lines, "\n")) + quoteGoesOn + quoteMarks.Replace(text) + quoteEnds
}

// own is what a message has of hagen's own: names of flags, of daemons and machines,
// what a rule says, and text with its quotes marked already.
type own string

// quoted is an argument of a message, formatted as a quote.
type quoted struct{ value any }

// Format implements fmt.Formatter.
func (q quoted) Format(f fmt.State, verb rune) {
	io.WriteString(f, quote(fmt.Sprintf(fmt.FormatString(f, verb), q.value)))
}

// quotes marks the arguments of a message that may be of a machine's text: all but
// hagen's own, and numbers.
func quotes(args []any) []any {
	marked := make([]any, len(args))
	for i, a := range args {
		switch a.(type) {
		case own, int, int64, uint16, float64, bool:
			marked[i] = a
		default:
			marked[i] = quoted{a}
		}
	}
	return marked
}

// nameOf returns a name in a message: as hagen's own if a known one was meant.
func nameOf(name, meant string) any {
	if meant != "" {
		return own(name)
	}
	return flagName(name)
}

// orEmpty returns a value in a message.
func orEmpty(value string) any {
	if value == "" {
		return own("empty")
	}
	return value
}

// flagName returns a flag's name in a message: as hagen's own if a daemon has it.
func flagName(name string) any {
	if redact.IsFlag(name) {
		return own(name)
	}
	return name
}

// linesAt returns the line at a place, and those on which it goes on.
func linesAt(p read.Place) (lines []string) {
	at := min(max(p.At, 0), len(p.Text))
	for line := range strings.SplitSeq(p.Text[strings.LastIndexByte(p.Text[:at], '\n')+1:], "\n") {
		if lines = append(lines, line); !strings.HasSuffix(line, `\`) {
			break
		}
	}
	return lines
}
