package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"
)

// Who trusts an authority alone can be led to another one that it signs: its path length is not
// limited, as it was in earlier releases.
func TestAuthoritiesCanSignAuthorities(t *testing.T) {
	for name, limited := range map[string]bool{"today's": false, "an earlier release's": true} {
		old, next := issue(t, testRequests(), nil, testNow).Set, issue(t, testRequests(), nil, testNow).Set
		const ca, leaf = "authorities/a/ca", "hosts/kubem01/web"
		by, err := newIssuer(old[ca])
		if err != nil {
			t.Fatal(err)
		}
		root := by.cert
		if limited {
			template := *root
			template.MaxPathLen, template.MaxPathLenZero = 0, true
			root = certificate(t, &template, &template, root.PublicKey, by.key)
		}
		cross := certOf(t, next, ca)
		cross = certificate(t, cross, root, cross.PublicKey, by.key)
		roots, between := x509.NewCertPool(), x509.NewCertPool()
		roots.AddCert(root)
		between.AddCert(cross)
		_, err = certOf(t, next, leaf).Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: testNow})
		if (err != nil) != limited {
			t.Errorf("%s authority: %v", name, err)
		}
		item := old[ca]
		item.Cert = pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: root.Raw})
		old[ca] = item
		if faults := Verify(old); len(faults) > 0 {
			t.Errorf("%s authority: %v", name, faults)
		}
	}
}

func certificate(t *testing.T, template, parent *x509.Certificate, public any, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestIssueRefusesTheEndOfTime(t *testing.T) {
	late := time.Date(9995, 6, 1, 12, 0, 0, 0, time.UTC)
	_, err := Issue([]Request{authorityRequest("ca")}, nil, late, Generate, rand.Reader)
	const want = "ca: would end in the year 10005, but a certificate cannot hold a year after 9999: set the clock right (it shows 9995-06-01), or write a shorter lifetime than 87600h"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	short := authorityRequest("ca")
	short.Lifetime = 4 * year
	if _, err := Issue([]Request{short}, nil, late, Generate, rand.Reader); err != nil {
		t.Error(err)
	}
}
