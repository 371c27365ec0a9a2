package pki

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"
)

const secretIDOfKs = "b03b690b22f4272f0478ee5b51b560fc"

func TestKeyID(t *testing.T) {
	set := issue(t, testRequests(), nil, testNow).Set
	id := func(item Item) string {
		t.Helper()
		found, err := KeyID(item)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	public, _ := pem.Decode(set["cluster/sa"].Public)
	for name, der := range map[string][]byte{
		"authorities/a/ca":     certOf(t, set, "authorities/a/ca").RawSubjectPublicKeyInfo,
		"hosts/kubem00/server": certOf(t, set, "hosts/kubem00/server").RawSubjectPublicKeyInfo,
		"cluster/sa":           public.Bytes,
	} {
		if sum := sha256.Sum256(der); id(set[name]) != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: %s", name, id(set[name]))
		}
	}

	// Printed by: printf 'hagen: id of a secret' | openssl dgst -sha256 -hmac "$(printf 'k%.0s' $(seq 32))" | cut -c-..32
	fixed := Item{Request: Request{Name: "s", Kind: Secret}, Key: []byte(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", SecretSize))) + "\n")}
	if got, want := id(fixed), secretIDOfKs; got != want {
		t.Errorf("secret: %s, want %s", got, want)
	}
	fixed.Key = fixed.Key[:len(fixed.Key)-1] // an editor may have taken the line's end
	if got := id(fixed); got != secretIDOfKs {
		t.Errorf("without its line's end: %s", got)
	}

	for _, broken := range []Item{
		{Request: Request{Name: "x", Kind: Secret}, Key: []byte("YQ==")},
		{Request: Request{Name: "x", Kind: KeyPair}, Public: []byte("x")},
		{Request: Request{Name: "x", Kind: Leaf}},
	} {
		if got, err := KeyID(broken); err == nil || !strings.HasPrefix(err.Error(), "x: ") {
			t.Errorf("%s: %q, %v", broken.Request.Kind, got, err)
		}
	}
}
