package pki

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
)

// TestRecoverAuthority: in each phase its certificates, and what has signed the leaves, say which
// generation is which.
func TestRecoverAuthority(t *testing.T) {
	const name = "authorities/kubernetes"
	requests := []Request{authorityRequest(name), serverRequest("hosts/kubem00/apiserver", name)}
	set := issue(t, requests, nil, testNow).Set
	for _, test := range []struct {
		phases []Phase
		want   string
	}{{nil, ""}, {Phases()[:1], "1 present, 2 former"}, {Phases()[:2], "1 former, 2 present"}, {Phases(), "2 present"}} {
		item := rotate(t, set[name], Names{}, test.phases...)
		leaf := set[requests[1].Name]
		if len(test.phases) > 1 {
			renewed, err := Renew(requests[1:], Set{name: item, leaf.Request.Name: leaf}, true, testNow, Generate, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			leaf = renewed.Set[leaf.Request.Name]
		}
		trusted, err := Blocks(item.Bundle(), pemCertificate)
		if err != nil {
			t.Fatal(err)
		}
		crossed, err := Blocks(item.Behind(leaf), pemCertificate)
		if err != nil {
			t.Fatal(err)
		}
		found, err := RecoverAuthority(authorityRequest(name), trusted, []Item{leaf}, crossed)
		if err != nil {
			t.Fatal(err)
		}
		if got := states(found); got != test.want || !bytes.Equal(found.Bundle(), item.Bundle()) || !bytes.Equal(found.Behind(leaf), item.Behind(leaf)) || !found.KeyElsewhere() {
			t.Errorf("%v: %s", test.phases, got)
		}
		if faults := Verify(Set{name: found, leaf.Request.Name: leaf}); len(faults) > 0 {
			t.Errorf("%v: %v", test.phases, faults)
		}
		// Another one follows at once, and what the lost ones have signed for each other is gone.
		next := rotate(t, found, Names{}, PhaseTrust, PhaseIssue)
		for _, g := range next.Generations {
			if g.Cross != nil {
				t.Errorf("%v: a former authority has signed a former one", test.phases)
			}
		}
		if got := rotate(t, next, Names{}, PhaseRetire); len(got.Trusted()) != 1 {
			t.Errorf("%v: %s", test.phases, states(got))
		}
	}
	// Its subject is that of its certificate, also if another is asked for by now.
	other := authorityRequest(name)
	other.Subject.CommonName = "another"
	found, err := RecoverAuthority(other, [][]byte{set[name].Cert}, nil, nil)
	if err != nil || found.Request.Subject.CommonName != set[name].Request.Subject.CommonName {
		t.Error(found.Request.Subject, err)
	}
	for _, wrong := range [][][]byte{nil, {[]byte("x")}, {set[name].Cert, set[name].Cert}} {
		if _, err := RecoverAuthority(authorityRequest(name), wrong, nil, nil); err == nil {
			t.Errorf("recovered from %q", wrong)
		}
	}
}

// TestRecoverShared: key pairs and secrets are what machines have.
func TestRecoverShared(t *testing.T) {
	set := issue(t, testRequests(), nil, testNow).Set
	for _, test := range []struct {
		phases       []Phase
		pair, secret string
	}{{nil, "", ""}, {Phases()[:1], "1 former, 2 present", "1 present, 2 next"}, {Phases()[:2], "1 former, 2 present", "1 former, 2 present"}, {Phases(), "", "2 present"}} {
		pair := rotate(t, set["cluster/sa"], Names{}, test.phases...)
		var publics [][]byte
		for _, g := range pair.Trusted() {
			publics = append(publics, g.Public)
		}
		found, err := RecoverKeyPair(pair.Request, pair.Key, publics)
		if err != nil {
			t.Fatal(err)
		}
		if got := states(found); got != test.pair || !bytes.Equal(found.Key, pair.Key) || len(found.Trusted()) != len(publics) || len(Verify(Set{"cluster/sa": found})) > 0 {
			t.Errorf("%v: %s", test.phases, got)
		}
		if got := rotate(t, found, Names{}, Phases()...); len(got.Trusted()) != 1 {
			t.Errorf("%v: %s", test.phases, states(got))
		}
		secret := rotate(t, set["cluster/encryption"], Names{"key2", "secretbox"}, test.phases...)
		found, err = RecoverSecret(secret.Request, secret.Trusted(), Step{Began: testNow})
		if err != nil {
			t.Fatal(err)
		}
		phase := secret.NextPhase()
		if got := states(found); got != test.secret || !bytes.Equal(found.Key, secret.Key) || found.NextPhase() != phase || len(Verify(Set{"cluster/encryption": found})) > 0 {
			t.Errorf("%v: %s, next %s", test.phases, got, found.NextPhase())
		}
	}
	if _, err := RecoverSecret(Request{Kind: Secret, Name: "s"}, []Generation{{Number: 1, Key: []byte("x\n")}}, Step{}); err == nil {
		t.Error("a secret that is none was recovered")
	}
	if _, err := RecoverKeyPair(set["cluster/sa"].Request, []byte("x"), nil); err == nil || strings.Contains(err.Error(), "x\n") {
		t.Error(err)
	}
}

// TestNextSigns: what did not exist yet, the next authority signs if the key of the present one is not here;
// nothing else.
func TestNextSigns(t *testing.T) {
	const name = "authorities/kubernetes"
	requests := []Request{authorityRequest(name), serverRequest("hosts/kubem00/apiserver", name), serverRequest("hosts/kubem01/apiserver", name)}
	set := issue(t, requests[:2], nil, testNow).Set
	lost := set[name]
	lost.Key = nil
	lost = rotate(t, lost, Names{}, PhaseTrust)
	set[name] = lost
	issued, err := Issue(requests, set, testNow, Generate, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := issued.Set[requests[2].Name]
	if lost.Signs(made) || !lost.Signs(issued.Set[requests[1].Name]) || len(issued.Warnings) != 1 || issued.Warnings[0].Name != requests[2].Name {
		t.Error(issued.Warnings)
	}
	if after := rotate(t, lost, Names{}, PhaseIssue); !after.Signs(made) {
		t.Error("the next authority has not signed it")
	}
	requests[1].DNSNames = append(requests[1].DNSNames, "another.example.com")
	if _, err := Issue(requests, set, testNow, Generate, rand.Reader); !errors.As(err, &KeysElsewhere{}) || !strings.Contains(err.Error(), "kubem00") {
		t.Error(err)
	}
}
