package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// renew renews items of a set, by name.
func renew(t testing.TB, set Set, newKeys bool, now time.Time, names ...string) Set {
	t.Helper()
	var requests []Request
	for _, name := range names {
		requests = append(requests, set[name].Request)
	}
	result, err := Renew(requests, set, newKeys, now, Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range result.Changes {
		if c.Action != Renewed || !slices.Contains(names, c.Name) {
			t.Errorf("%+v", c)
		}
	}
	return result.Set
}

func TestRenewLeaves(t *testing.T) {
	const server = "hosts/kubem00/server"
	set := issue(t, testRequests(), nil, testNow).Set
	later := testNow.Add(400 * 24 * time.Hour).Truncate(time.Second) // it has expired
	next := renew(t, set, false, later, server)
	was, is := certOf(t, set, server), certOf(t, next, server)
	if !bytes.Equal(set[server].Key, next[server].Key) || was.SerialNumber.Cmp(is.SerialNumber) == 0 || !is.NotAfter.Equal(later.Add(set[server].Request.Lifetime)) {
		t.Error("the key, the serial number or the end is not what is wanted")
	}
	for name := range set {
		if name != server && !bytes.Equal(set[name].Cert, next[name].Cert) {
			t.Error(name + " changed")
		}
	}
	if other := renew(t, set, true, later, server); bytes.Equal(set[server].Key, other[server].Key) {
		t.Error("the key was kept")
	}
	gone := maps.Clone(set)
	delete(gone, server)
	result, err := Renew([]Request{set[server].Request}, gone, false, later, Generate, rand.Reader)
	if err != nil || bytes.Equal(result.Set[server].Key, set[server].Key) {
		t.Error(err)
	}
}

// TestRenewAuthorities: all that an authority signed verifies under its renewed certificate, and what
// that signs for who has the former one; by Go and by openssl.
func TestRenewAuthorities(t *testing.T) {
	const ca, server = "authorities/a/ca", "hosts/kubem00/server"
	for _, algorithm := range []Algorithm{ECDSAP256, RSA2048} {
		requests := testRequests()
		for i := range requests {
			if requests[i].Algorithm != "" {
				requests[i].Algorithm = algorithm
			}
		}
		old := issue(t, requests, nil, testNow).Set
		later := testNow.Add(9 * 365 * 24 * time.Hour).Truncate(time.Second)
		renewed := renew(t, old, false, later, ca) // with leaves that have expired
		was, is := certOf(t, old, ca), certOf(t, renewed, ca)
		if !bytes.Equal(was.RawSubject, is.RawSubject) || !bytes.Equal(was.RawIssuer, is.RawIssuer) || !bytes.Equal(was.RawSubjectPublicKeyInfo, is.RawSubjectPublicKeyInfo) ||
			!bytes.Equal(was.SubjectKeyId, is.SubjectKeyId) || !bytes.Equal(was.AuthorityKeyId, is.AuthorityKeyId) || was.KeyUsage != is.KeyUsage || was.MaxPathLen != is.MaxPathLen {
			t.Error("more than the dates and the serial number changed")
		}
		if was.SerialNumber.Cmp(is.SerialNumber) == 0 || !is.NotAfter.Equal(later.Add(old[ca].Request.Lifetime)) || !is.NotBefore.Equal(was.NotBefore) {
			t.Error(is.SerialNumber, is.NotBefore, is.NotAfter)
		}
		if !renewed[ca].Renews(old[ca]) || old[ca].Renews(renewed[ca]) || issue(t, requests, nil, testNow).Set[ca].Renews(old[ca]) {
			t.Error("Renews is wrong")
		}
		new := renew(t, renewed, true, later, server)
		end := was.NotAfter.Add(-time.Hour)
		for _, chain := range []struct {
			leaf, root Set
			at         time.Time
		}{
			{old, old, testNow}, {old, renewed, testNow}, {old, renewed, certOf(t, old, server).NotAfter.Add(-time.Second)},
			{new, old, later}, {new, renewed, later}, {new, old, end.Add(-200 * 24 * time.Hour)},
		} {
			verifies(t, chain.leaf[server], chain.root[ca], chain.at)
		}
		if both := renew(t, old, false, later, server, ca); certOf(t, both, server).NotAfter.After(certOf(t, both, ca).NotAfter) || !certOf(t, both, server).NotAfter.Equal(later.Add(old[server].Request.Lifetime)) {
			t.Error("the leaf was not signed by the renewed authority")
		}
		// Long after its end it is renewed as well, and again.
		dead := testNow.Add(30 * 365 * 24 * time.Hour)
		again := renew(t, renew(t, renewed, false, dead, ca), false, dead.Add(time.Hour), ca, server)
		verifies(t, again[server], again[ca], dead.Add(2*time.Hour))
	}
}

// verifies has Go and openssl verify a leaf.
func verifies(t *testing.T, leaf, authority Item, at time.Time) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Cert)
	cert, err := leaf.X509()
	if err == nil {
		_, err = cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at, DNSName: "kubem00", KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	}
	if err != nil {
		t.Error(at, err)
	}
	if _, err := exec.LookPath("openssl"); err != nil {
		return
	}
	dir := t.TempDir()
	ca, file := filepath.Join(dir, "ca"), filepath.Join(dir, "leaf")
	if err := errors.Join(os.WriteFile(ca, authority.Cert, 0o600), os.WriteFile(file, leaf.Cert, 0o600)); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command("openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-attime", strconv.FormatInt(at.Unix(), 10), "-CAfile", ca, file).CombinedOutput()
	if err != nil || !strings.Contains(string(output), "OK") {
		t.Errorf("%v: %v\n%s", at, err, output)
	}
}

