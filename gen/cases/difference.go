package cases

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Difference says what makes one text of another: unified diff without numbers
// of lines and with no more context than tells the place, so that a line that
// both texts get changes nothing in it. heading is what is written behind @@
// for the lines before a place, once for all places below it.
func Difference(from, to []byte, heading func(before []string) string) ([]byte, error) {
	for _, text := range [][]byte{from, to} {
		if len(text) > 0 && text[len(text)-1] != '\n' {
			return nil, errors.New("the last line has no end")
		}
	}
	lines := slices.Collect(strings.Lines(string(from)))
	var out bytes.Buffer
	done, said := 0, ""
	for rest := changes(from, to); len(rest) > 0; {
		start, stop, together := place(lines, done, rest)
		under := heading(lines[:rest[0].at])
		if under == said {
			under = ""
		} else {
			said = under
		}
		fmt.Fprintln(&out, strings.TrimSpace("@@ "+under))
		next := start
		for _, c := range rest[:together] {
			write(&out, ' ', lines[next:c.at])
			write(&out, '-', lines[c.at:c.at+c.removed])
			write(&out, '+', c.added)
			next = c.at + c.removed
		}
		write(&out, ' ', lines[next:stop])
		done, rest = stop, rest[together:]
	}
	return out.Bytes(), nil
}

func write(out *bytes.Buffer, sign byte, lines []string) {
	for _, line := range lines {
		out.WriteByte(sign)
		out.WriteString(line)
	}
}

// place takes so many lines around the first change that they are found
// nowhere before, and the changes that this reaches.
func place(lines []string, done int, rest []change) (start, stop, together int) {
	for context := 0; ; context++ {
		start, together = max(done, rest[0].at-context), 1
		stop = min(len(lines), rest[0].at+rest[0].removed+context)
		for together < len(rest) && rest[together].at <= stop {
			stop = min(len(lines), rest[together].at+rest[together].removed+context)
			together++
		}
		if find(lines, done, lines[start:stop]) == start {
			return start, stop, together
		}
	}
}

// find gives where lines are found for the first time from a line on, -1 for
// nowhere.
func find(lines []string, from int, wanted []string) int {
	for i := from; i+len(wanted) <= len(lines); i++ {
		if slices.Equal(lines[i:i+len(wanted)], wanted) {
			return i
		}
	}
	return -1
}

// change is one place where texts differ: there, lines of the old one are
// removed and others are added.
type change struct {
	at, removed int
	added       []string
}

// changes lists where texts differ.
func changes(from, to []byte) []change {
	_, hunks, _ := strings.Cut(string(diff.Diff("old", from, "new", to)), "\n+++ new\n")
	var out []change
	at, open := 0, false
	for line := range strings.Lines(hunks) {
		switch line[0] {
		case '@':
			var count int
			if _, err := fmt.Sscanf(line, "@@ -%d,%d", &at, &count); err != nil {
				panic(err) // the library writes nothing else
			}
			if count > 0 {
				at-- // the first line is 1
			}
			open = false
			continue
		case ' ':
			at, open = at+1, false
			continue
		}
		if !open {
			out, open = append(out, change{at: at}), true
		}
		c := &out[len(out)-1]
		if line[0] == '-' {
			c.removed++
			at++
		} else {
			c.added = append(c.added, line[1:])
		}
	}
	return out
}

// Apply makes of a text what the hunks of a difference say: each is found
// behind the one before it, at the first place where its lines stand.
func Apply(from, hunks []byte) ([]byte, error) {
	lines := slices.Collect(strings.Lines(string(from)))
	var out bytes.Buffer
	var old, made []string
	done, first := 0, true
	end := func() error {
		at := find(lines, done, old)
		if at < 0 {
			return fmt.Errorf("these lines are not found:\n%s", strings.Join(old, ""))
		}
		for _, line := range slices.Concat(lines[done:at], made) {
			out.WriteString(line)
		}
		done, old, made = at+len(old), nil, nil
		return nil
	}
	for line := range strings.Lines(string(hunks)) {
		switch line[0] {
		case '@':
			if !first {
				if err := end(); err != nil {
					return nil, err
				}
			}
		case ' ':
			old, made = append(old, line[1:]), append(made, line[1:])
		case '-':
			old = append(old, line[1:])
		case '+':
			made = append(made, line[1:])
		default:
			return nil, fmt.Errorf("a line of a difference begins with a space, -, + or @@: %q", line)
		}
		first = false
	}
	if err := end(); err != nil {
		return nil, err
	}
	for _, line := range lines[done:] {
		out.WriteString(line)
	}
	return out.Bytes(), nil
}
