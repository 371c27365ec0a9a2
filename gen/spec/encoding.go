package spec

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// byteOrderMark is what some Windows editors put in front of UTF-8. It is
// skipped; columns do not count it.
var byteOrderMark = []byte("\uFEFF")

// start is the remedy for a file of which nothing can be kept.
const start = "hagen init writes a file to start from"

// encoding refuses text that is not UTF-8, and the characters that YAML does not
// allow (YAML 1.2.2, 5.1). The byte order mark has been cut off.
func encoding(text []byte) *Fault {
	switch {
	case len(text) > MaxSize:
		return &Fault{Problem: "the file is larger than 1 MiB", Remedy: "a cluster file has a few kilobytes: is this the right file?"}
	case len(bytes.TrimSpace(text)) == 0:
		return &Fault{Problem: "the file is empty", Remedy: start}
	case bytes.HasPrefix(text, []byte{0xff, 0xfe, 0, 0}) || bytes.HasPrefix(text, []byte{0, 0, 0xfe, 0xff}): // before UTF-16, whose mark begins the same
		return &Fault{Problem: "the file is UTF-32 text", Remedy: "save it as UTF-8"}
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		return &Fault{Problem: "the file is UTF-16 text", Remedy: "save it as UTF-8"}
	}
	at := At{Line: 1, Column: 1}
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if fault := character(r, size, rest); fault != nil {
			fault.At = at
			return fault
		}
		if at.Column++; r == '\n' {
			at = At{Line: at.Line + 1, Column: 1}
		}
		rest = rest[size:]
	}
	return nil
}

// character returns a fault if the first character of a text is not allowed.
func character(r rune, size int, text []byte) *Fault {
	switch {
	case r == utf8.RuneError && size == 1:
		return &Fault{Problem: fmt.Sprintf("byte 0x%02x is not UTF-8", text[0]), Remedy: "save the file as UTF-8"}
	case r == '\r' && !bytes.HasPrefix(text, []byte("\r\n")):
		return &Fault{Problem: "a carriage return without a newline", Remedy: "save the file with Unix or Windows line endings"}
	case r == '\t' || r == '\n' || r == '\r':
		return nil
	case r < ' ' || 0x7f <= r && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufffe' || r == '\uffff':
		// U+0085, U+2028 and U+2029 end a line for some YAML readers and not
		// for others.
		return &Fault{Problem: fmt.Sprintf("the control character U+%04X stands here", r), Remedy: "remove it: a cluster file is plain text"}
	}
	return nil
}
