package control

import (
	"net/netip"
	"path"
	"slices"
	"testing"

	"hagen/pki"
)

// TestFormerNames: what all API servers carried stays; what the cluster file asks
// for is not former.
func TestFormerNames(t *testing.T) {
	for _, c := range []struct {
		name       string
		keep, want []string
	}{
		{"a load balancer that is gone", []string{"old.example.com", "192.0.2.9", "fd00::9"}, []string{"old.example.com", "192.0.2.9", "fd00::9"}},
		{"what the cluster file asks for", []string{"kubernetes", "kubernetes.default.svc"}, nil},
		{"what is a master's own now", []string{"kubem00", "10.10.10.81"}, []string{"kubem00", "10.10.10.81"}},
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
					if path.Base(r.Name) == serverStem && !has {
						t.Errorf("%s lacks %s", r.Name, name)
					}
				}
			}
		})
	}
}

// TestForgetWords: a wildcard is quoted.
func TestForgetWords(t *testing.T) {
	if got, want := ForgetWords(readCluster(t, "standard").Keep([]string{"*.example.com", "a.example.com"})), "'*.example.com' a.example.com"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestRecordedNames: certificates of before the lock file told of names tell
// what their cluster shared.
func TestRecordedNames(t *testing.T) {
	for _, name := range []string{"classic", "colocated", "external", "small", "dual-stack"} {
		c := readCluster(t, name)
		recorded := map[string]pki.Request{}
		for _, r := range Requests(c) {
			recorded[r.Name] = r
		}
		if got, want := slices.Sorted(slices.Values(RecordedNames(c, recorded))), slices.Sorted(slices.Values(SharedNames(c))); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if former := FormerNames(c.Keep(RecordedNames(c, recorded))); len(former) > 0 {
			t.Errorf("%s: nothing changed, and %q is former", name, former)
		}
	}
	c := readCluster(t, "standard")
	recorded := map[string]pki.Request{}
	for _, r := range Requests(c) {
		recorded[r.Name] = r
	}
	if got, want := nameTexts(RecordedNames(c, recorded), nil), nameTexts(SharedNames(c), nil); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// A host that is gone has none of the names that were added later.
	gone := recorded["hosts/kubem00/apiserver"]
	gone.DNSNames = gone.DNSNames[:1]
	recorded["hosts/kubem09/apiserver"] = gone
	if got, want := nameTexts(RecordedNames(c, recorded), nil), nameTexts(SharedNames(c), nil); !slices.Equal(got, want) {
		t.Errorf("with a host that is gone: %q, want %q", got, want)
	}
	if got := RecordedNames(c, map[string]pki.Request{}); got != nil {
		t.Errorf("%q of no certificates", got)
	}
}
