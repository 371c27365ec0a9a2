package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var testNow = time.Date(2026, 3, 14, 15, 9, 26, 535e6, time.FixedZone("", 3600))

const year = 8760 * time.Hour

func authorityRequest(name string) Request {
	return Request{Name: name, Kind: Authority, Subject: Subject{CommonName: "Test CA " + name, Country: "IT", Province: "Italy", Locality: "Milan"}, Algorithm: ECDSAP256, Lifetime: 10 * year}
}

func serverRequest(name, authority string) Request {
	return Request{
		Name: name, Kind: Leaf, Authority: authority, Subject: Subject{CommonName: "server"},
		DNSNames:    []string{"kubem00", "kubernetes.default.svc"},
		IPAddresses: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")},
		Profile:     PeerAuthentication, Algorithm: ECDSAP256, Lifetime: year,
	}
}

func clientRequest(name, authority string) Request {
	return Request{
		Name: name, Kind: Leaf, Authority: authority,
		Subject: Subject{CommonName: "admin", Organization: []string{"system:masters", "a second"}, OrganizationalUnit: "desk"},
		Profile: ClientAuthentication, Algorithm: ECDSAP256, Lifetime: 90 * 24 * time.Hour,
	}
}

// testRequests has one of each kind and profile; the leaves stand before their authority.
func testRequests() []Request {
	web := serverRequest("hosts/kubem01/web", "authorities/a/ca")
	web.Profile = ServerAuthentication
	return []Request{
		serverRequest("hosts/kubem00/server", "authorities/a/ca"),
		web,
		clientRequest("cluster/admin", "authorities/a/ca"),
		authorityRequest("authorities/a/ca"),
		{Name: "cluster/sa", Kind: KeyPair, Algorithm: ECDSAP384},
		{Name: "cluster/encryption", Kind: Secret},
	}
}

func issue(t testing.TB, requests []Request, have Set, now time.Time) Result {
	t.Helper()
	result, err := Issue(requests, have, now, Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func certOf(t testing.TB, set Set, name string) *x509.Certificate {
	t.Helper()
	cert, err := set[name].X509()
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestIssueMakesWhatIsMissing(t *testing.T) {
	var logged bytes.Buffer
	defer log.SetOutput(log.Writer())
	log.SetOutput(&logged)
	result := issue(t, testRequests(), nil, testNow)
	if logged.Len() > 0 {
		t.Errorf("cfssl is not silent: %s", &logged)
	}
	if len(result.Warnings) > 0 {
		t.Errorf("warnings: %v", result.Warnings)
	}
	for i, request := range testRequests() {
		if want := (Change{request.Name, Made, "missing"}); result.Changes[i] != want {
			t.Errorf("change %d: got %v, want %v", i, result.Changes[i], want)
		}
	}
	ca := certOf(t, result.Set, "authorities/a/ca")
	if !ca.IsCA || ca.MaxPathLen >= 0 || ca.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign || len(ca.ExtKeyUsage) > 0 {
		t.Errorf("authority: CA %v, path length %d, usage %b, extended %v", ca.IsCA, ca.MaxPathLen, ca.KeyUsage, ca.ExtKeyUsage)
	}
	admin := certOf(t, result.Set, "cluster/admin")
	if !slices.Equal(admin.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) || admin.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("admin: usage %b, extended %v", admin.KeyUsage, admin.ExtKeyUsage)
	}
	if len(admin.DNSNames)+len(admin.IPAddresses) > 0 {
		t.Errorf("admin has names: %v %v", admin.DNSNames, admin.IPAddresses)
	}
	begin := time.Date(2026, 3, 14, 13, 9, 26, 0, time.UTC)
	if end := begin.Add(time.Hour + 90*24*time.Hour); !admin.NotBefore.Equal(begin) || !admin.NotAfter.Equal(end) {
		t.Errorf("admin is valid from %s to %s, want %s to %s", admin.NotBefore, admin.NotAfter, begin, end)
	}
	serials := map[string]bool{}
	for _, item := range result.Set {
		if item.Cert != nil {
			serials[certOf(t, result.Set, item.Request.Name).SerialNumber.String()] = true
		}
	}
	if len(serials) != 4 {
		t.Errorf("%d serial numbers for 4 certificates", len(serials))
	}
}

// TestIssueAtOnce: several issue at once from one set, which stays as it is, each
// on goroutines of its own.
func TestIssueAtOnce(t *testing.T) {
	have := issue(t, testRequests(), nil, testNow).Set
	before := maps.Clone(have)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			requests := append(testRequests(), serverRequest(fmt.Sprintf("hosts/kubem1%d/server", i), "authorities/a/ca"))
			result, err := Issue(requests, have, testNow, Generate, rand.Reader)
			if err != nil || len(result.Set) != len(requests) {
				t.Errorf("%d of %d: %v", len(result.Set), len(requests), err)
			}
		})
	}
	all.Wait()
	if len(have) != len(before) {
		t.Errorf("the set has %d items, and had %d", len(have), len(before))
	}
}

