package clusterpki

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/pki"
)

const three = `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: stolen}
spec:
  endpoint: kubernetes:6443
  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
  masters:
  - {name: kubem00, addresses: [10.10.10.80]}
  - {name: kubem01, addresses: [10.10.10.81]}
  - {name: kubem02, addresses: [10.10.10.82]}
  loadBalancers:
  - {name: kubernetes, addresses: [10.10.10.2]}
`

// TestHad: which keys were on a master, in each phase of a rotation, before and after documents of the phase
// were written. Public halves, authorities that sign nothing yet, and what was retired were not.
func TestHad(t *testing.T) {
	file, err := spec.Parse(spec.Source{Name: "cluster.yaml", Text: []byte(three)})
	if err != nil {
		t.Fatal(err)
	}
	c, faults := cluster.New(file)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	issued, err := pki.Issue(control.Requests(c), nil, time.Now(), pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := issued.Set
	etcd := "authorities/etcd/ca"
	names := []string{control.ServiceAccountKey, control.SecretsKey, etcd}
	check := func(when, want string) {
		t.Helper()
		m, known := machineOf(c, clusterfile.Place{File: "cluster.yaml"}, set, "kubem01")
		if !known || m.gone {
			t.Fatal(m)
		}
		var got []string
		for _, s := range m.keys(c, set) {
			if slices.Contains(names, s.item) {
				got = append(got, control.KindOf(s.item)+string('0'+rune(ring(set[s.item].All()).find(s.key))))
			}
		}
		slices.Sort(got)
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %s, want %s", when, text, want)
		}
	}
	check("before", "etcd1 secrets1 service-account1")
	for _, step := range []struct {
		phase           pki.Phase
		began, rendered string
	}{
		{pki.PhaseTrust, "etcd1 secrets1 service-account1", "etcd1 secrets1 secrets2 service-account1"},
		{pki.PhaseIssue, "etcd1 secrets1 secrets2 service-account1", "etcd1 etcd2 secrets1 secrets2 service-account1 service-account2"},
		{pki.PhaseRetire, "etcd2 secrets2 service-account2", "etcd2 secrets2 service-account2"},
	} {
		for _, name := range names {
			if set[name], err = set[name].Rotate(step.phase, control.NextNames(set[name]), time.Now(), pki.Generate, rand.Reader); err != nil {
				t.Fatal(err)
			}
		}
		check(string(step.phase), step.began)
		for _, name := range names {
			set[name], _ = set[name].Rendered(time.Now())
		}
		check(string(step.phase)+", rendered", step.rendered)
	}
	if _, known := machineOf(c, clusterfile.Place{File: "cluster.yaml"}, set, "kubem07"); known {
		t.Error("a host that nobody knows is known")
	}
}
