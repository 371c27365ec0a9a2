// Package show writes what changes, what that does and in which order, as text and as
// Markdown. It decides nothing.
package show

import (
	"fmt"
	"strings"

	"hagen/out/review/diff"
	"hagen/out/review/order"
)

// Style holds the escape sequences of a terminal; all empty gives plain text.
type Style struct {
	Bold, Red, Green, Faint, Normal string
}

// In puts a text between an escape sequence and its end.
func (s Style) In(mark, text string) string {
	if mark == "" {
		return text
	}
	return mark + text + s.Normal
}

// Text writes a diff as text.
func Text(o order.Order, h Heading, style Style) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s → %s)\n", style.In(style.Bold, plain.title(o, h)), Visible(h.Before), Visible(h.After))
	for _, text := range h.Unknown {
		fmt.Fprintf(&b, "%s\n", Visible(text))
	}
	b.WriteString(Changes(o.Changes, style))
	for _, s := range plain.sections(o) {
		b.WriteString(s.text(style))
	}
	return b.String()
}

// Changes writes what changes in files, units and other items, by hosts.
func Changes(changes []diff.Change, style Style) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	hosts := ""
	for _, c := range changes {
		if now := plain.who(c); now != hosts {
			hosts = now
			line("\n%s", style.In(style.Bold, hosts))
		}
		mark, color := style.mark(c.How)
		line("  %s", style.In(color, mark+" "+plain.change(c)))
		for _, detail := range c.Details {
			line("      %s", plain.detail(detail))
		}
		if c.ContextDiffers {
			line("      %s", style.In(style.Faint, "as on "+Visible(c.Hosts[0])+"; the lines around differ elsewhere"))
		}
		for _, hunk := range c.Hunks {
			line("      %s", style.In(style.Faint, hunk.Head()))
			for _, l := range hunk.Lines {
				line("      %s", style.In(map[byte]string{'-': style.Red, '+': style.Green, ' ': ""}[l[0]], Visible(l)))
			}
		}
		for _, e := range reasons(c) {
			line("      %s", style.In(style.Faint, "→ "+plain.reason(e)))
		}
	}
	return b.String()
}

// text writes a section.
func (s section) text(style Style) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", style.In(style.Bold, s.title))
	for i, l := range s.lines {
		number := "  "
		if s.numbered {
			number = fmt.Sprintf("  %d. ", i+1)
		}
		fmt.Fprintf(&b, "%s%s\n", number, strings.ReplaceAll(l, "\n", "\n"+strings.Repeat(" ", len(number))))
	}
	return b.String()
}

func (s Style) mark(how string) (mark, color string) {
	switch how {
	case diff.Added:
		return "+", s.Green
	case diff.Removed:
		return "-", s.Red
	}
	return "~", s.Bold
}
