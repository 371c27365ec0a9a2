package twin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
)

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// keys gives a private key in every PEM type.
func keys(t *testing.T) map[string]string {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, _ := x509.MarshalECPrivateKey(ec)
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(ec)
	return map[string]string{
		"EC":      block("EC PRIVATE KEY", ecDER),
		"PKCS#8":  block("PRIVATE KEY", pkcs8),
		"RSA":     block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)),
		"unknown": block("OPENSSH PRIVATE KEY", []byte(strings.Repeat("secret", 20))),
		"broken":  block("EC PRIVATE KEY", []byte(strings.Repeat("secret", 20))),
	}
}

// TestNoSecretByte: whatever a secret stands in, no line of it is in the twin,
// and another secret gives another twin where it may be identified.
func TestNoSecretByte(t *testing.T) {
	first, second := keys(t), keys(t)
	for kind, key := range first {
		for name, around := range map[string]func(string) string{
			"file": func(k string) string { return k },
			"two":  func(k string) string { return "# head\n" + k + k + "tail\n" },
			"kubeconfig": func(k string) string {
				return "    client-key-data: " + base64.StdEncoding.EncodeToString([]byte(k)) + "\n"
			},
		} {
			shown := string(Text([]byte(around(key))))
			for line := range strings.SplitSeq(around(key), "\n") {
				secret := line[strings.LastIndexByte(line, ' ')+1:]
				if len(secret) > 20 && !strings.HasPrefix(line, "-----") && strings.Contains(shown, secret) {
					t.Errorf("%s key in %s: shown in %s", kind, name, shown)
				}
			}
			if strings.Contains(shown, "BEGIN") {
				t.Errorf("%s key in %s: still PEM: %s", kind, name, shown)
			}
			identified := kind != "unknown" && kind != "broken"
			if other := string(Text([]byte(around(second[kind])))); identified == (other == shown) {
				t.Errorf("%s key in %s: another key gives %q, the first %q", kind, name, other, shown)
			}
		}
	}
}

func TestText(t *testing.T) {
	long := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	for _, test := range []struct{ text, want string }{
		{"plain\n", "plain\n"},
		{"        secret: " + long + "\n", "        secret: secret, SHA-256 3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9\n"},
		{"        secret: c2hvcnQ=\n", "        secret: REDACTED\n"},
		{"        secret: not base64!\n", "        secret: not base64!\n"},
		{"    token: abc.def\n", "    token: REDACTED\n"},
		{"    password: \"x y\"\n", "    password: REDACTED\n"},
		{"    client-key-data: %%%\n", "    client-key-data: REDACTED\n"},
	} {
		if got := string(Text([]byte(test.text))); got != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

// FuzzText: whatever surrounds a key, its bytes are not in the twin.
func FuzzText(f *testing.F) {
	const secret = "MHcCAQEEIKq7W0r8mV1cDk0N0fZ9lqR8h4v3sUo2n6d5x1y0T9eEoAoGCCqGSM49"
	f.Add("", "\n")
	f.Add("# head\n", "tail")
	f.Add("users:\n- user:\n    token: x\n", "    password: y\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		key := "-----BEGIN EC PRIVATE KEY-----\n" + secret + "\n-----END EC PRIVATE KEY-----\n"
		for _, text := range []string{
			before + "\n" + key + after,
			before + "\n    client-key-data: " + base64.StdEncoding.EncodeToString([]byte(key)) + "\n" + after,
		} {
			shown := string(Text([]byte(text)))
			if !strings.Contains(before+after, secret) && (strings.Contains(shown, secret) || strings.Contains(shown, base64.StdEncoding.EncodeToString([]byte(key)))) {
				t.Errorf("%q is shown as %q", text, shown)
			}
		}
	})
}
