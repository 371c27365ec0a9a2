package risk

import (
	"strings"
	"testing"
)

// TestIssuerRisks: with each list, every token that is in use is accepted, or the change is
// refused with the lists between.
func TestIssuerRisks(t *testing.T) {
	const a, b = "https://a.example.com", "https://b.example.com"
	const cluster, other = "https://kubernetes.default.svc.cluster.local", "https://kubernetes.default.svc.a.internal"
	for _, test := range []struct {
		from, to string
		one      bool // API server
		field    string
		problem  string
		remedy   string // "" is not refused
	}{
		{from: a, to: a},
		{from: "", to: a},
		{from: a, to: ""},
		{from: a, to: a + " " + b},
		{from: a + " " + b, to: b + " " + a},
		{from: a, to: b + " " + a, one: true},
		{from: b + " " + a, to: b, field: "serviceAccountIssuer", problem: "API servers no longer accept tokens of the issuer https://a.example.com: go on only when none is in use"},
		{from: b + " " + a, to: b, one: true, field: "serviceAccountIssuer", problem: "API servers no longer accept tokens of the issuer https://a.example.com: go on only when none is in use"},
		{from: a, to: b + " " + a, field: "serviceAccountIssuer", problem: "API servers that have not restarted yet refuse the tokens that others issue as https://b.example.com",
			remedy: "change it in steps, each with its own plan: first serviceAccountIssuer: [https://a.example.com, https://b.example.com]; then [https://b.example.com, https://a.example.com]"},
		{from: a, to: b, field: "serviceAccountIssuer", problem: "API servers no longer accept tokens of the issuer https://a.example.com, which pods have; API servers that have not restarted yet refuse",
			remedy: "change it in steps, each with its own plan: first serviceAccountIssuer: [https://a.example.com, https://b.example.com]; then [https://b.example.com, https://a.example.com]; then, when no token of the old issuer is in use any more, https://b.example.com"},
		{from: a, to: b, one: true, field: "serviceAccountIssuer", problem: "API servers no longer accept tokens of the issuer https://a.example.com, which pods have",
			remedy: "change it in steps, each with its own plan: first serviceAccountIssuer: [https://b.example.com, https://a.example.com]; then, when no token of the old issuer is in use any more, https://b.example.com"},
		{from: a + " " + b, to: b, field: "serviceAccountIssuer", problem: "API servers no longer accept tokens of the issuer https://a.example.com, which pods have",
			remedy: "change it in steps, each with its own plan: first serviceAccountIssuer: [https://b.example.com, https://a.example.com]; then, when no"},
		{from: a, to: "https://[2001:db8::1] " + a, field: "serviceAccountIssuer", problem: "API servers that have not restarted yet",
			remedy: `first serviceAccountIssuer: [https://a.example.com, "https://[2001:db8::1]"]; then ["https://[2001:db8::1]", https://a.example.com]`},
		{from: cluster, to: other, field: "clusterDomain", problem: "the issuer of service-account tokens follows it: API servers no longer accept tokens of the issuer https://kubernetes.default.svc.cluster.local, which pods have; API servers that have not restarted yet refuse the tokens that others issue as https://kubernetes.default.svc.a.internal. This line keeps tokens valid: serviceAccountIssuer: https://kubernetes.default.svc.cluster.local",
			remedy: "write that line, too: an issuer need not have the domain's name. If it is to change, change it in steps, each with its own plan: first serviceAccountIssuer: [https://kubernetes.default.svc.cluster.local, https://kubernetes.default.svc.a.internal]; then"},
	} {
		risks := issuerRisks(strings.Fields(test.from), strings.Fields(test.to), !test.one)
		if test.problem == "" {
			if len(risks) > 0 {
				t.Errorf("%s → %s: %+v", test.from, test.to, risks)
			}
			continue
		}
		if len(risks) != 1 || risks[0].Field != test.field || risks[0].Refused != (test.remedy != "") ||
			!strings.HasPrefix(risks[0].Problem, test.problem[:20]) || !strings.Contains(risks[0].Problem, test.problem) || !strings.Contains(risks[0].Remedy, test.remedy) {
			t.Errorf("%s → %s: %+v", test.from, test.to, risks)
		}
	}
}

// TestIssuersOfMachines: what machines have in their units.
func TestIssuersOfMachines(t *testing.T) {
	const flag = "--service-account-issuer=https://kubernetes.default.svc.cluster.local"
	before := tree(t, "standard")[0]
	if risks := OfIssuers(before, tree(t, "standard", flag, flag+" \\\n  --service-account-issuer=https://b.example.com")[0]); len(risks) > 0 {
		t.Errorf("%+v", risks)
	}
	if risks := OfIssuers(before, tree(t, "standard", flag, "--service-account-issuer=https://b.example.com \\\n  "+flag)[0]); len(risks) != 1 || !risks[0].Refused {
		t.Errorf("%+v", risks)
	}
	if risks := OfIssuers(tree(t, "classic")[0], tree(t, "classic")[0]); len(risks) > 0 {
		t.Errorf("%+v", risks)
	}
}
