package diff

import (
	"fmt"
	"strings"

	"hagen/gen/lazy"
)

// maxMarkdown is how much of a comment lines of files may fill, in bytes:
// GitHub takes 65536 characters, GitLab more.
const maxMarkdown = 40000

// Markdown writes a diff as a comment on a pull request. What it quotes stands
// in code, so that nothing in it is markup.
func (d Diff) Markdown(h Heading) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("### %s", d.title(h, code))
	line("\n%s → %s", code(h.Before), code(h.After))
	for _, s := range d.sections(code, prose) {
		line("\n**%s**\n", s.title)
		for i, l := range s.lines {
			number := "- "
			if s.numbered {
				number = fmt.Sprintf("%d. ", i+1)
			}
			// A line of its own for each command and note.
			line("%s%s", number, strings.ReplaceAll(l, "\n", "\\\n"+strings.Repeat(" ", len(number))))
		}
	}
	hosts, left := "", 0
	for _, c := range d.Changes {
		if now := c.who(code); now != hosts {
			hosts = now
			line("\n#### %s", hosts)
		}
		line("\n%s", c.title(code))
		if len(c.Details)+len(c.reasons()) > 0 {
			line("")
		}
		for _, detail := range c.Details {
			line("- %s", detail.phrase(code))
		}
		for _, e := range c.reasons() {
			line("- → %s", e.phrase(code))
		}
		if len(c.Hunks) == 0 {
			continue
		}
		text := hunkText(c)
		if b.Len()+len(text) > maxMarkdown {
			left++
			line("\n(too long for a comment: `hagen diff` shows its lines)")
			continue
		}
		fence := fenceFor(text)
		line("\n%sdiff\n%s%s", fence, text, fence)
	}
	if left > 0 {
		line("\nThe lines of %d files and units were left out.", left)
	}
	return b.String()
}

func hunkText(c Change) string {
	var b strings.Builder
	for _, hunk := range c.Hunks {
		b.WriteString(hunk.Head())
		if c.Context {
			b.WriteString(" as on " + Visible(c.Hosts[0]))
		}
		b.WriteString("\n")
		for _, l := range hunk.Lines {
			b.WriteString(Visible(l) + "\n")
		}
	}
	return b.String()
}

// code quotes a text (CommonMark, Code spans): the fence is longer than any
// run of backquotes in it.
func code(text string) string {
	text = Visible(text)
	fence := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

var markup = lazy.Regexp("[\\\\`*_<>#|~\\[\\]]")

// prose is a sentence in which names stand as they are: a backslash before
// what would be markup (CommonMark, Backslash escapes).
func prose(text string) string { return markup().ReplaceAllString(Visible(text), `\$0`) }

// fenceFor opens and closes a block of code (CommonMark, Fenced code blocks).
func fenceFor(text string) string { return strings.Repeat("`", max(3, longestRun(text)+1)) }

func longestRun(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
