package cases

import (
	"bytes"
	"strings"
	"testing"
)

// headed writes the last line that begins with a letter.
func headed(before []string) string {
	for i := len(before) - 1; i >= 0; i-- {
		if before[i][0] >= 'A' {
			return strings.TrimSpace(before[i])
		}
	}
	return ""
}

func TestDifference(t *testing.T) {
	for _, test := range []struct{ what, from, to, want string }{
		{"same", "a\n", "a\n", ""},
		{"from nothing", "", "a\n", "@@\n+a\n"},
		{"to nothing", "a\n", "", "@@\n-a\n"},
		{"replaced", "a\n b\n c\n", "a\n x\n c\n", "@@ a\n- b\n+ x\n"},
		{"deleted", "a\n b\n c\n", "a\n c\n", "@@ a\n- b\n"},
		{"inserted", "a\n b\n c\n", "a\n b\n x\n c\n", "@@ a\n  b\n+ x\n  c\n"},
		{"appended", "a\n b\n", "a\n b\n x\n", "@@ a\n  b\n+ x\n"},
		{"before all", "a\n b\n", " x\na\n b\n", "@@\n+ x\n"},
		{"a line that stands before, too", "a\n b\nc\n b\n", "a\n b\nc\n x\n", "@@ c\n c\n- b\n+ x\n"},
		{"two places", "a\n b\n c\n d\n", "a\n x\n c\n y\n", "@@ a\n- b\n+ x\n@@\n- d\n+ y\n"},
		{"two places that one context reaches", "a\n b\na\n b\n c\n", "a\n b\na\n x\n c\n y\n", "@@ a\n a\n- b\n+ x\n  c\n+ y\n"},
	} {
		got, err := Difference([]byte(test.from), []byte(test.to), headed)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", test.what, err, got, test.want)
		}
		if again, err := Apply([]byte(test.from), got); err != nil || string(again) != test.to {
			t.Errorf("%s: %v\n%s", test.what, err, again)
		}
	}
	if got, err := Difference([]byte("a"), nil, headed); err == nil {
		t.Errorf("%s", got)
	}
	for _, hunks := range []string{"-b\n", " b\n+c\n", "@@\n-a\n@@\n-a\n", "a\n", "\n"} {
		if got, err := Apply([]byte("a\n"), []byte(hunks)); err == nil {
			t.Errorf("%q: %q", hunks, got)
		}
	}
	// By hand, without a first @@.
	if got, err := Apply([]byte("a\nb\n"), []byte("-b\n+c\n")); err != nil || string(got) != "a\nc\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// FuzzDifference: what one text lacks of another makes that of it.
func FuzzDifference(f *testing.F) {
	f.Add([]byte("a\nb\na\nb\n"), []byte("b\na\nb\nc\n"))
	f.Add([]byte("\n\n+++ new\n"), []byte("@@ -1,1\n\n-- a\n"))
	f.Fuzz(func(t *testing.T, from, to []byte) {
		difference, err := Difference(from, to, headed)
		if err != nil {
			return
		}
		if got, err := Apply(from, difference); err != nil || !bytes.Equal(got, to) {
			t.Errorf("%v\n%s\nmakes\n%q", err, difference, got)
		}
	})
}
