package read_test

import (
	"strings"
	"testing"

	"hagen/gen/read"
)

// TestYAML finds values and where they stand, in whatever style.
func TestYAML(t *testing.T) {
	for _, test := range []struct {
		what, text string
		keys       []string
		value      string
		at         string // what stands at its offset; "" is the end of the text
	}{
		{"a value", "a: b # c\n", []string{"a"}, "b", "b # c"},
		{"in quotes", "ä: 'x'\nb: \"c # d\"\n", []string{"b"}, "c # d", `"c # d"`},
		{"below", "a:\n  b: c\n", []string{"a", "b"}, "c", "c\n"},
		{"below on one line", "a: {b: c, d: e}\n", []string{"a", "d"}, "e", "e}"},
		{"JSON with tabs", "{\n\t\"a\": {\n\t\t\"b\": \"c\"\n\t}\n}\n", []string{"a", "b"}, "c", `"c"`},
		{"an anchor", "x: &x {b: c}\na: *x\n", []string{"a", "b"}, "c", "c}"},
		{"given twice", "a: b\na: c\n", []string{"a"}, "c", "c\n"},
		{"an item", "a:\n- - b\n- c: d\n", []string{"a", "-", "c"}, "d", "d\n"},
		{"an item of keys", "a:\n  - c: d\n", []string{"a", "-"}, "", "- c: d"},
		{"nothing", "a:\nb: c\n", []string{"a"}, "", "\nb"},
		{"lines of another system", "a: b\r\nc: d\r\n", []string{"c"}, "d", "d\r\n"},
		{"the first of two documents", "---\na: b\n---\na: c\n", []string{"a"}, "b", "b\n"},
	} {
		root, ok := read.ParseYAML(test.text)
		if !ok {
			t.Errorf("%s: cannot be read", test.what)
			continue
		}
		n := root.Get(test.keys...)
		if n == nil || n.Value() != test.value || !strings.HasPrefix(test.text[n.Offset():], test.at) {
			t.Errorf("%s: %+v", test.what, n)
		}
	}
	for _, text := range []string{"", "# a\n", "a", "a: b: c\n", "a: [b\n", "\ta: b\n", "a: b\n c: d\n", "{}", "a: *b\n"} {
		if _, ok := read.ParseYAML(text); ok {
			t.Errorf("%q is read", text)
		}
	}
	if n, _ := read.ParseYAML("a: b\n"); n.Get("b", "c").Offset() != -1 || n.Get("b").Items() != nil {
		t.Error("finds what is not there")
	}
}
