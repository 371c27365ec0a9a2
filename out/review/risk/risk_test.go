package risk

import (
	"slices"
	"strings"
	"testing"

	"hagen/gen/cases"
	"hagen/gen/node"
	"hagen/out/review/facts"
	"hagen/out/review/rendered"
)

// tree reads a golden tree, in which pairs of an old text and a new one are
// replaced.
func tree(t *testing.T, golden string, replaced ...string) (out []node.Node) {
	t.Helper()
	files, err := cases.Dir("../../../testdata").GoldenFS(golden)
	if err != nil {
		t.Fatal(err)
	}
	read, err := rendered.ReadMachines(files)
	if err != nil {
		t.Fatal(err)
	}
	in := strings.NewReplacer(replaced...)
	for _, h := range read.Hosts {
		for i := range h.Node.Files {
			f := &h.Node.Files[i]
			f.Source.URL, f.Contents = in.Replace(f.Source.URL), []byte(in.Replace(string(f.Contents)))
		}
		for i := range h.Node.Units {
			h.Node.Units[i].Contents = in.Replace(h.Node.Units[i].Contents)
		}
		out = append(out, h.Node)
	}
	return out
}

// master gives the first master of a golden tree with other ranges, services'
// before pods'.
func master(t *testing.T, golden, ranges string) node.Node {
	t.Helper()
	services, pods, _ := strings.Cut(ranges, " ")
	return tree(t, golden, "service-cluster-ip-range=10.32.0.0/16", "service-cluster-ip-range="+services,
		"cluster-cidr=10.38.0.0/16", "cluster-cidr="+pods)[0]
}

