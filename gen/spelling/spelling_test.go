package spelling

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"kind", "masters", "master", "Restart", "RestartSec"}
	for _, test := range []struct {
		word            string
		most, exchanged int
		want            string
	}{
		{"kind", 0, 1, "kind"},
		{"knd", 1, 1, "kind"},
		{"kinds", 1, 1, "kind"},
		{"kimd", 1, 1, "kind"},
		{"knid", 1, 1, "kind"},
		{"knid", 1, 2, ""},
		{"knid", 2, 2, "kind"},
		{"dink", 1, 1, ""},
		{"restart", 1, 1, "Restart"},
		{"maters", 1, 1, "masters"},
		{"mastersss", 2, 2, "masters"},
		{"mastersss", 1, 1, ""},
		{"", 2, 2, ""},
		{"nodes", 2, 2, ""},
	} {
		if got := Nearest(test.word, known, test.most, test.exchanged); got != test.want {
			t.Errorf("%q, %d slips, %d for an exchange: got %q, want %q", test.word, test.most, test.exchanged, got, test.want)
		}
	}
}
