package main

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

	"hagen/gen/spec"
	"hagen/out/diff"
	"hagen/profiles"
)

// ui holds the rules of output:
//
//   - stdout is for what was asked for and may be piped: a document, JSON, a
//     list, a script. A command that writes files prints nothing there.
//   - stderr is for people: progress, warnings, faults. Nothing there is
//     meant to be parsed.
//   - A secret goes to neither, except to stdout when -o - asks for it, and
//     then only into a pipe or file.
//   - Bold type and colours mark words on a terminal, unless NO_COLOR is set
//     (no-color.org) or the terminal is dumb. Nothing depends on them.
//   - Names come from files that others wrote: what a terminal would act on
//     is not passed on.
type ui struct {
	out          *output
	err          io.Writer
	outTerminal  bool
	bold, normal string
	warnings     []string // all that were printed
	notes        []string
	clock        func() time.Time
}

func newUI(out, err *os.File) *ui {
	u := &ui{out: &output{w: out}, err: err, outTerminal: term.IsTerminal(int(out.Fd())), clock: time.Now}
	if term.IsTerminal(int(err.Fd())) && marked() {
		u.bold, u.normal = "\x1b[1m", "\x1b[0m"
	}
	return u
}

// marked says whether a terminal may get more than text.
func marked() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

// style is that of a diff on stdout.
func (u *ui) style() diff.Style {
	if !u.outTerminal || !marked() {
		return diff.Style{}
	}
	return diff.Style{Bold: "\x1b[1m", Red: "\x1b[31m", Green: "\x1b[32m", Faint: "\x1b[2m", Normal: "\x1b[0m"}
}

// output remembers that it could not be written to, so that no command has to
// check each line it prints: run does.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(text []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(text)
	o.err = err
	return n, err
}

// json prints a value for programs.
func (u *ui) json(value any) {
	encoder := json.NewEncoder(u.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil && u.out.err == nil {
		panic(err) // our own types can be encoded: a test prints each
	}
}

// say prints a line for people.
func (u *ui) say(format string, args ...any) { u.line("", fmt.Sprintf(format, args...)) }

// line prints a line that begins in bold type.
func (u *ui) line(bold, rest string) {
	if bold != "" {
		bold = u.bold + printable(bold) + u.normal
	}
	fmt.Fprintln(u.err, bold+printable(rest))
}

// warn prints a warning, once a run.
func (u *ui) warn(text string) {
	if !slices.Contains(u.warnings, text) {
		u.warnings = append(u.warnings, text)
		u.line("warning:", " "+text)
	}
}

// note prints, once a run, what should be known and cannot be ended.
func (u *ui) note(text string) {
	if !slices.Contains(u.notes, text) {
		u.notes = append(u.notes, text)
		u.line("note:", " "+text)
	}
}

// silent is the same, but tells nothing of what is read.
func (u *ui) silent() *ui {
	return &ui{out: u.out, err: io.Discard, outTerminal: u.outTerminal, clock: u.clock}
}

// time is what the clock says. One that nobody has set would make certificates
// that no machine takes, or call sound ones wrong.
func (u *ui) time() (time.Time, error) {
	now := u.clock()
	if now.Before(profiles.Earliest) {
		return now, failed("the clock says %s, and %s was long over when this hagen was made: set the clock right", now.UTC().Format(time.RFC3339), profiles.Earliest.Format(time.DateOnly))
	}
	return now, nil
}

// fail prints an error. The faults of a cluster file begin with their own
// place in it, as compilers' do, so that editors find it.
func (u *ui) fail(err error) {
	text := err.Error()
	if f, ok := err.(*failure); ok {
		err = f.err
	}
	if _, refused := err.(*spec.Error); refused {
		u.line("", text)
		return
	}
	u.line("hagen:", " "+text)
}

// printable replaces what a terminal would act on.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// table writes rows in columns, numbers to the right; the first row is the
// heading.
func table(w io.Writer, rows [][]string) {
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
			blanks := strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell))
			if numeric[column] {
				cell, blanks = blanks+cell, ""
			}
			line.WriteString(cell + blanks + "  ")
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// count writes a number of bytes with its thousands apart.
func count(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return count(n/1000) + fmt.Sprintf(",%03d", n%1000)
}