// TestRangeRisks: every one of these was tried with the API server, the
// controller manager and the etcd of release 1.37: what is refused of pods ends
// the controller manager, and what is refused of services leaves the ServiceCIDR
// kubernetes as it was.
func TestRangeRisks(t *testing.T) {
	const (
		refused = "refused"
		beside  = "beside"
		pod6    = "fd00:10:38::/48"
		serve6  = "fd00:10:32::/112"
	)
	for _, test := range []struct {
		golden, pods, services string // from → to; "" is the golden's
		how                    string // "" is neither refused nor said
		problem, remedy        string
	}{
		{pods: "10.38.0.0/16 → 10.38.0.0/16"},
		{pods: "10.38.0.0/16 → 10.38.0.0/15"},
		{pods: "10.39.0.0/16 → 10.38.0.0/15"},
		{pods: "10.38.0.0/16 → 10.39.0.0/16", how: refused, problem: "the pod range 10.39.0.0/16 does not contain the old one, 10.38.0.0/16: while a Node has a range outside the new ones, each controller manager that becomes leader exits (failed to mark cidr[…]", remedy: "write [10.38.0.0/16], or ranges that contain it"},
		{pods: "10.38.0.0/16 → 10.38.0.0/17", how: refused, problem: "10.38.0.0/17 does not contain the old one, 10.38.0.0/16"},
		{pods: "10.38.0.0/16 → " + pod6, how: refused, problem: "no pod range of IPv4 is left, where 10.38.0.0/16 was: ", remedy: "write [10.38.0.0/16, fd00:10:38::/48], or ranges that contain it in this order"},
		{pods: "10.38.0.0/16 → 10.38.0.0/16," + pod6, how: beside, problem: "existing Nodes get no range of fd00:10:38::/48"},
		{pods: "10.38.0.0/16 → 10.38.0.0/15," + pod6, how: beside, problem: "existing Nodes get no range of fd00:10:38::/48"},
		{pods: "10.38.0.0/16 → " + pod6 + ",10.38.0.0/16", how: refused, problem: "the first pod range is fd00:10:38::/48, where 10.38.0.0/16 was"},
		{pods: "10.38.0.0/16," + pod6 + " → 10.38.0.0/16", how: refused, problem: "no pod range of IPv6 is left, where fd00:10:38::/48 was: while a Node has a range outside the new ones, each controller manager that becomes leader exits (node:… has an allocated cidr: …", remedy: "write [10.38.0.0/16, fd00:10:38::/48]"},
		{pods: "10.38.0.0/16," + pod6 + " → " + pod6, how: refused, problem: "no pod range of IPv4 is left", remedy: "NODE"},
		{pods: "10.38.0.0/16," + pod6 + " → " + pod6 + ",10.38.0.0/16", how: refused, problem: "the first pod range is fd00:10:38::/48"},
		{pods: "10.38.0.0/16," + pod6 + " → 10.38.0.0/16,fd00:10:39::/48", how: refused, problem: "fd00:10:39::/48 does not contain the old one, fd00:10:38::/48"},
		{pods: "10.38.0.0/16,fd00:10:38::/56 → 10.38.0.0/16,fd00:10:38::/48"},
		{pods: "10.38.0.0/16 → what hagen did not write"},

		{services: "10.32.0.0/16," + serve6 + " → 10.32.0.0/16," + serve6},
		{services: "10.32.0.0/16 → 10.32.0.0/16," + serve6, how: beside, problem: `the ServiceCIDR kubernetes gets fd00:10:32::/112 only if 10.32.0.0/16 is its sole range, which is not so after the range has been enlarged: check when all API servers have restarted (kubectl get servicecidr kubernetes). If it has no such range, new services of IPv6 get no addresses (range is full) until you create an object: echo '{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR","metadata":{"name":"services-fd00-10-32---112"},"spec":{"cidrs":["fd00:10:32::/112"]}}' | kubectl create -f -`},
		{golden: "classic", services: "10.32.0.0/16 → 10.32.0.0/16," + serve6},
		{services: "10.32.0.0/16 → 10.32.0.0/15", how: beside, problem: `no flag gives services more addresses: when all API servers have restarted, create an object for 10.32.0.0/15: echo '{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR","metadata":{"name":"services-10.32.0.0-15"},"spec":{"cidrs":["10.32.0.0/15"]}}' | kubectl create -f -`},
		{services: "10.32.0.0/16 → 10.32.0.0/15," + serve6, how: beside, problem: `an object for 10.32.0.0/15 and fd00:10:32::/112: echo '{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR","metadata":{"name":"services-10.32.0.0-15"},"spec":{"cidrs":["10.32.0.0/15","fd00:10:32::/112"]}}' |`},
		{services: "10.32.0.0/16," + serve6 + " → 10.32.0.0/16,fd00:10:32::/111", how: beside, problem: `"name":"services-fd00-10-32---111"},"spec":{"cidrs":["fd00:10:32::/111"]}`},
		{services: "10.33.0.0/16 → 10.32.0.0/15", how: beside, problem: "create an object for 10.32.0.0/15: "},
		{services: "10.32.0.0/16 → 10.33.0.0/16", how: refused, problem: "the service range 10.33.0.0/16 does not contain the old one, 10.32.0.0/16: no flag changes", remedy: `"metadata":{"name":"services-10.33.0.0-16"},"spec":{"cidrs":["10.33.0.0/16"]}}' | kubectl create -f -`},
		{services: "10.32.0.0/16 → 10.32.0.0/17", how: refused, problem: "10.32.0.0/17 does not contain the old one, 10.32.0.0/16: no flag changes the ServiceCIDR kubernetes, so new services still get addresses from 10.32.0.0/16", remedy: "write [10.32.0.0/16]: addresses cannot be taken from services"},
		{services: "10.32.0.0/16 → 10.32.0.0/17," + serve6, how: refused, problem: "10.32.0.0/17 does not contain", remedy: "write [10.32.0.0/16, fd00:10:32::/112]: addresses cannot be taken from services"},
		{services: "10.32.0.0/16," + serve6 + " → 10.32.0.0/16,fd00:10:32::/113", how: refused, problem: "fd00:10:32::/113 does not contain", remedy: "write [10.32.0.0/16, fd00:10:32::/112]: addresses cannot be taken from services"},
		{services: "10.32.0.0/16 → " + serve6, how: refused, problem: "no service range of IPv4 is left, where 10.32.0.0/16 was: API servers no longer create services of IPv4, or of both families (not configured on this cluster); the ServiceCIDR kubernetes has no addresses of IPv6, so new services of it get none (range is full); new services without a family get IPv6", remedy: "write [10.32.0.0/16, fd00:10:32::/112]: each service chooses its families"},
		{services: "10.32.0.0/16 → " + serve6 + ",10.32.0.0/16", how: refused, problem: "the first service range is fd00:10:32::/112, where 10.32.0.0/16 was: the ServiceCIDR kubernetes has no addresses of IPv6, so new services of it get none (range is full); new services without a family get IPv6", remedy: "write [10.32.0.0/16, fd00:10:32::/112]"},
		{services: "10.32.0.0/16," + serve6 + " → 10.32.0.0/16", how: refused, problem: "no service range of IPv6 is left, where fd00:10:32::/112 was: API servers no longer create services of IPv6, or of both families (not configured on this cluster)", remedy: "write [10.32.0.0/16, fd00:10:32::/112]: each service chooses its families"},
		{services: "10.32.0.0/16," + serve6 + " → " + serve6, how: refused, problem: "where 10.32.0.0/16 was: API servers no longer create services of IPv4, or of both families (not configured on this cluster); new services without a family get IPv6"},
		{services: "10.32.0.0/16," + serve6 + " → " + serve6 + ",10.32.0.0/16", how: refused, problem: "the first service range is fd00:10:32::/112, where 10.32.0.0/16 was: new services without a family get IPv6"},
		{services: "10.32.0.0/16 → 10.33.0.0/16," + serve6, how: refused, problem: "so new services of it get none (range is full); no flag changes the ServiceCIDR kubernetes, so new services still get addresses from 10.32.0.0/16"},
		{services: "10.32.0.0/16," + serve6 + " → 10.32.0.0/16,fd00:10:33::/112", how: refused, problem: "fd00:10:33::/112 does not contain the old one, fd00:10:32::/112", remedy: "give services fd00:10:33::/112 in addition"},

		// Kubernetes 1.9 has no such objects, and classic gives Nodes no ranges.
		{golden: "classic", pods: "10.38.0.0/16 → 10.39.0.0/16"},
		{golden: "classic", services: "10.32.0.0/16 → 10.33.0.0/16", how: refused, problem: "existing services keep their addresses", remedy: "write [10.32.0.0/16], or a larger range that contains it"},
		{golden: "classic", services: "10.32.0.0/16 → 10.32.0.0/15", how: beside, problem: "until all API servers have the service range 10.32.0.0/15, at any moment some of them refuse to create services"},
	} {
		golden, field := "standard", "podCIDRs"
		if test.golden != "" {
			golden = test.golden
		}
		ranges := [2]string{"10.32.0.0/16 10.38.0.0/16", "10.32.0.0/16 10.38.0.0/16"}
		for i := range ranges {
			if test.services != "" {
				ranges[i] = strings.Split(test.services, " → ")[i] + " 10.38.0.0/16"
				field = "serviceCIDRs"
			} else {
				ranges[i] = "10.32.0.0/16 " + strings.Split(test.pods, " → ")[i]
			}
		}
		risks := OfRanges(master(t, golden, ranges[0]), master(t, golden, ranges[1]))
		if test.how == "" {
			if len(risks) > 0 {
				t.Errorf("%v: %+v", test, risks)
			}
			continue
		}
		if len(risks) != 1 || risks[0].Field != field || risks[0].Refused != (test.how == refused) || risks[0].Refused != (risks[0].Remedy != "") ||
			!strings.Contains(risks[0].Problem, test.problem) || !strings.Contains(risks[0].Remedy, test.remedy) {
			t.Errorf("%+v:\n got %+v", test, risks)
		}
	}
}

