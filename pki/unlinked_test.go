package pki

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/cloudflare/cfssl/config"
	"github.com/cloudflare/cfssl/csr"
	"github.com/cloudflare/cfssl/signer"
	"github.com/cloudflare/cfssl/signer/local"
)

// TestUnlinked: the libraries that third_party stands in for are asked for
// nothing by the policy that signs, and a policy that asks is refused.
func TestUnlinked(t *testing.T) {
	for _, algorithm := range Algorithms() {
		for name, profile := range signingPolicy(algorithm).Profiles {
			if profile.LintErrLevel != 0 || len(profile.CTLogServers) > 0 {
				t.Errorf("%s, %s: asks for lints or logs", algorithm, name)
			}
		}
	}
	key, err := Generate(KeyRequest{Algorithm: ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	asked, err := csr.Generate(key, &csr.CertificateRequest{CN: "one"})
	if err != nil {
		t.Fatal(err)
	}
	authority := makeAuthority(t)
	for _, asks := range []string{`"lint_error_level": 3`, `"ct_log_servers": ["https://log.example"]`} {
		policy := config.DefaultConfig()
		if err := json.Unmarshal([]byte(`{"usages": ["signing"], "expiry": "1h", `+asks+`}`), policy); err != nil {
			t.Fatal(err)
		}
		policy.Expiry = time.Hour
		s, err := local.NewSigner(authority.key, authority.cert, signer.DefaultSigAlgo(authority.key), &config.Signing{Default: policy})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Sign(signer.SignRequest{Request: string(asked)}); err == nil {
			t.Errorf("%s: signed", asks)
		}
	}
}

// makeAuthority makes one that can sign.
func makeAuthority(t *testing.T) issuer {
	t.Helper()
	request := Request{Name: "ca", Kind: Authority, Algorithm: ECDSAP256, Subject: Subject{CommonName: "ca"}, Lifetime: 24 * time.Hour}
	key, err := Generate(KeyRequest{Algorithm: ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	item, err := makeRoot(request, key, time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	by, err := newIssuer(item)
	if err != nil {
		t.Fatal(err)
	}
	return by
}
