package plan_test

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen"
	"hagen/gen/control"
	"hagen/gen/spec"
	"hagen/out/review/plan"
	"hagen/pki"
)

// issuedThen gives the machines of a cluster file whose certificates are those of a set, but for the ones
// that are renewed then.
func issuedThen(t *testing.T, text string, then time.Time, set pki.Set, renew func(pki.Request) bool) (plan.Side, pki.Set) {
	t.Helper()
	c, err := gen.Read(spec.Source{Name: "cluster.yaml", Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	c = locked(t, c)
	requests := control.Requests(c)
	issued, err := pki.Issue(requests, set, then, plan.Keys, rand.Reader)
	if err == nil && len(set) > 0 {
		again := slices.DeleteFunc(slices.Clone(requests), func(r pki.Request) bool { return !renew(r) })
		issued, err = pki.Renew(again, issued.Set, false, then, plan.Keys, rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := control.Nodes(c, issued.Set, control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	side, err := plan.OfFile(c, nodes, control.Kubeconfig(c, control.EndpointServer(c), issued.Set[control.ClusterAuthority], issued.Set[control.Admin]))
	if err != nil {
		t.Fatal(err)
	}
	return side, issued.Set
}

func leaves(r pki.Request) bool { return r.Kind == pki.Leaf }

// TestEnded: a plan whose certificates have ended asks the cluster nothing before it can answer, and
// then all that it would have asked.
func TestEnded(t *testing.T) {
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	before, set := issuedThen(t, standard, begin, pki.Set{}, leaves)
	later := begin.AddDate(2, 0, 0)
	renewed, _ := issuedThen(t, standard, later, set, leaves)
	one, _ := issuedThen(t, standard, later, set, func(r pki.Request) bool {
		return leaves(r) && strings.HasPrefix(r.Name, "hosts/kubem01/")
	})
	flag, _ := issuedThen(t, strings.Replace(standard, "masters:", "serviceNodePortRange: 30000-30100\n  masters:", 1), later, set, leaves)
	upgrade, _ := issuedThen(t, strings.Replace(standard, "1.36.3", "1.37.2", 1), later, set, leaves)
	for _, test := range []struct {
		what     string
		after    plan.Side
		now      time.Time
		at       int    // the step with the first check that asks the cluster; 0 is the preparation
		steps    string // actions of the first steps
		cautions []string
	}{
		{"nothing has ended", renewed, begin, 0, "kubem00:nothing kubem01:nothing kubem02:nothing", nil},
		{"a plan without the time", renewed, time.Time{}, 0, "kubem00:nothing kubem01:nothing kubem02:nothing", nil},
		{"all leaves have ended", renewed, later, 3, "kubem00:nothing kubem01:nothing kubem02:nothing",
			[]string{`^\[kubem00 kubem01 kubem02\] certificates without which etcd or API servers serve nobody ended on 2028-01-01: no check asks the cluster before it can answer again, in step 3$`}},
		{"and one machine gets new ones", one, later, 0, "kubem01:nothing", []string{`^\[kubem00 kubem02\] .*the new documents have them, too: first hagen pki renew --expiring 30d$`}},
		{"and a flag changes", flag, later, 3, "kubem00:nothing kubem01:nothing kubem02:nothing kubem00:restart:kube-apiserver", []string{"in step 3$"}},
		{"and it is an upgrade", upgrade, later, 3, "kubem00:nothing kubem01:nothing kubem02:nothing kubem00:restart:etcd", []string{"in step 3. This plan changes more than certificates"}},
	} {
		p := plan.Of(before, test.after, plan.Options{File: "cluster.yaml", Now: test.now})
		if got := say(p); !strings.HasPrefix(got+" ", test.steps+" ") {
			t.Errorf("%s: %s", test.what, got)
		}
		if at := firstAsking(p); at != test.at {
			t.Errorf("%s: the cluster is first asked in step %d, not %d", test.what, at, test.at)
		}
		if test.at > 0 {
			wholeAgain(t, test.what, p.Steps[test.at-1])
		}
		var cautions []string
		for _, c := range p.Cautions {
			if strings.Contains(c.Text, "ended") {
				cautions = append(cautions, fmt.Sprint(c.Hosts, " ", c.Text))
			}
		}
		for i, want := range test.cautions {
			if i >= len(cautions) || !regexp.MustCompile(want).MatchString(cautions[i]) {
				t.Errorf("%s: %q", test.what, cautions)
			}
		}
		if len(cautions) != len(test.cautions) {
			t.Errorf("%s: %q", test.what, cautions)
		}
		if test.at == 0 {
			whole(t, test.what, p)
		}
	}
}

// TestEndedAuthorities: daemons restart without waiting for a quorum that cannot be there yet.
func TestEndedAuthorities(t *testing.T) {
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	before, set := issuedThen(t, standard, begin, pki.Set{}, leaves)
	later := begin.AddDate(11, 0, 0)
	after, _ := issuedThen(t, standard, later, set, func(r pki.Request) bool { return leaves(r) || r.Kind == pki.Authority })
	p := plan.Of(before, after, plan.Options{File: "cluster.yaml", Now: later})
	if got := say(p); !strings.HasPrefix(got, "kubem00:nothing kubem01:nothing kubem02:nothing kubem00:restart:etcd kubem01:restart:etcd kubem02:restart:etcd kubem00:restart:kube-apiserver ") {
		t.Error(got)
	}
	at := firstAsking(p)
	if s := p.Steps[at-1]; s.Host != "kubem02" || s.Unit != "kube-controller-manager.service" { // with the file that API servers have, too
		t.Errorf("the cluster is first asked in %s", s.Title())
	}
	for i, s := range p.Steps {
		for _, c := range s.Commands {
			if blocks := strings.Contains(c.Text, "restart ") && !strings.Contains(c.Text, "--no-block"); blocks && i < at {
				t.Errorf("step %d waits: %s", i+1, c.Text)
			}
		}
	}
	wholeAgain(t, "authorities", p.Steps[at-1])
}

// firstAsking is the number of the first step that asks the cluster, 0 if the preparation does.
func firstAsking(p plan.Plan) int {
	asks := func(c plan.Command) bool {
		return c.Host == "" && (strings.Contains(c.Text, "etcdctl") || strings.Contains(c.Text, "kubectl") || c.Asks == plan.CertificateServed)
	}
	if slices.ContainsFunc(p.Prepare, func(c plan.Check) bool { return asks(c.Command) }) {
		return 0
	}
	return 1 + slices.IndexFunc(p.Steps, func(s plan.Step) bool { return slices.ContainsFunc(slices.Concat(s.Commands, s.Checks), asks) })
}

// wholeAgain: a step has the checks of etcd and of all API servers.
func wholeAgain(t *testing.T, what string, s plan.Step) {
	t.Helper()
	count := map[plan.Asks]int{}
	for _, c := range s.Checks {
		count[c.Asks]++
	}
	if count[plan.MembersHealthy] != 1 || count[plan.MembersStarted] != 1 || count[plan.APIReady] != 3 {
		t.Errorf("%s: %s: %v", what, s.Title(), count)
	}
}
