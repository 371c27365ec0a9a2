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
	"hagen/profiles"
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

// longest is a cluster in which every list is as long as it may be, and every
// name.
func longest(profile, balancing string) string {
	var b strings.Builder
	dotted := func(prefix string, i, length int) string { // of labels of at most 63 characters
		name := fmt.Sprintf("%s%d", prefix, 100+i)
		for len(name) < length {
			name += "." + strings.Repeat("n", min(63, max(1, length-len(name)-1)))
		}
		return name
	}
	fmt.Fprintf(&b, `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: %s}
spec:
  profile: %s
  endpoint: %s:65535
  clusterDomain: %s
  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
`, strings.Repeat("c", 49), profile, dotted("e", 0, 253), dotted("d", 0, 230))
	if profile != profiles.Classic {
		fmt.Fprintf(&b, "  serviceAccountIssuer: https://a/%s\n", strings.Repeat("i", 1014))
	}
	b.WriteString("  masters:\n")
	for i := range 21 {
		fmt.Fprintf(&b, "    - {name: %s, addresses: [192.168.100.%d]}\n", dotted("m", i, 64), 100+i)
	}
	b.WriteString("  loadBalancer:\n    names:\n")
	for i := range 20 {
		fmt.Fprintf(&b, "      - %s\n", dotted("n", i, 253))
	}
	if balancing == "dedicated" {
		b.WriteString("  loadBalancers:\n")
		for i := range 20 {
			fmt.Fprintf(&b, "    - {name: %s, addresses: [192.168.100.%d]}\n", dotted("l", i, 64), 200+i)
		}
	} else {
		fmt.Fprintf(&b, "    mode: %s\n", balancing)
	}
	b.WriteString("  apiServer:\n    extraSANs:\n")
	for i := range 100 {
		fmt.Fprintf(&b, "      - %s\n", dotted("s", i, 253))
	}
	return b.String()
}

// TestLongest: whatever the cluster file may hold at most, it comes to
// documents that Butane takes and a boot image can hold.
func TestLongest(t *testing.T) {
	t.Parallel()
	for _, shape := range [][2]string{{profiles.Standard, "dedicated"}, {profiles.Standard, "colocated"}, {profiles.Classic, "external"}} {
		c := readText(t, longest(shape[0], shape[1]))
		issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for name, item := range issued.Set {
			if len(item.Cert) > 65536 { // PEM, a third more than what is sent
				t.Errorf("%s has %d bytes, more than a TLS handshake takes", name, len(item.Cert))
			}
		}
		// Of every role one: they differ in names alone.
		only := []string{c.Machines[0].Name}
		if len(c.Of(cluster.LoadBalancer)) > 0 {
			only = append(only, c.Of(cluster.LoadBalancer)[0].Name)
		}
		machines, err := gen.Render(c, issued.Set, control.Options{}, only, nil)
		if err != nil {
			t.Fatal(err)
		}
		holdSizes(t, machines)
	}
}

// holdSizes: the smallest channel that is no cloud's user data is the embed
// area of a Fedora CoreOS image, 262144 bytes (coreos-installer, iso embed).
func holdSizes(t *testing.T, machines []gen.Machine) {
	t.Helper()
	for _, m := range machines {
		for _, d := range m.Documents {
			if len(d.Text) > 262144 {
				t.Errorf("%s has %d bytes", d.Path, len(d.Text))
			}
		}
	}
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
	t.Parallel()
	c := readText(t, large())
	issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	machines, err := gen.Render(c, issued.Set, control.Options{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(machines) != 13 {
		t.Fatalf("%d machines", len(machines))
	}
	holdSizes(t, machines)
}

// TestMemoryStaysFlat renders a hundred clusters in one process, in the longer
// run a thousand: what a program that imports hagen would do. Every twentieth
// is the large one, which takes as long as ten of the others.
func TestMemoryStaysFlat(t *testing.T) {
	clusters := 100
	if longer() {
		clusters = 1000
	}
	small := `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: c0}
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
	for i := range clusters {
		text := small
		if i%20 == 0 {
			text = large()
		}
		c := readText(t, strings.Replace(text, "{name: ", fmt.Sprintf("{name: x%d-", i), 1))
		issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gen.Render(c, issued.Set, control.Options{}, nil, nil); err != nil {
			t.Fatal(err)
		}
		if i == clusters/10 {
			early = heap()
		}
	}
	if late := heap(); late > early+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes over %d clusters", early, late, clusters-clusters/10)
	}
}