func TestIssueRSA(t *testing.T) {
	requests := []Request{authorityRequest("ca"), serverRequest("server", "ca")}
	for i := range requests {
		requests[i].Algorithm = RSA2048
	}
	set := issue(t, requests, nil, testNow).Set
	if got := certOf(t, set, "server").KeyUsage; got != x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment {
		t.Errorf("usage of an RSA leaf: %b", got)
	}
	if !bytes.HasPrefix(set["server"].Key, []byte("-----BEGIN RSA PRIVATE KEY-----\n")) {
		t.Error("an RSA key is not written as PKCS #1")
	}
}

func TestIssueKeepsWhatFits(t *testing.T) {
	first := issue(t, testRequests(), nil, testNow)
	requests := testRequests()
	slices.Reverse(requests[0].DNSNames)
	slices.Reverse(requests[0].IPAddresses)
	requests[2].Subject.Organization = []string{"a second", "system:masters"}
	second := issue(t, requests, first.Set, testNow.Add(time.Hour))
	for _, change := range second.Changes {
		if change.Action != Kept || change.Why != "" {
			t.Errorf("%v, want it kept", change)
		}
	}
	// What is no longer asked for stays, without a change.
	third := issue(t, requests[3:], second.Set, testNow)
	if len(third.Set) != len(requests) || len(third.Changes) != 3 {
		t.Errorf("%d items and %d changes, want %d and 3", len(third.Set), len(third.Changes), len(requests))
	}
	for name, item := range first.Set {
		if kept := third.Set[name]; !bytes.Equal(kept.Key, item.Key) || !bytes.Equal(kept.Cert, item.Cert) {
			t.Errorf("%s has changed", name)
		}
	}
}

func TestIssueReissuesLeaves(t *testing.T) {
	first := issue(t, append(testRequests(), authorityRequest("authorities/b/ca")), nil, testNow)
	tests := []struct {
		change func(*Request)
		why    string
	}{
		{func(r *Request) { r.Authority = "authorities/b/ca" }, "authority: authorities/a/ca → authorities/b/ca"},
		{func(r *Request) { r.Subject.CommonName = "other" }, "common name: server → other"},
		{func(r *Request) { r.Subject.Organization = []string{"x"} }, "organization: + x"},
		{func(r *Request) { r.Subject.OrganizationalUnit = "x" }, "organizational unit: none → x"},
		{func(r *Request) { r.Subject.Country = "IT" }, "country: none → IT"},
		{func(r *Request) { r.Subject.Province = "x" }, "province: none → x"},
		{func(r *Request) { r.Subject.Locality = "x" }, "locality: none → x"},
		{func(r *Request) { r.DNSNames = []string{"kubem03", "kubem00"} }, "names: + kubem03 − kubernetes.default.svc"},
		{func(r *Request) { r.IPAddresses = r.IPAddresses[1:] }, "names: − 10.0.0.1"},
		{func(r *Request) { r.Profile = ServerAuthentication }, "signing profile: peer-authentication → server-authentication"},
		{func(r *Request) { r.Algorithm = ECDSAP384 }, "algorithm: ecdsa-p256 → ecdsa-p384"},
		{func(r *Request) { r.Lifetime = year / 2 }, "lifetime: 8760h → 4380h"},
		{func(r *Request) { r.Lifetime = 90 * time.Second; r.Subject.CommonName = "x" }, "common name: server → x; lifetime: 8760h → 1m30s"},
	}
	for _, test := range tests {
		requests := append(testRequests(), authorityRequest("authorities/b/ca"))
		test.change(&requests[0])
		result := issue(t, requests, first.Set, testNow)
		if want := (Change{requests[0].Name, Reissued, test.why}); result.Changes[0] != want {
			t.Errorf("got %v, want %v", result.Changes[0], want)
		}
		if bytes.Equal(result.Set[requests[0].Name].Key, first.Set[requests[0].Name].Key) {
			t.Errorf("%s: reissued with the old key", test.why)
		}
		for _, change := range result.Changes[1:] {
			if change.Action != Kept {
				t.Errorf("%s: also %v", test.why, change)
			}
		}
	}
}