// TestRisks: what machines tell of a cluster's name and of its releases, too.
func TestRisks(t *testing.T) {
	before := tree(t, "standard")[0]
	if risks := Of(before, before); len(risks) > 0 {
		t.Errorf("%+v", risks)
	}
	after := tree(t, "standard", "kube-apiserver 1.37.2", "kube-apiserver 1.35.4", "etcd 3.7.3", "etcd 3.5.26",
		"--cluster-name=kubernetes", "--cluster-name=other")[0]
	var fields []string
	for _, r := range Of(before, after) {
		if !r.Refused || r.Problem == "" {
			t.Errorf("%+v", r)
		}
		fields = append(fields, r.Field)
	}
	if got := strings.Join(fields, " "); got != "metadata.name kubernetesVersion etcdVersion" {
		t.Error(got)
	}
}

// TestEmulationRisks: API servers that have only behaved like an older release go back to
// it; others cannot begin to behave like it.
func TestEmulationRisks(t *testing.T) {
	const emulates = "--emulated-version=1.36 --profiling"
	newer, emulating := tree(t, "standard")[0], tree(t, "standard", "--profiling", emulates)[0]
	older := tree(t, "standard", "kube-apiserver 1.37.2", "kube-apiserver 1.36.3", "etcd 3.7.3", "etcd 3.6.16")[0]
	for _, test := range []struct {
		name          string
		before, after node.Node
		field         string
	}{
		{"two steps, the first", older, emulating, ""},
		{"two steps, the second", emulating, newer, ""},
		{"the way back", emulating, older, ""},
		{"no way back", newer, older, "kubernetesVersion"},
		{"too late", newer, emulating, "emulatedVersion"},
	} {
		var fields []string
		for _, r := range Of(test.before, test.after) {
			fields = append(fields, r.Field)
		}
		if got := strings.Join(fields, " "); got != test.field {
			t.Errorf("%s: %q is refused, want %q", test.name, got, test.field)
		}
	}
}

