package certificates

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"maps"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hagen/pki"
	"hagen/pki/store"
)

var testNow = time.Date(2028, 6, 1, 12, 0, 0, 0, time.UTC)

const (
	testAuthority = "authorities/kubernetes/ca"
	testServer    = "hosts/kubem00/apiserver"
)

// issuedAt returns an authority and an API server's certificate; with the authority of
// another set, if there is one.
func issuedAt(t *testing.T, now time.Time, have pki.Set) pki.Set {
	t.Helper()
	issued, err := pki.Issue([]pki.Request{
		{Name: testAuthority, Kind: pki.Authority, Subject: pki.Subject{CommonName: "Test CA"}, Algorithm: pki.ECDSAP256, Lifetime: 87600 * time.Hour},
		{Name: testServer, Kind: pki.Leaf, Authority: testAuthority, Subject: pki.Subject{CommonName: "apiserver"}, Algorithm: pki.ECDSAP256, Lifetime: 8760 * time.Hour,
			Profile: pki.ServerAuthentication, DNSNames: []string{"kubem00"}, IPAddresses: []netip.Addr{netip.MustParseAddr("10.10.10.80")}},
	}, have, now, pki.Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issued.Set
}

// sourceOf returns a set as if it was read from a PKI directory.
func sourceOf(t *testing.T, set pki.Set) source {
	t.Helper()
	view := store.View{Name: "pki"}
	for _, item := range set {
		cert, err := item.X509()
		if err != nil {
			t.Fatal(err)
		}
		view.Items = append(view.Items, store.Held{Request: item.Request, Asked: true, Cert: cert})
	}
	s, _ := ofStore(view)
	return s
}

// show serves TLS with the certificate of a set, and demands one of the client.
func show(t *testing.T, set pki.Set) string {
	t.Helper()
	pair, err := tls.X509KeyPair(set[testServer].Cert, set[testServer].Key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert}).Handshake()
			c.Close()
		}
	}()
	return l.Addr().String()
}

// TestLive: what servers show is judged by what a PKI directory has.
func TestLive(t *testing.T) {
	present := issuedAt(t, testNow.AddDate(0, -6, 0), nil)
	ca := pki.Set{testAuthority: present[testAuthority]}
	renewed := issuedAt(t, testNow.AddDate(0, -1, 0), ca)
	stranger := issuedAt(t, testNow.AddDate(0, -6, 0), nil)
	for name, test := range map[string]struct {
		has, shows pki.Set
		now        time.Time
		problem    state
		text       string
	}{
		"as it should":      {present, present, testNow, "", ""},
		"ends soon":         {present, present, testNow.AddDate(0, 5, 10), endsSoon, "its certificate ends on 2028-11-30, in "},
		"expired":           {present, present, testNow.AddDate(1, 0, 0), expired, "its certificate expired on 2028-11-30"},
		"not delivered":     {renewed, present, testNow, notDelivered, "it shows a certificate that ends on 2028-11-30, in 182 days; pki has a newer one, until 2029-05-01"},
		"expired meanwhile": {renewed, present, testNow.AddDate(0, 7, 0), notDelivered, "it shows a certificate that expired on 2028-11-30; pki has a newer one"},
		"an old copy":       {present, renewed, testNow, unknown, "pki has another, older one"},
		"another's":         {present, stranger, testNow, otherAuthority, "it shows a certificate of another authority than pki has (CN=Test CA)"},
		"none is known":     {ca, present, testNow, unknown, "pki has none for it"},
	} {
		t.Run(name, func(t *testing.T) {
			r := report{now: test.now, Live: &live{Servers: []server{{Host: "kubem00", Address: show(t, test.shows), Items: []string{testServer}}}}}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			r.askAll(ctx, sourceOf(t, test.has))
			got := r.Live.Servers[0]
			if got.Problem != test.problem || !strings.Contains(got.Text, test.text) || (got.Remedy == "") != (test.problem == "") {
				t.Errorf("%+v", got)
			}
			if got.Subject != "CN=apiserver" || got.DaysLeft == nil || r.Live.problems() != min(1, len(test.problem)) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestNoAnswer: that nobody answers is a problem.
func TestNoAnswer(t *testing.T) {
	r := report{now: testNow, Live: &live{Servers: []server{{Address: "127.0.0.1:1", Items: []string{testServer}}}}}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r.askAll(ctx, sourceOf(t, issuedAt(t, testNow, nil)))
	if got := r.Live.Servers[0]; got.Problem != noAnswer || got.Text != "connection refused: nothing listens there" || r.Live.problems() != 1 {
		t.Errorf("%+v", got)
	}
}

// TestLoadBalancer: any API server may answer behind one. What it shows is compared with what that
// machine should have, by its key or its names, and not with what another got later.
func TestLoadBalancer(t *testing.T) {
	const other = "hosts/kubem01/apiserver"
	at := func(months int, have pki.Set, newKeys bool, names ...string) pki.Set {
		var requests []pki.Request
		for _, name := range names {
			r := have[testServer].Request
			if r.Name = name; name == other {
				r.DNSNames, r.IPAddresses = []string{"kubem01"}, []netip.Addr{netip.MustParseAddr("10.10.10.81")}
			}
			requests = append(requests, r)
		}
		result, err := pki.Renew(requests, have, newKeys, testNow.AddDate(0, months, 0), pki.Generate, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return result.Set
	}
	first := at(-11, issuedAt(t, testNow.AddDate(0, -11, 0), nil), false, testServer, other)
	has := at(-1, at(-6, first, false, testServer), false, other) // kubem00 since six months, kubem01 since one
	stranger := maps.Clone(at(-2, first, true, testServer))
	item := stranger[testServer]
	item.Request.DNSNames = []string{"kubem02"}
	delete(stranger, testServer)
	third := at(-2, pki.Set{testAuthority: first[testAuthority], testServer: item}, true, testServer)
	for name, test := range map[string]struct {
		shows   pki.Set
		problem state
		text    string
	}{
		"as it should":               {has, "", ""},
		"its former one":             {first, notDelivered, "pki has a newer one, until 2028-11-30"},
		"with another key":           {at(-9, first, true, testServer), notDelivered, "pki has a newer one, until 2028-11-30"},
		"renewed elsewhere":          {at(-3, first, false, testServer), unknown, "pki has another, older one"},
		"and with another key":       {at(-3, first, true, testServer), unknown, "pki has another, older one"},
		"of a machine it knows not":  {third, unknown, "does not say of which machine it is"},
		"older than all that it has": {at(-10, pki.Set{testAuthority: first[testAuthority], testServer: item}, true, testServer), notDelivered, "pki has a newer one"},
	} {
		t.Run(name, func(t *testing.T) {
			r := report{now: testNow, Live: &live{Servers: []server{{Address: show(t, test.shows), Items: []string{testServer, other}}}}}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			r.askAll(ctx, sourceOf(t, has))
			if got := r.Live.Servers[0]; got.Problem != test.problem || !strings.Contains(got.Text, test.text) {
				t.Errorf("%+v", got)
			}
		})
	}
}