func TestRenewRefuses(t *testing.T) {
	const ca, server = "authorities/a/ca", "hosts/kubem00/server"
	set := issue(t, testRequests(), nil, testNow).Set
	without := maps.Clone(set)
	without[ca] = Item{Request: set[ca].Request, Cert: set[ca].Cert}
	tests := []struct {
		have Set
		name string
		now  time.Time
		want string
	}{
		{without, ca, testNow, ca + ": its key is not here, but has to sign " + ca},
		{without, server, testNow, ca + ": its key is not here, but has to sign " + server},
		{set, ca, testNow.Add(-time.Hour), "before its present certificate does"},
		{set, ca, time.Date(9995, 1, 1, 0, 0, 0, 0, time.UTC), "would end in the year 10004"},
		{set, server, testNow.Add(30 * 365 * 24 * time.Hour), "its authority " + ca + " is valid from"},
	}
	for _, test := range tests {
		_, err := Renew([]Request{set[test.name].Request}, test.have, false, test.now, Generate, rand.Reader)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
	if _, err := Renew([]Request{set[ca].Request}, set, false, testNow, Generate, strings.NewReader("short")); err == nil {
		t.Error("a serial number of nothing")
	}
}

// TestRenewForAnotherLife: a renewal has the lifetime that is asked for now, and the next run of
// Issue keeps what it made.
func TestRenewForAnotherLife(t *testing.T) {
	requests := []Request{authorityRequest("ca"), serverRequest("server", "ca")}
	set := issue(t, requests, nil, testNow).Set
	requests[0].Lifetime, requests[1].Lifetime = 20*365*24*time.Hour, 100*24*time.Hour
	if got := issue(t, requests[:1], set, testNow).Warnings; len(got) != 1 || got[0].Renew.Name != "ca" || !strings.HasPrefix(got[0].Text, "kept with its lifetime of 87600h, although 175200h is now asked for: renew it") {
		t.Errorf("%v", got)
	}
	later := testNow.Add(24 * time.Hour).Truncate(time.Second)
	result, err := Renew(requests, set, false, later, Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		if cert := certOf(t, result.Set, r.Name); !cert.NotAfter.Equal(later.Add(r.Lifetime)) {
			t.Errorf("%s ends on %s", r.Name, cert.NotAfter)
		}
		if !bytes.Equal(result.Set[r.Name].Key, set[r.Name].Key) {
			t.Errorf("%s has another key", r.Name)
		}
	}
	if again := issue(t, requests, result.Set, later); slices.ContainsFunc(again.Changes, func(c Change) bool { return c.Action != Kept }) || len(again.Warnings) > 0 {
		t.Errorf("%v %v", again.Changes, again.Warnings)
	}
	ca, server := certOf(t, result.Set, "ca"), certOf(t, set, "server")
	if r := result.Set["ca"].Request; !r.SignedAfter(ca.NotAfter, server.NotBefore) || r.SignedAfter(ca.NotAfter, certOf(t, result.Set, "server").NotBefore) {
		t.Error("what was signed before the renewal is not known from what was signed after it")
	}
	requests[0].Lifetime = 365 * 24 * time.Hour
	if got := issue(t, requests[:1], result.Set, later).Warnings; len(got) != 1 || got[0].Renew != (Renewal{}) || !strings.HasSuffix(got[0].Text, "its next renewal gives it that") {
		t.Errorf("%v", got)
	}
}
