package gen_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hagen/gen/cases"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/pki"
)

// FuzzParse reads anything as a cluster file. The corpus is every good and
// every bad file of testdata.
func FuzzParse(f *testing.F) {
	good, _ := filepath.Glob(testdata + "/*/cluster.yaml")
	for _, path := range append(good, "cluster/testdata/everything.yaml") {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	bad, err := cases.Dir(testdata).Bad()
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range bad {
		f.Add(b.Text)
	}
	f.Fuzz(whatever)
}

// checkCluster holds a cluster against what the steps after it rely on.
func checkCluster(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	fail := func(what string) { t.Errorf("%s: %+v", what, c) }
	if c.Name == "" || c.Domain == "" || len(c.Issuers) == 0 || c.Release.Minor == "" || c.Profile.Name == "" {
		fail("something is empty")
	}
	if len(c.Members()) == 0 || !families(c.Services) || !families(c.Pods) || len(c.Pods) < len(c.Services) || c.Services[0].Overlaps(c.Pods[0]) {
		fail("masters or ranges")
	}
	if c.NodePorts.First > c.NodePorts.Last || c.APIServer.Port == 0 || c.NodePorts.Contains(c.APIServer.Port) {
		fail("ports")
	}
	names, addresses := map[string]bool{}, map[netip.Addr]bool{}
	for _, h := range c.Hosts() {
		if names[h.Name] || len(h.Name) > 64 || strings.ToLower(h.Name) != h.Name || strings.ContainsAny(h.Name, " /\\\n\x1b\"'$%") {
			fail("host name")
		}
		names[h.Name] = true
		if len(h.Addresses) == 0 || h.OS.Name == "" || h.Address().Is4() != c.Services[0].Addr().Is4() {
			fail("host")
		}
		for _, i := range h.Interfaces {
			if i.Name == "" && i.MAC == "" || len(i.Addresses) == 0 || len(i.Gateways) > 2 {
				fail("interface")
			}
		}
		for _, a := range h.Addresses {
			if addresses[a] || a.Zone() != "" || a.Is4In6() || c.Services[0].Contains(a) || c.Pods[0].Contains(a) {
				fail("address")
			}
			addresses[a] = true
		}
	}
	if c.Endpoint.Port == 0 || c.Endpoint.Host == "" || c.Endpoint.Address.IsValid() && len(c.Endpoint.Answered) == 0 && c.Balancing.Mode != cluster.External {
		fail("endpoint")
	}
	if p := c.PKI; p.Expiry > p.CAExpiry || p.AdminLife > p.CAExpiry || p.AdminLife <= 0 || !slices.Contains(pki.Algorithms(), p.Algorithm) {
		fail("lifetimes")
	}
	checkRequests(t, c)
}

// families says whether ranges are one, or one of each family.
func families(ranges []netip.Prefix) bool {
	return len(ranges) == 1 || len(ranges) == 2 && ranges[0].Addr().Is4() != ranges[1].Addr().Is4()
}

// checkRequests: the PKI takes what the cluster asks for. It would refuse a
// leaf with its authority's subject, for one.
func checkRequests(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	requests := control.Requests(c)
	for _, r := range requests {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
		for _, other := range requests {
			if r.Kind == pki.Leaf && other.Kind == pki.Authority && r.Subject.CommonName == other.Subject.CommonName {
				t.Errorf("%s has the name of its authority", r.Name)
			}
		}
	}
}

// TestNamesOfLeaves: no leaf's name is taken as an authority's.
func TestNamesOfLeaves(t *testing.T) {
	for _, name := range goldenCases(t) {
		for _, r := range control.Requests(readCase(t, name)) {
			if r.Kind == pki.Leaf {
				text := strings.Replace(plain, "  masters:", "  pki: {subject: {commonName: \""+r.Subject.CommonName+"\"}}\n  masters:", 1)
				refusal(t, []byte(text))
			}
		}
	}
}