func TestIssueAgainUnderANewAuthority(t *testing.T) {
	have := issue(t, testRequests(), nil, testNow).Set
	delete(have, "authorities/a/ca")
	result := issue(t, testRequests(), have, testNow)
	if want := (Change{"cluster/admin", Reissued, "authority: authorities/a/ca is new"}); result.Changes[2] != want {
		t.Errorf("got %v, want %v", result.Changes[2], want)
	}
}

func TestIssueNeverReplacesRoots(t *testing.T) {
	first := issue(t, testRequests(), nil, testNow)
	requests := testRequests()
	requests[3].Subject.CommonName = "Another"
	requests[3].Lifetime = year
	requests[4].Algorithm = RSA2048
	second := issue(t, requests, first.Set, testNow)
	for name, item := range first.Set {
		if !bytes.Equal(second.Set[name].Key, item.Key) {
			t.Errorf("%s was replaced", name)
		}
	}
	want := []Warning{
		{"authorities/a/ca", "kept, although another is now asked for (common name: Test CA authorities/a/ca → Another; lifetime: 87600h → 8760h): an existing authority is never replaced; restore the values that it was made for", Renewal{}},
		{"cluster/sa", "kept, although another is now asked for (algorithm: ecdsa-p384 → rsa-2048): an existing key-pair is never replaced; restore the values that it was made for", Renewal{}},
	}
	if !slices.Equal(second.Warnings, want) {
		t.Errorf("got  %v\nwant %v", second.Warnings, want)
	}
}

func TestIssueWarnsOfDates(t *testing.T) {
	requests := []Request{authorityRequest("ca"), serverRequest("server", "ca"), clientRequest("admin", "ca")}
	first := issue(t, requests, nil, testNow)
	day, month := 24*time.Hour, Renewal{Hours: 30 * 24, Deliver: true}
	tests := []struct {
		after time.Duration
		want  []Warning
	}{
		{59 * day, nil},
		{61 * day, []Warning{{"admin", "expires on 2026-06-12, in 29 days: renew it and deliver the new one", month}}},
		{100 * day, []Warning{{"admin", "expired on 2026-06-12: renew it and deliver the new one", month}}},
		{3300 * day, []Warning{
			{"ca", "expires on 2036-03-11, in 350 days: all that it signed ends with it, at the latest: renew it, with the same key, and deliver it", Renewal{Name: "ca", Deliver: true}},
			{"server", "expired on 2027-03-14: renew it and deliver the new one", month},
			{"admin", "expired on 2026-06-12: renew it and deliver the new one", month},
		}},
		{3700 * day, []Warning{
			{"ca", "expired on 2036-03-11: all that it signed ends with it, at the latest: renew it, with the same key, and deliver it", Renewal{Name: "ca", Deliver: true}},
			{"server", "expired on 2027-03-14: its authority has expired, too: renew both and deliver them", month},
			{"admin", "expired on 2026-06-12: its authority has expired, too: renew both and deliver them", month},
		}},
		{89*day + 12*time.Hour, []Warning{{"admin", "expires on 2026-06-12, in less than a day: renew it and deliver the new one", month}}},
		{88*day + 12*time.Hour, []Warning{{"admin", "expires on 2026-06-12, in a day: renew it and deliver the new one", month}}},
	}
	for _, test := range tests {
		got := issue(t, requests, first.Set, testNow.Add(test.after)).Warnings
		if !slices.Equal(got, test.want) {
			t.Errorf("after %s:\ngot  %v\nwant %v", test.after, got, test.want)
		}
	}
}

// TestIssueWarnsOfShortLives: what lives less than three times the notice is
// warned of when a third of its life is left, and not when it is new.
func TestIssueWarnsOfShortLives(t *testing.T) {
	requests := []Request{authorityRequest("ca"), clientRequest("admin", "ca")}
	const day = 24 * time.Hour
	for _, test := range []struct {
		lives, after time.Duration
		warned       bool
	}{
		{30 * day, 0, false}, {30 * day, 19 * day, false}, {30 * day, 21 * day, true},
		{day, time.Hour, false}, {day, 17 * time.Hour, true},
		{90 * day, 59 * day, false}, {90 * day, 61 * day, true},
		{365 * day, 334 * day, false}, {365 * day, 336 * day, true},
	} {
		requests[1].Lifetime = test.lives
		first := issue(t, requests, nil, testNow)
		warnings := issue(t, requests, first.Set, testNow.Add(test.after)).Warnings
		if warned := len(warnings) == 1 && warnings[0].Name == "admin"; warned != test.warned {
			t.Errorf("lives %s, after %s: %v", test.lives, test.after, warnings)
		}
	}
}

