package check_test

import (
	"testing"
	"time"

	"hagen/gen/cases"
	"hagen/gen/check"
	"hagen/out/review/rendered"
)

const testdata = cases.Dir("../../testdata")

// golden reads a golden tree, which is a redacted twin.
func golden(t *testing.T, name string) good {
	t.Helper()
	files, err := testdata.GoldenFS(name)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := rendered.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	var g good
	for _, h := range tree.Hosts {
		g.machines = append(g.machines, check.Machine{Node: h.Node, OS: h.OS})
	}
	for _, f := range tree.Others {
		if f.Path == "rbac.yaml" {
			g.rights = f.Text
		} else {
			g.admin = f.Text
		}
	}
	return g
}

// TestGoldens: no finding on any golden tree, and a note of what cannot be
// known of a twin.
func TestGoldens(t *testing.T) {
	names, err := testdata.Names()
	if err != nil || len(names) < 8 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		report := check.Run(golden(t, name).input())
		for _, f := range report.Findings {
			t.Errorf("%s: %s %s: %s:%d %s", name, f.Severity, f.Rule, f, f.Line, f.Text)
		}
		if len(report.Notes) != 1 {
			t.Errorf("%s: %q", name, report.Notes)
		}
	}
}

// TestCheckAtOnce: several trees are checked at once, each machine of them, of
// several releases whose records are shared.
func TestCheckAtOnce(t *testing.T) {
	for _, name := range []string{"classic", "standard", "release-1.34", "static", "standard"} {
		g := golden(t, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if report := check.Run(g.input()); len(report.Findings) > 0 {
				t.Errorf("%+v", report.Findings)
			}
		})
	}
}

// TestTwins: what a twin says of a certificate or key is held against the rest,
// as the certificate itself would be.
func TestTwins(t *testing.T) {
	const apiserver = "/etc/kubernetes/pki/apiserver.pem"
	for _, test := range []struct{ host, item, old, new, rule, itemNamed string }{
		{"kubem00", apiserver, "kubem00, ", "", "name-not-in-certificate", ""},
		{"kubem00", apiserver, "10.32.0.1", "10.32.0.2", "name-not-in-certificate", ""},
		{"kubem00", apiserver, "signature, server", "signature, client", "certificate-usage", "kube-apiserver.service"},
		{"kubem00", apiserver, "issuer CN=kubernetes CA", "issuer CN=another CA", "authority-missing", ""},
		{"kubem00", apiserver, "to 2119-12-08", "to 2130-12-08", "outlives-authority", ""},
		{"kubem00", apiserver, "to 2119-12-08", "to 2021-12-08", "expired", ""},
		{"kubem00", apiserver, "public key ECDSA, SHA-256 07", "public key ECDSA, SHA-256 08", "key-mismatch", "/etc/kubernetes/pki/apiserver-key.pem"},
		{"kubem00", "/etc/kubernetes/pki/sa.pub", "SHA-256 60", "SHA-256 61", "settings-differ", ""},
		{"kubem00", "/etc/kubernetes/encryption.yaml", "SHA-256 cf", "SHA-256 ce", "settings-differ", ""},
		{"kubem00", "/etc/etcd/pki/ca.pem", "certificate, SHA-256 8a", "certificate, SHA-256 8b", "same-authority", ""},
		{"kubem00", "/var/lib/kube-scheduler/pki/scheduler.pem", "CN=system:kube-scheduler", "CN=system:anonymous", "client-name", "/var/lib/kube-scheduler/kubeconfig"},
		{"kubem00", "/etc/kubernetes/pki/front-proxy-client.pem", "CN=front-proxy-client", "CN=proxy", "client-not-trusted", "kube-apiserver.service"},
		{"", "admin.kubeconfig", "signature, client", "signature, server", "certificate-usage", ""},
	} {
		g := golden(t, "standard")
		g.edit(t, test.host, test.item, test.old, test.new)
		item := test.item
		if test.itemNamed != "" {
			item = test.itemNamed
		}
		expect(t, test.item+": "+test.new, g, test.rule, test.host, item)
	}
}

// TestExpiry holds a good tree against other clocks.
func TestExpiry(t *testing.T) {
	short := freshOf(t, `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: kubernetes}
spec:
  endpoint: m0:6443
  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
  masters: [{name: m0, addresses: [192.0.2.10]}]
`)
	for _, test := range []struct {
		days int
		rule string // "" for none
	}{{-2, "expired"}, {0, ""}, {60, ""}, {80, "expiring"}, {95, "expired"}, {360, "expiring"}, {370, "expired"}} {
		in := short.input()
		in.Now = in.Now.AddDate(0, 0, test.days)
		findings := check.Run(in).Findings
		found := test.rule == "" && len(findings) == 0
		for _, f := range findings {
			found = found || f.Rule == test.rule
		}
		if !found {
			t.Errorf("%d days: %v", test.days, findings)
		}
	}
	brief := freshOf(t, `apiVersion: hagen/v1alpha1
kind: Cluster
metadata: {name: kubernetes}
spec:
  endpoint: m0:6443
  serviceCIDRs: [10.32.0.0/16]
  podCIDRs: [10.38.0.0/16]
  pki: {expiry: 12d}
  masters: [{name: m0, addresses: [192.0.2.10]}]
`)
	for days, warned := range map[int]bool{0: false, 7: false, 9: true} {
		in := brief.input()
		in.Now = in.Now.AddDate(0, 0, days)
		if findings := check.Run(in).Findings; warned != (len(findings) > 0) {
			t.Errorf("12 days long, after %d: %v", days, findings)
		}
	}
	in := short.input()
	in.Now = time.Time{}
	if findings := check.Run(in).Findings; len(findings) > 0 {
		t.Errorf("without a clock: %v", findings)
	}
}
