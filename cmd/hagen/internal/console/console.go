// Package console writes hagen's output.
package console

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/spec"
	"hagen/out/review/show"
	"hagen/profiles"
)

// UI writes hagen's output by these rules:
//
//   - stdout is for the result, which may be piped: a document, JSON, a list, a
//     script. A command that writes files prints nothing there.
//   - stderr is for people: progress, warnings, faults. It is not meant to be
//     parsed.
//   - A secret goes to neither, except to stdout when -o - asks for it, and
//     then only into a pipe or file.
//   - Bold type and colours mark words on a terminal, unless NO_COLOR is set
//     (no-color.org) or the terminal is dumb. Nothing depends on them.
//   - Names come from files that others wrote: hagen does not print control
//     characters.
type UI struct {
	Out          *Output
	Err          io.Writer
	Terminal     bool // stdout is a terminal
	bold, normal string
	Warnings     []string // all that were printed
	Notes        []string
	Clock        func() time.Time // see Time
}

// New returns a UI for a process's own output.
func New(out, err *os.File) *UI {
	u := To(out, err)
	u.Terminal = term.IsTerminal(int(out.Fd()))
	if term.IsTerminal(int(err.Fd())) && marked() {
		u.bold, u.normal = "\x1b[1m", "\x1b[0m"
	}
	return u
}

// To returns a UI for output that is not a terminal.
func To(out, err io.Writer) *UI {
	return &UI{Out: &Output{W: out}, Err: err, Clock: time.Now}
}

// marked reports whether a terminal may get more than text.
func marked() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

// Style returns the style of a diff on stdout.
func (u *UI) Style() show.Style {
	if !u.Terminal || !marked() {
		return show.Style{}
	}
	return show.Style{Bold: "\x1b[1m", Red: "\x1b[31m", Green: "\x1b[32m", Faint: "\x1b[2m", Normal: "\x1b[0m"}
}

// Output remembers the first failed write, so that no command has to check each
// line that it prints: run does.
type Output struct {
	W      io.Writer
	Failed error // nil if everything was written
}

// Write implements io.Writer.
func (o *Output) Write(text []byte) (int, error) {
	if o.Failed != nil {
		return 0, o.Failed
	}
	n, err := o.W.Write(text)
	o.Failed = err
	return n, err
}

// JSON prints a value as JSON.
func (u *UI) JSON(value any) {
	encoder := json.NewEncoder(u.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil && u.Out.Failed == nil {
		panic(err) // all types can be encoded: a test prints each
	}
}

// Say prints a line on stderr.
func (u *UI) Say(format string, args ...any) { u.Line("", fmt.Sprintf(format, args...)) }

// Line prints a line on stderr whose beginning is bold.
func (u *UI) Line(bold, rest string) {
	if bold != "" {
		bold = u.bold + Printable(bold) + u.normal
	}
	fmt.Fprintln(u.Err, bold+Printable(rest))
}

// Warn prints a warning, once a run.
func (u *UI) Warn(text string) {
	if !slices.Contains(u.Warnings, text) {
		u.Warnings = append(u.Warnings, text)
		u.Line("warning:", " "+text)
	}
}

// WarnEach prints several warnings.
func (u *UI) WarnEach(texts []string) {
	for _, text := range texts {
		u.Warn(text)
	}
}

// Waiting returns the function that reports a wait for another run.
func (u *UI) Waiting(dir string) func() {
	return func() { u.Say("waiting for another hagen that is working on %s", dir) }
}

// Note prints, once a run, what the user should know but cannot change.
func (u *UI) Note(text string) {
	if !slices.Contains(u.Notes, text) {
		u.Notes = append(u.Notes, text)
		u.Line("note:", " "+text)
	}
}

// Silent returns a UI that discards what is printed on stderr.
func (u *UI) Silent() *UI {
	return &UI{Out: u.Out, Err: io.Discard, Terminal: u.Terminal, Clock: u.Clock}
}

// Time returns the clock's time. A clock that was never set would make
// certificates that no machine accepts, or make valid ones look wrong.
func (u *UI) Time() (time.Time, error) {
	now := u.Clock()
	if now.Before(profiles.Earliest) {
		return now, exit.Failed("the clock says %s, but this hagen was made after %s: set the clock right", now.UTC().Format(time.RFC3339), profiles.Earliest.Format(time.DateOnly))
	}
	return now, nil
}

// Fail prints an error. The faults of a cluster file begin with their position,
// as compilers' do, so that editors find it.
func (u *UI) Fail(err error) {
	text := err.Error()
	if _, refused := exit.Bare(err).(*spec.Error); refused {
		u.Line("", text)
		return
	}
	u.Line("hagen:", " "+text)
}

// Printable replaces control characters, which a terminal would act on.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// Table writes rows in columns and aligns numbers to the right; the first row
// is the heading.
func Table(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	numeric := make([]bool, len(rows[0]))
	for column := range widths {
		numeric[column] = true
		for i, row := range rows {
			widths[column] = max(widths[column], utf8.RuneCountInString(row[column]))
			numeric[column] = numeric[column] && (i == 0 || strings.Trim(row[column], "0123456789,-") == "")
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for column, cell := range row {
			spaces := strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell))
			if numeric[column] {
				cell, spaces = spaces+cell, ""
			}
			line.WriteString(cell + spaces + "  ")
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// Count formats a number with separated thousands.
func Count(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return Count(n/1000) + fmt.Sprintf(",%03d", n%1000)
}

// Number formats a number of things.
func Number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// List returns an empty list for nil, which would be null in JSON.
func List(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}