func TestIssueCutsLeavesToTheirAuthority(t *testing.T) {
	requests := []Request{authorityRequest("ca"), serverRequest("server", "ca")}
	requests[0].Lifetime = 30 * 24 * time.Hour
	first := issue(t, requests, nil, testNow)
	ca, server := certOf(t, first.Set, "ca"), certOf(t, first.Set, "server")
	if !server.NotAfter.Equal(ca.NotAfter) {
		t.Errorf("leaf ends %s, authority %s", server.NotAfter, ca.NotAfter)
	}
	want := []Warning{{"server", "ends no later than its authority ca, on 2026-04-13, before its lifetime of 8760h is over: renew that first", Renewal{Name: "ca"}}}
	if !slices.Equal(first.Warnings, want) {
		t.Errorf("got %v, want %v", first.Warnings, want)
	}
	delete(first.Set, "server")
	for _, now := range []time.Time{testNow.Add(31 * 24 * time.Hour), testNow.Add(-2 * time.Hour)} {
		_, err := Issue(requests, first.Set, now, Generate, rand.Reader)
		if err == nil || !strings.Contains(err.Error(), "server: its authority ca is valid from 2026-03-14T13:09:26Z to 2026-04-13T14:09:26Z and cannot sign at ") {
			t.Errorf("at %s: %v", now, err)
		}
	}
	// A clock a little behind: the leaf begins no earlier than its authority.
	again := issue(t, requests, first.Set, testNow.Add(-30*time.Minute))
	if begin := certOf(t, again.Set, "server").NotBefore; !begin.Equal(ca.NotBefore) {
		t.Errorf("leaf begins %s, authority %s", begin, ca.NotBefore)
	}
}

func TestIssueRefuses(t *testing.T) {
	have := issue(t, testRequests(), nil, testNow).Set
	broken := func(KeyRequest) (crypto.Signer, error) { return nil, errors.New("no entropy") }
	wrong := func(r KeyRequest) (crypto.Signer, error) { return Generate(KeyRequest{Algorithm: ECDSAP384}) }
	ca := authorityRequest("ca")
	tests := []struct {
		name     string
		requests []Request
		have     Set
		keys     KeySource
		random   string
		want     string
	}{
		{"another kind", []Request{{Name: "cluster/sa", Kind: Secret}}, have, Generate, "", "cluster/sa: the PKI directory holds a key-pair of this name, but a secret is wanted: it belongs to another cluster, or to another version of hagen"},
		{"no key", []Request{ca}, nil, broken, "", "ca: no key could be generated: no entropy"},
		{"another key", []Request{ca}, nil, wrong, "", "ca: the key generated for it is not ecdsa-p256"},
		{"no random bytes", []Request{{Name: "s", Kind: Secret}}, nil, Generate, "short", "s: the system has no random bytes for it"},
		{"twice", []Request{ca, authorityRequest("CA")}, nil, Generate, "", "CA: asked for twice (the other is ca)"},
		{"no authority", []Request{clientRequest("x", "ca")}, nil, Generate, "", `x: its authority "ca" is not among the authorities asked for`},
		{"authority is a leaf", []Request{ca, clientRequest("x", "y"), clientRequest("y", "ca")}, nil, Generate, "", `x: its authority "y" is not among the authorities asked for`},
		{"self-issued", []Request{ca, {Name: "x", Kind: Leaf, Authority: "ca", Subject: ca.Subject, Profile: ClientAuthentication, Algorithm: ECDSAP256, Lifetime: year}}, nil, Generate, "",
			"x: its subject is also that of its authority ca; give one of them another common name"},
	}
	for _, test := range tests {
		_, err := Issue(test.requests, test.have, testNow, test.keys, strings.NewReader(test.random))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s:\ngot  %v\nwant %s", test.name, err, test.want)
		}
	}
}

func TestClient(t *testing.T) {
	set := issue(t, testRequests(), nil, testNow).Set
	authority := set["authorities/a/ca"]
	request := clientRequest("clients/jane", "authorities/a/ca")
	item, warnings, err := Client(authority, request, testNow, Generate)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if faults := Verify(Set{"clients/jane": item, "authorities/a/ca": authority}); len(faults) > 0 {
		t.Error(faults)
	}
	request.Lifetime = 20 * year
	if _, warnings, err = Client(authority, request, testNow, Generate); err != nil || len(warnings) != 1 {
		t.Errorf("a lifetime beyond the authority's: %v, %v", warnings, err)
	}
	request.Authority = "authorities/b/ca"
	if _, _, err = Client(authority, request, testNow, Generate); err == nil {
		t.Error("issued by an authority that was not asked for")
	}
	if _, _, err = Client(authority, serverRequest("x", "authorities/a/ca"), testNow, Generate); err == nil {
		t.Error("issued a server certificate")
	}
}
