package show

import (
	"fmt"
	"strings"

	"hagen/out/review/diff"
	"hagen/out/review/order"
)

// maxMarkdown is how many bytes of a comment the lines of files may fill: GitHub takes
// 65536 characters, GitLab more.
const maxMarkdown = 40000

// Markdown writes a diff as a comment on a pull request. It puts what it
// quotes into code, so that nothing in it is markup.
func Markdown(o order.Order, h Heading) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("### %s", markdown.title(o, h))
	line("\n%s → %s", Code(h.Before), Code(h.After))
	for _, text := range h.Unknown {
		line("\n%s", Prose(text))
	}
	for _, s := range markdown.sections(o) {
		line("\n**%s**\n", s.title)
		for i, l := range s.lines {
			number := "- "
			if s.numbered {
				number = fmt.Sprintf("%d. ", i+1)
			}
			// Each command and note is a line of its own.
			line("%s%s", number, strings.ReplaceAll(l, "\n", "\\\n"+strings.Repeat(" ", len(number))))
		}
	}
	MarkdownChanges(&b, o.Changes, "hagen diff")
	return b.String()
}

// MarkdownChanges adds what changes in files, units and other items, by hosts, to a comment
// that may begin with something else. The command shows what does not fit.
func MarkdownChanges(b *strings.Builder, changes []diff.Change, command string) {
	line := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	hosts, left := "", 0
	for _, c := range changes {
		if now := markdown.who(c); now != hosts {
			hosts = now
			line("\n#### %s", hosts)
		}
		line("\n%s", markdown.change(c))
		if len(c.Details)+len(reasons(c)) > 0 {
			line("")
		}
		for _, detail := range c.Details {
			line("- %s", markdown.detail(detail))
		}
		for _, e := range reasons(c) {
			line("- → %s", markdown.reason(e))
		}
		if len(c.Hunks) == 0 {
			continue
		}
		text := hunkText(c)
		if b.Len()+len(text) > maxMarkdown {
			left++
			line("\n(too long for a comment: %s shows its lines)", Code(command))
			continue
		}
		fmt.Fprintf(b, "\n%s", Fenced("diff", text))
	}
	if left > 0 {
		line("\nThe lines of %d files and units were left out.", left)
	}
}

func hunkText(c diff.Change) string {
	var b strings.Builder
	for _, hunk := range c.Hunks {
		b.WriteString(hunk.Head())
		if c.ContextDiffers {
			b.WriteString(" as on " + Visible(c.Hosts[0]))
		}
		b.WriteString("\n")
		for _, l := range hunk.Lines {
			b.WriteString(Visible(l) + "\n")
		}
	}
	return b.String()
}
