package control

import (
	"net/netip"
	"path"
	"slices"
	"testing"

	"hagen/pki"
)

// TestFormerNames: what all API servers carried stays, and what one machine
// has of its own, or the cluster file asks for, is not among it.
func TestFormerNames(t *testing.T) {
	for _, c := range []struct {
		name       string
		keep, want []string
	}{
		{"a load balancer that is gone", []string{"old.example.com", "192.0.2.9", "fd00::9"}, []string{"old.example.com", "192.0.2.9", "fd00::9"}},
		{"what the cluster file asks for", []string{"kubernetes", "kubernetes.default.svc"}, nil},
		{"a master's own", []string{"kubem00", "10.10.10.81"}, nil},
		{"the loopback", []string{"127.0.0.1"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			kept := readCluster(t, "standard").Keep(c.keep)
			if got := FormerNames(kept); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			for _, r := range Requests(kept) {
				for _, name := range c.want {
					address, err := netip.ParseAddr(name)
					has := slices.Contains(r.DNSNames, name) || err == nil && slices.Contains(r.IPAddresses, address)
					if has != (path.Base(r.Name) == serverStem) {
						t.Errorf("%s has %s: %v", r.Name, name, has)
					}
				}
			}
		})
	}
}

// TestRecordedNames: certificates of before the lock file told of names tell
// what their cluster shared.
func TestRecordedNames(t *testing.T) {
	c := readCluster(t, "standard")
	recorded := map[string]pki.Request{}
	for _, r := range Requests(c) {
		recorded[r.Name] = r
	}
	if got, want := nameTexts(RecordedNames(recorded), nil), nameTexts(SharedNames(c), nil); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := RecordedNames(map[string]pki.Request{}); got != nil {
		t.Errorf("%q of no certificates", got)
	}
}
