package show

import (
	"strings"
	"unicode"

	"hagen/gen/lazy"
)

// markup writes texts from files: names and values as they are, and sentences that
// contain some.
type markup struct{ code, prose func(string) string }

var (
	plain    = markup{Visible, Visible}
	markdown = markup{Code, Prose}
)

// Visible replaces characters that a terminal would act on: names and contents come from
// files that others wrote.
func Visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// Code quotes a text (CommonMark, Code spans): the fence is longer than any
// run of backquotes in it.
func Code(text string) string {
	text = Visible(text)
	fence := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

var special = lazy.Regexp("[\\\\`*_<>#|~\\[\\]]")

// Prose escapes a sentence: a backslash before what would be markup (CommonMark, Backslash escapes).
func Prose(text string) string { return special().ReplaceAllString(Visible(text), `\$0`) }

// Fenced writes lines as a block of code. The language may be empty.
func Fenced(language, text string) string {
	fence := fenceFor(text)
	return fence + language + "\n" + text + fence + "\n"
}

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
