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
	users, _ := issuedThen(t, strings.Replace(standard, "masters:", "users: [{name: ops, sshKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHo4OoWbcLR6zHKbCJtkjFmPsqEmDUQ3r4UbEtPgdIL1 ops']}]\n  masters:", 1), later, set, leaves)
	moves, _ := issuedThen(t, strings.Replace(standard, "10.10.10.81", "10.10.10.91", 1), later, set, leaves)
	for _, test := range []struct {
		what    string
		after   plan.Side
		now     time.Time
		at      int    // the step with the first check that asks the cluster; 0 is the preparation
		steps   string // actions of the first steps
		caution string
		refused bool // certificates have to come first
	}{
		{"nothing has ended", renewed, begin, 0, "kubem00:nothing kubem01:nothing kubem02:nothing", "", false},
		{"a plan without the time", renewed, time.Time{}, 0, "kubem00:nothing kubem01:nothing kubem02:nothing", "", false},
		{"all leaves have ended", renewed, later, 3, "kubem00:nothing kubem01:nothing kubem02:nothing",
			`^\[kubem00 kubem01 kubem02\] certificates .* ended on 2028-01-01, and etcd has no quorum without them: no check asks the cluster before it can answer again, in step 3$`, false},
		{"and one machine gets new ones", one, later, 0, "kubem01:nothing", `^\[kubem00 kubem02\] .*the new documents have them, too: first hagen pki renew --expiring 30d$`, false},
		{"and a flag changes", flag, later, 0, "kubem00:nothing kubem01:nothing kubem02:nothing kubem00:restart:kube-apiserver", `\(kubem00: restart kube-apiserver\), .* do not follow it. First renew them, and deliver them alone, with the former cluster file`, true},
		{"and it is an upgrade", upgrade, later, 0, "kubem00:nothing kubem01:nothing kubem02:nothing kubem00:restart:etcd", "it is an upgrade", true},
		{"and accounts change", users, later, 0, "kubem00:re-image kubem01:re-image", `\(kubem00: re-image\)`, true},
		{"and a master moves", moves, later, 0, "kubem00:nothing", "changes more than certificates", true},
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
		cautioned(t, test.what, p, test.caution)
		if p.CertificatesFirst != test.refused {
			t.Errorf("%s: certificates first is %v", test.what, p.CertificatesFirst)
		}
		if test.at == 0 {
			whole(t, test.what, p)
		}
	}
}

// cautioned: the first caution is about what has ended, and no other one.
func cautioned(t *testing.T, what string, p plan.Plan, want string) {
	t.Helper()
	for i, c := range p.Cautions {
		switch text := fmt.Sprint(c.Hosts, " ", c.Text); {
		case i == 0 && want != "":
			if !regexp.MustCompile(want).MatchString(text) {
				t.Errorf("%s: %s", what, text)
			}
		case strings.Contains(text, "ended on"):
			t.Errorf("%s: %s", what, text)
		}
	}
	if want != "" && len(p.Cautions) == 0 {
		t.Errorf("%s: there is no caution", what)
	}
}

// TestSomeEnded: while etcd has a quorum, a plan is the usual one, in which machines with
// ended certificates come first, and are asked when they show new ones.
func TestSomeEnded(t *testing.T) {
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	text := standard
	_, set := issuedThen(t, text, begin, pki.Set{}, leaves)
	early := begin.AddDate(0, 6, 0)
	// kubem00 and kubem01 were renewed once, kubem02 never.
	before, set := issuedThen(t, text, early, set, func(r pki.Request) bool { return leaves(r) && !strings.HasPrefix(r.Name, "hosts/kubem02/") })
	later := begin.AddDate(1, 1, 0)
	with := func(lines string) plan.Side {
		side, _ := issuedThen(t, strings.Replace(text, "masters:", lines+"masters:", 1), later, set, leaves)
		return side
	}
	for _, test := range []struct {
		what, steps string
		after       plan.Side
		healed      int // the step after which kubem02 is asked
	}{
		{"leaves", "kubem00:nothing kubem01:nothing kubem02:nothing", with(""), 3},
		{"a flag", "kubem00:nothing kubem01:nothing kubem02:nothing kubem02:restart:kube-apiserver", with("serviceNodePortRange: 30000-30100\n  "), 3},
		{"accounts", "kubem02:re-image kubem00:re-image kubem01:re-image",
			with("users: [{name: ops, sshKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHo4OoWbcLR6zHKbCJtkjFmPsqEmDUQ3r4UbEtPgdIL1 ops']}]\n  "), 1},
	} {
		p := plan.Of(before, test.after, plan.Options{File: "cluster.yaml", Now: later})
		if got := say(p); !strings.HasPrefix(got+" ", test.steps+" ") {
			t.Errorf("%s: %s", test.what, got)
		}
		cautioned(t, test.what, p, `^\[kubem02\] .* ended on 2027-12-01: before they have new ones, only the others are asked$`)
		if p.CertificatesFirst {
			t.Errorf("%s: certificates first", test.what)
		}
		var prepared []string
		for _, c := range p.Prepare {
			prepared = append(prepared, c.Text)
		}
		want := []string{"ETCDCTL_ENDPOINTS=https://10.10.10.80:2379,https://10.10.10.81:2379 etcdctl endpoint health",
			"kubectl --server=https://10.10.10.80:6443 --tls-server-name=kubem00 get --raw=/readyz", "kubectl --server=https://10.10.10.81:6443 --tls-server-name=kubem01 get --raw=/readyz"}
		if len(prepared) < 3 || !slices.Equal(prepared[:3], want) {
			t.Errorf("%s: before: %q", test.what, prepared)
		}
		for i, s := range p.Steps[:test.healed] {
			count := map[plan.Asks]int{}
			for _, c := range s.Checks {
				count[c.Asks]++
			}
			if all := count[plan.MembersHealthy]; s.Document != "" && all != 1 {
				t.Errorf("%s: step %d asks %d times for etcd's health: %v", test.what, i+1, all, count)
			}
		}
	}
}

// TestServersEnded: etcd is asked although no API server can be.
func TestServersEnded(t *testing.T) {
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	_, set := issuedThen(t, standard, begin, pki.Set{}, leaves)
	before, set := issuedThen(t, standard, begin.AddDate(0, 6, 0), set, func(r pki.Request) bool { return strings.Contains(r.Name, "/etcd-") })
	later := begin.AddDate(1, 1, 0)
	after, _ := issuedThen(t, standard, later, set, leaves)
	p := plan.Of(before, after, plan.Options{File: "cluster.yaml", Now: later})
	cautioned(t, "API servers", p, "only the others are asked$")
	if len(p.Prepare) != 2 || p.Prepare[0].Asks != plan.MembersHealthy || p.Prepare[0].Text != "etcdctl endpoint health --cluster" {
		t.Errorf("%+v", p.Prepare)
	}
	for i, s := range p.Steps {
		for _, c := range s.Commands {
			if strings.Contains(c.Text, "--no-block") {
				t.Errorf("step %d does not wait: %s", i+1, c.Text)
			}
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
