package plan

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

// TestInsideOf: the pattern finds exactly the ranges that are inside.
func TestInsideOf(t *testing.T) {
	for _, outer := range strings.Fields("10.38.0.0/16 10.38.0.0/15 10.0.0.0/8 10.38.64.0/18 10.38.5.0/24 fd00:10:38::/48 fd00:10:38::/56 fd00:10:38:100::/57 fd00:10:38:4000::/50 fd00:10:38:ab00::/56 fd00:10::/32 fd00:10:3::/47 fd00::/32") {
		p := netip.MustParsePrefix(outer)
		inside := regexp.MustCompile("^" + insideOf(p))
		for _, text := range strings.Fields("10.38.0.0/24 10.39.255.0/24 10.40.0.0/24 110.38.0.0/24 10.138.0.0/24 10.38.64.0/24 10.38.127.0/24 10.38.128.0/24 10.38.5.0/24 10.3.8.0/24 " +
			"fd00:10:38::/64 fd00:10:38:1::/64 fd00:10:38:ff::/64 fd00:10:38:100::/64 fd00:10:38:17f::/64 fd00:10:38:180::/64 fd00:10:38:4000::/64 fd00:10:38:7fff::/64 fd00:10:38:8000::/64 fd00:10:38:abcd::/64 fd00:10:38:ab::/64 fd00:10:380::/64 fd00:10:3:5::/64 fd00:10:2::/64 fd00:10:4::/64 fd00::/64 fd00:0:5::/64 fd00:1::/64") {
			r := netip.MustParsePrefix(text)
			if want := p.Contains(r.Addr()) && r.Bits() >= p.Bits(); inside.MatchString(text) != want {
				t.Errorf("%s in %s: want %t of %s", text, outer, want, inside)
			}
		}
	}
}