// TestArchRisk: what machines fetch names their architecture, whether Ignition
// or their own script fetches it; what comes another way, or has an address of
// its own without a name for it, tells none.
func TestArchRisk(t *testing.T) {
	arm := strings.NewReplacer("amd64", "arm64")
	for golden, want := range map[string]bool{"sysext": true, "urls": false, "standard": false} {
		before, after := tree(t, golden), tree(t, golden, "amd64", "arm64")
		at := slices.IndexFunc(before, func(n node.Node) bool { return facts.RoleOf(&n).Control })
		risks := Of(before[at], after[at])
		if (len(risks) == 1) != want || want && (risks[0].Field != "binaries.arch" || !risks[0].Refused || risks[0].Unless != Reimage ||
			!strings.HasPrefix(risks[0].Problem, "binaries for arm64 do not run on amd64 machines: ")) {
			t.Errorf("%s: %+v", golden, risks)
		}
	}
	script := func(text string) node.Node {
		return node.Node{Files: []node.File{{Path: "/etc/hagen/binaries.sh", Contents: []byte(text)}}}
	}
	const one = "fetch https://dl.k8s.io/release/v1.37.2/bin/linux/amd64/kubectl abc /usr/local/bin/kubectl 0755\n"
	for _, test := range []struct {
		before, after string
		want          int
	}{
		{one, arm.Replace(one), 1},
		{one, one, 0},
		{one, strings.ReplaceAll(one, "amd64", "amd64-and-more"), 0},
		{one, one + arm.Replace(one), 0}, // both
		{one, "fetch https://arm64.example.org/kubectl abc /usr/local/bin/kubectl 0755\n", 0},
		{one, "# " + arm.Replace(one), 0},
	} {
		if got := OfArchitecture(script(test.before), script(test.after)); len(got) != test.want {
			t.Errorf("%q → %q: %+v", test.before, test.after, got)
		}
	}
}
