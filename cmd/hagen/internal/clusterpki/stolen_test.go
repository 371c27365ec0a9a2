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
		m, known := machineOf(c, clusterfile.Place{File: "cluster.yaml"}, set, "kubem01", "")
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
	if _, known := machineOf(c, clusterfile.Place{File: "cluster.yaml"}, set, "kubem07", ""); known {
		t.Error("a host that nobody knows is known")
	}
}

// TestOff: hosts that others have had, or that a rotation left out, are off until another machine is in their place;
// those that run on are not. Who is left is a majority of those that run.
func TestOff(t *testing.T) {
	text := strings.Replace(three, "  loadBalancers:", "  - {name: kubem03, addresses: [10.10.10.83]}\n  - {name: kubem04, addresses: [10.10.10.84]}\n  loadBalancers:", 1)
	file, err := spec.Parse(spec.Source{Name: "cluster.yaml", Text: []byte(text)})
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
	name := control.ServiceAccountKey
	mark := func(host string, at time.Time) {
		set[name] = set[name].Marked(pki.Mark{Key: set[name].All()[0].ID, Host: host, At: at})
	}
	rotate := func(phase pki.Phase) {
		if set[name], err = set[name].Rotate(phase, pki.Names{}, time.Now(), pki.Generate, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when, want string) {
		t.Helper()
		if got := strings.Join(Off(c, set), " "); got != want {
			t.Errorf("%s: off are %q, want %q", when, got, want)
		}
	}
	short := func(when string, want bool, hosts ...string) {
		t.Helper()
		s := theftSteps{cluster: c}
		for _, host := range hosts {
			s.masters = append(s.masters, machine{name: host})
		}
		if s.split(set); s.short != want {
			t.Errorf("%s: without %v there is no majority: %v", when, hosts, s.short)
		}
	}
	replaced := func(host string) {
		item, changed := set[name].Replaced(host)
		if set[name] = item; !changed {
			t.Errorf("%s: nothing says that it was replaced", host)
		}
	}
	first := time.Now().Add(-time.Hour)
	check("before", "")
	short("before", false, "kubem00", "kubem01")
	short("before", true, "kubem00", "kubem01", "kubem02")
	mark("kubem01", first)
	check("marked", "kubem01")
	short("one is off", false, "kubem02")
	short("one is off", true, "kubem02", "kubem03")
	rotate(pki.PhaseTrust)
	set[name] = set[name].Delivered(time.Now(), operator, "kubem01", "kubem03")
	rotate(pki.PhaseIssue)
	check("left out", "kubem01 kubem03")
	short("two are off", true, "kubem02", "kubem04")
	replaced("kubem01")
	check("replaced", "kubem03")
	replaced("kubem03")
	check("replaced", "")
	if _, changed := set[name].Replaced("kubem03"); changed {
		t.Error("is replaced twice")
	}
	set[name] = set[name].Delivered(time.Now(), operator, "kubem03")
	rotate(pki.PhaseRetire)
	if left := set[name].LeftOut(); !slices.Equal(left, []string{"kubem03"}) {
		t.Error(left)
	}
	check("over", "kubem03") // the last phase was not for it, either
	replaced("kubem03")
	check("over, and replaced", "")
	mark("kubem01", first.Add(time.Minute))
	check("once more", "kubem01")
	set[name] = set[name].InState("kubem01", pki.HostRunsOn)
	check("runs on", "")
}
