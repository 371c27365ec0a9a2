package gen_test

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"hagen/gen"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/pki"
)

// large is a cluster at the edge of what makes sense: nine masters, four load
// balancers, names as long as a DNS label can be, twenty further SANs.
func large() string {
	var b strings.Builder
	b.WriteString(`apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: large}
spec:
  endpoint: api.example.com:6443
  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
`)
	name := func(prefix string, i int) string {
		return fmt.Sprintf("%s%d-%s", prefix, i, strings.Repeat("n", 63-len(prefix)-2))
	}
	b.WriteString("  masters:\n")
	for i := range 9 {
		fmt.Fprintf(&b, "    - {name: %s, addresses: [192.0.2.%d]}\n", name("m", i), 10+i)
	}
	b.WriteString("  loadBalancers:\n")
	for i := range 4 {
		fmt.Fprintf(&b, "    - {name: %s, addresses: [192.0.2.%d]}\n", name("l", i), 2+i)
	}
	b.WriteString("  apiServer:\n    extraSANs:\n")
	for i := range 20 {
		fmt.Fprintf(&b, "      - api-%d.%s.example.com\n", i, strings.Repeat("s", 63))
	}
	return b.String()
}

func readText(t testing.TB, text string) *cluster.Cluster {
	t.Helper()
	c, err := gen.Read(spec.Source{Name: "cluster.yaml", Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLarge(t *testing.T) {
	c := readText(t, large())
	issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	machines, err := gen.Render(c, issued.Set, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(machines) != 13 {
		t.Fatalf("%d machines", len(machines))
	}
	for _, m := range machines {
		for _, d := range m.Documents {
			// The smallest channel that is no cloud's user data: the embed area of
			// a Fedora CoreOS image, 262144 bytes (coreos-installer, iso embed).
			if len(d.Text) > 262144 {
				t.Errorf("%s has %d bytes", d.Path, len(d.Text))
			}
		}
	}
}

// TestMemoryStaysFlat renders a thousand clusters in one process: what a
// program that imports hagen would do.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	text := `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: c%d}
spec:
  endpoint: m0:6443
  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
  masters: [{name: m0, addresses: [192.0.2.10]}]
`
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	var early uint64
	for i := range 1000 {
		c := readText(t, fmt.Sprintf(text, i))
		issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gen.Render(c, issued.Set, nil, nil); err != nil {
			t.Fatal(err)
		}
		if i == 100 {
			early = heap()
		}
	}
	if late := heap(); late > early+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes over 900 clusters", early, late)
	}
}
