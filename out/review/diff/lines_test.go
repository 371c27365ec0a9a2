package diff

import (
	"slices"
	"strings"
	"testing"
)

// TestHunks holds the hunks against the texts that they are made of.
func TestHunks(t *testing.T) {
	lines := func(text string) string { return strings.Join(strings.Split(text, ""), "\n") + "\n" }
	for _, test := range []struct{ before, after, want string }{
		{"", lines("ab"), "@@ -0,0 +1,2 @@ +a +b"},
		{lines("ab"), "", "@@ -1,2 +0,0 @@ -a -b"},
		{lines("abcdefgh"), lines("abcdXefgh"), "@@ -2,6 +2,7 @@  b  c  d +X  e  f  g"},
		{lines("a"), lines("b"), "@@ -1,1 +1,1 @@ -a +b"},
		{"a", "a\n", "@@ -1,1 +1,1 @@ -a (no line end) +a"},
		{lines("Xabcdefgh"), lines("YabcdefghZ"), "@@ -1,4 +1,4 @@ -X +Y  a  b  c @@ -7,3 +7,4 @@  f  g  h +Z"},
		{lines("XabcdefY"), lines("abcdef"), "@@ -1,8 +1,6 @@ -X  a  b  c  d  e  f -Y"},
	} {
		var got []string
		for _, h := range Hunks(test.before, test.after) {
			got = append(got, h.Head())
			got = append(got, h.Lines...)
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("%q to %q:\n got %s\nwant %s", test.before, test.after, text, test.want)
		}
	}
	// What is too large for the table is still right.
	big := strings.Repeat("x\n", 3000)
	if h := Hunks("a\n"+big+"b\n", "c\n"+strings.Repeat("y\n", 3000)+"d\n"); len(h) != 1 || len(h[0].Lines) != 6004 {
		t.Errorf("%d hunks", len(h))
	}
}

// FuzzHunks: the hunks, applied to the old text, give the new one.
func FuzzHunks(f *testing.F) {
	f.Add("a\nb\n", "a\nc\n")
	f.Add("", "a")
	f.Add("x\n\n\n", "\n\n\nx\n\n\n\n\n\n\n\n\n\ny")
	f.Fuzz(func(t *testing.T, before, after string) {
		var got []string
		old := split(before)
		next := 0 // line of old
		for _, h := range Hunks(before, after) {
			start := max(h.OldStart-1, 0)
			if start < next || start > len(old) {
				t.Fatalf("a hunk at %d after line %d of %d", h.OldStart, next, len(old))
			}
			got = append(got, old[next:start]...)
			next = start
			for _, l := range h.Lines {
				if l[0] != '+' {
					if old[next] != l[1:] {
						t.Fatalf("%q is not line %d", l, next+1)
					}
					next++
				}
				if l[0] != '-' {
					got = append(got, l[1:])
				}
			}
		}
		got = append(got, old[next:]...)
		if want := split(after); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}
