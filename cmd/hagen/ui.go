package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"hagen/gen/spec"
)

// ui holds the rules of output:
//
//   - stdout is for what was asked for and may be piped: a document, JSON, a
//     list, a script. A command that writes files prints nothing there.
//   - stderr is for people: progress, warnings, faults. Nothing there is
//     meant to be parsed.
//   - A secret goes to neither, except to stdout when -o - asks for it, and
//     then only into a pipe or file.
//   - Bold type marks words on a terminal, unless NO_COLOR is set
//     (no-color.org) or the terminal is dumb. Nothing depends on it.
type ui struct {
	out, err     io.Writer
	outTerminal  bool
	bold, normal string
}

func newUI(out, err *os.File) *ui {
	u := &ui{out: out, err: err, outTerminal: term.IsTerminal(int(out.Fd()))}
	if term.IsTerminal(int(err.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		u.bold, u.normal = "\x1b[1m", "\x1b[0m"
	}
	return u
}

// say prints a line for people.
func (u *ui) say(format string, args ...any) {
	fmt.Fprintf(u.err, format+"\n", args...)
}

// warn prints a warning.
func (u *ui) warn(text string) {
	fmt.Fprintf(u.err, "%swarning:%s %s\n", u.bold, u.normal, text)
}

// fail prints an error. The faults of a cluster file begin with their own
// place in it, as compilers' do, so that editors find it.
func (u *ui) fail(err error) {
	text := err.Error()
	if _, refused := unwrap(err).(*spec.Error); refused {
		fmt.Fprintln(u.err, text)
		return
	}
	fmt.Fprintf(u.err, "%shagen:%s %s\n", u.bold, u.normal, text)
}

func unwrap(err error) error {
	if f, ok := err.(*failure); ok {
		return f.err
	}
	return err
}

// table writes rows in columns; the first row is the heading.
func table(w io.Writer, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
}

// count writes a number of bytes with its thousands apart.
func count(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return count(n/1000) + fmt.Sprintf(",%03d", n%1000)
}
