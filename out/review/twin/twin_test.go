package twin

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hagen/gen/node"
	"hagen/gen/redact"
)

func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

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

// surroundings are ways in which a file can hold a key.
var surroundings = map[string]func(key string) string{
	"alone":          func(k string) string { return k },
	"two":            func(k string) string { return "# head\n" + k + k + "tail\n" },
	"indented":       func(k string) string { return "data:\n  key: |\n" + indent(k, "    ") + "next: x\n" },
	"a comment":      func(k string) string { return "# old:\n" + indent(k, "# ") + "next\n" },
	"Windows":        func(k string) string { return strings.ReplaceAll(k, "\n", "\r\n") },
	"without end":    func(k string) string { return "x\n" + k[:strings.Index(k, "-----END")] },
	"cut":            func(k string) string { return "x\n" + k[:len(k)/2] },
	"without a head": func(k string) string { return "x\n\n" + k[strings.Index(k, "\n")+1:] + "y\n" },
	"no last line":   func(k string) string { return strings.TrimSuffix(k, "\n") },
	"JSON":           func(k string) string { return `{"a": {"key": "` + strings.ReplaceAll(k, "\n", `\n`) + `"}}` },
	"JSON, pretty":   func(k string) string { return "{\n  \"client-key-data\": \"" + inBase64(k) + "\",\n  \"b\": 1\n}\n" },
	"JSON, kubectl's": func(k string) string {
		return `{"users":[{"name":"a","user":{"client-key-data":"` + inBase64(k) + `"}}]}`
	},
	"kubeconfig": func(k string) string {
		return "    client-key-data: " + inBase64(k) + "\n    token: hunter22hunter22\n"
	},
	"quoted": func(k string) string { return "    'client-key-data' : '" + inBase64(k) + "'\n" },
	"block scalar": func(k string) string {
		return "  - client-key-data: |-\n" + indent(folded(inBase64(k)), "      ") + "    next: x\n"
	},
	"folded plain":  func(k string) string { return "client-key-data:\n" + indent(folded(inBase64(k)), "  ") + "next: x\n" },
	"flow":          func(k string) string { return "users: [{name: a, user: {client-key-data: " + inBase64(k) + "}}]\n" },
	"another field": func(k string) string { return "    tls.key: " + inBase64(k) + "\n" },
	"twice encoded": func(k string) string {
		return "kubeconfig: " + inBase64("    client-key-data: "+inBase64(k)+"\n") + "\n"
	},
	"DER in base64": func(k string) string { b, _ := pem.Decode([]byte(k)); return "key=" + inBase64(string(b.Bytes)) + "\n" },
	"DER":           func(k string) string { b, _ := pem.Decode([]byte(k)); return string(b.Bytes) },
	"a unit": func(k string) string {
		return "[Service]\nEnvironment=\"KEY=" + strings.ReplaceAll(k, "\n", `\n`) + "\"\n"
	},
}

func inBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func indent(text, with string) string {
	return with + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+with) + "\n"
}

// folded breaks a text into lines of 64.
func folded(text string) string {
	var b strings.Builder
	for len(text) > 64 {
		b.WriteString(text[:64] + "\n")
		text = text[64:]
	}
	return b.String() + text + "\n"
}

// pieces are parts of a key as they stand in PEM, in base64 of the PEM at each
// of its alignments, in hex, and raw.
func pieces(key string) []string {
	var found []string
	for line := range strings.SplitSeq(key, "\n") {
		if len(line) >= 16 && !strings.HasPrefix(line, "-----") {
			found = append(found, line[:16], line[len(line)-16:])
		}
	}
	block, _ := pem.Decode([]byte(key))
	for _, text := range []string{key, string(block.Bytes)} {
		for shift := range 3 {
			part := text[len(text)/2+shift : len(text)/2+shift+24]
			found = append(found, inBase64(part))
		}
	}
	middle := block.Bytes[10:26] // in all types this is of the private half
	return append(found, hex.EncodeToString(middle), string(middle))
}

// TestNoSecretByte: whatever a key stands in, no part of it is in the twin,
// and another key gives another twin where it may be identified. The twin of
// the twin is the same.
func TestNoSecretByte(t *testing.T) {
	first, second := keys(t), keys(t)
	for kind, key := range first {
		for name, around := range surroundings {
			if kind == "unknown" && strings.HasPrefix(name, "DER") || kind == "broken" && strings.HasPrefix(name, "DER") {
				continue // nothing says that it is one
			}
			shown := string(redact.Text([]byte(around(key))))
			for _, piece := range pieces(key) {
				if strings.Contains(shown, piece) {
					t.Errorf("%s key, %s: %q is in %s", kind, name, piece, shown)
				}
			}
			if strings.Contains(shown, "BEGIN") || strings.Contains(shown, "hunter22") {
				t.Errorf("%s key, %s: %s", kind, name, shown)
			}
			identified := kind != "unknown" && kind != "broken" && !slices.Contains([]string{"without end", "cut", "without a head"}, name)
			if other := string(redact.Text([]byte(around(second[kind])))); identified == (other == shown) {
				t.Errorf("%s key, %s: another key gives %q, the first %q", kind, name, other, shown)
			}
			if again := string(redact.Text([]byte(shown))); again != shown {
				t.Errorf("%s key, %s: the twin's twin is %q, the twin %q", kind, name, again, shown)
			}
		}
	}
}

func TestText(t *testing.T) {
	random := inBase64("\x80" + strings.Repeat("x", 31))
	const randomSum = "RANDOM"
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"plain\n", "plain\n"},
		{"        secret: " + random + "\n", "        secret: secret, SHA-256 " + randomSum + "\n"},
		{"      - secret: \"" + random + "\" \n", "      - secret: secret, SHA-256 " + randomSum + "\n"},
		{"keys: [{name: k, secret: " + random + "}]\n", "keys: [{name: k, secret: \"secret, SHA-256 " + randomSum + "\"}]\n"},
		{"        secret: c2hvcnQ=\n", "        secret: REDACTED\n"},
		{"        secret: " + inBase64(strings.Repeat("correct horse ", 4)) + "\n", "        secret: REDACTED\n"},
		{"        secret: not base64!\n", "        secret: REDACTED\n"},
		{"    token: abc.def\n", "    token: REDACTED\n"},
		{"    token:\n", "    token:\n"},
		{"    token:\n      abc.def\n  next: x\n", "    token: REDACTED\n  next: x\n"},
		{"- token: >-\n\n    abc\n\n    def\n\n- next: x\n", "- token: REDACTED\n\n- next: x\n"},
		{"    password: \"x y\"\n", "    password: REDACTED\n"},
		{"    password: \"x\n      y\"\n    next: x\n", "    password: REDACTED\n    next: x\n"},
		{"# token: abc\nnext\n", "# token: REDACTED\nnext\n"},
		{"        id-token: abc\n        refresh-token: abc\n", "        id-token: REDACTED\n        refresh-token: REDACTED\n"},
		{`{"user":{"token":"a\"b","username":"x"}}`, `{"user":{"token":"REDACTED","username":"x"}}`},
		{"{user: {token: abc, username: x}}", "{user: {token: \"REDACTED\", username: x}}"},
		{"    client-key-data: %%%\n", "    client-key-data: REDACTED\n"},
		{"    client-key: /etc/admin-key.pem\n    tokenFile: /x\n", "    client-key: /etc/admin-key.pem\n    tokenFile: /x\n"},
		{"resources: [secrets]\n", "resources: [secrets]\n"},
		{"Environment=\"ETCD_PASSWORD=hunter2\" HOME=/x\n", "Environment=\"ETCD_PASSWORD=REDACTED\" HOME=/x\n"},
		{"export TOKEN=$(cat /token) API_TOKEN='a b'\n", "export TOKEN=$(cat /token) API_TOKEN=REDACTED\n"},
		{"ExecStart=/bin/kubelet --token=abc --v=2\n", "ExecStart=/bin/kubelet --token=REDACTED --v=2\n"},
		{"  stats auth admin:hunter2\n", "  stats auth REDACTED\n"},
		{"  user bob insecure-password hunter2\n", "  user bob insecure-password REDACTED\n"},
		{"    auth_pass 1234\n", "    auth_pass REDACTED\n"},
		{"# made today\nAGE-SECRET-KEY-1\n", "# made today\nREDACTED\n"},
		{"AGE-SECRET-KEY-1" + strings.Repeat("Q", 58) + "\n", "age secret key, SHA-256 AGE\n"},
		{"a: b\r\ntoken: REDACTED\r\n", "a: b\r\ntoken: REDACTED\n"},
		{"a: b\r\ntoken: abc\r\nc: d\r\n", "a: b\r\ntoken: REDACTED\nc: d\r\n"},
		{"a: b\rtoken: abc\rc: d\r", "REDACTED: a file whose secret cannot be told from the rest\n"},
		{"t\x00o\x00k\x00e\x00n\x00:\x00 \x00a\x00b\x00", "REDACTED: a file whose secret cannot be told from the rest\n"},
		// It cannot be told what of this is the secret.
		{"a: b\ntoken:\n- abc\n", "REDACTED: a file whose secret cannot be told from the rest\n"},
	} {
		want := strings.NewReplacer(randomSum, fingerprint([]byte("\x80"+strings.Repeat("x", 31))),
			"AGE", fingerprint([]byte("AGE-SECRET-KEY-1"+strings.Repeat("Q", 58)))).Replace(test.want)
		got := string(redact.Text([]byte(test.text)))
		if got != want {
			t.Errorf("%q: got %q, want %q", test.text, got, want)
		}
		if again := string(redact.Text([]byte(got))); again != got {
			t.Errorf("%q: the twin's twin is %q", got, again)
		}
	}
}

// TestBundle: every certificate of a bundle is described.
func TestBundle(t *testing.T) {
	key := keys(t)["PKCS#8"]
	public := block("PUBLIC KEY", []byte("one")) + key + block("CERTIFICATE", []byte("broken")) + block("PUBLIC KEY", []byte("two"))
	for _, text := range []string{public, "    certificate-authority-data: " + inBase64(public) + "\n"} {
		shown := string(redact.Text([]byte(text)))
		for _, want := range []string{"public key, SHA-256 " + fingerprint([]byte("one")), "public key, SHA-256 " + fingerprint([]byte("two")),
			"private key of the public key with SHA-256 ", "REDACTED: a certificate that cannot be read"} {
			if !strings.Contains(shown, want) {
				t.Errorf("%q lacks %q", shown, want)
			}
		}
		if again := string(redact.Text([]byte(shown))); again != shown {
			t.Errorf("the twin's twin of %q is %q", shown, again)
		}
	}
}

// TestOf: comments and units are shown as carefully as files.
func TestOf(t *testing.T) {
	key := keys(t)["EC"]
	n := node.Node{
		Groups:      []node.Group{{Origin: node.Origin{Why: "a group\ntoken: hunter22"}}},
		Users:       []node.User{{Origin: node.Origin{Why: "password: hunter22"}}},
		Directories: []node.Directory{{Origin: node.Origin{Section: "token: hunter22"}}},
		Files:       []node.File{{Origin: node.Origin{Why: "was\n" + key}, Contents: []byte("token: hunter22\n"), Secret: true}},
		Links:       []node.Link{{Origin: node.Origin{Why: "TOKEN=hunter22"}}},
		Units:       []node.Unit{{Contents: "[Service]\nEnvironment=TOKEN=hunter22\n"}, {Contents: "[Service]\n# x\n" + indent(key, "# ")}},
	}
	shown := Of(n)
	text := fmt.Sprintf("%+v %s", shown, shown.Files[0].Contents)
	for _, piece := range append(pieces(key), "hunter22") {
		if strings.Contains(text, piece) {
			t.Errorf("%q is in %s", piece, text)
		}
	}
	if shown.Files[0].Secret || !n.Files[0].Secret || !strings.Contains(string(n.Files[0].Contents), "hunter22") {
		t.Error("the node itself was changed, or its twin is secret")
	}
	if strings.Count(shown.Units[1].Contents, "\n") != 3 {
		t.Errorf("%q", shown.Units[1].Contents)
	}
	if again := Of(shown); !reflect.DeepEqual(again, shown) {
		t.Errorf("the twin's twin is\n%+v\nthe twin\n%+v", again, shown)
	}
}

// FuzzText: whatever surrounds a key or token, it is not in the twin, and the
// twin of a twin is the same.
func FuzzText(f *testing.F) {
	const secret = "MHcCAQEEIKq7W0r8mV1cDk0N0fZ9lqR8h4v3sUo2n6d5x1y0T9eEoAoGCCqGSM49"
	f.Add("", "\n")
	f.Add("# head\n", "tail")
	f.Add("users:\n- user:\n    token: x\n", "    password: y\n")
	f.Add("-----BEGIN CERTIFICATE-----\n", "-----END X-----")
	f.Add("{\"token\": \"", "\", secret: x}")
	f.Add("secret: |\n  ", "AGE-SECRET-KEY-1 token:\n- x TOKEN=' x")
	f.Fuzz(func(t *testing.T, before, after string) {
		key := "-----BEGIN EC PRIVATE KEY-----\n" + secret + "\n-----END EC PRIVATE KEY-----\n"
		for _, text := range []string{
			before + "\n" + key + after,
			before + "\n" + indent(key, "    ") + after,
			before + "\n    client-key-data: " + inBase64(key) + "\n" + after,
			before + "\n    token: " + secret + "\n" + after,
			before + "\n    password:\n      " + secret + "\n" + after,
		} {
			shown := redact.Text([]byte(text))
			if !strings.Contains(before+after, secret[:16]) && (bytes.Contains(shown, []byte(secret[:16])) || bytes.Contains(shown, []byte(inBase64(key)))) {
				t.Errorf("%q is shown as %q", text, shown)
			}
			if again := redact.Text(shown); !bytes.Equal(again, shown) {
				t.Errorf("%q is shown as %q, and that as %q", text, shown, again)
			}
		}
	})
}

// TestPieces: a machine's key is found wherever a hand has put it, and however
// it was written there; what is no key stays.
func TestPieces(t *testing.T) {
	key := block("EC PRIVATE KEY", []byte(strings.Repeat("0123456789abcdefghijklmnopqrstuv", 4)))
	der, _ := pem.Decode([]byte(key))
	secret := []byte("\x01\x02\x03\xff0123456789abcdefghijklmn")
	once := base64.StdEncoding.EncodeToString(der.Bytes)
	twice := base64.StdEncoding.EncodeToString([]byte(key))
	wrap := func(text string) string {
		var b strings.Builder
		for len(text) > 19 {
			b.WriteString(text[:19] + "\n")
			text = text[19:]
		}
		return b.String() + text
	}
	for what, text := range map[string]string{
		"body without armour": wrap(once), "base64 of the PEM": wrap(twice), "hex": hex.EncodeToString(der.Bytes), "HEX": strings.ToUpper(hex.EncodeToString(der.Bytes)),
		"a middle piece": "x " + once[30:60] + " y", "in a URL": "https://x/?k=" + url.QueryEscape(once), "raw": string(der.Bytes), "Go's string": strconv.Quote(once[:40]) + "+\n" + strconv.Quote(once[40:]),
		"a secret in a sentence": "the key is " + base64.StdEncoding.EncodeToString(secret), "a secret's hex": hex.EncodeToString(secret),
	} {
		n := node.Node{
			Files: []node.File{
				{Path: "/k", Contents: []byte(key), Secret: true},
				{Path: "/e", Contents: []byte("    secret: " + base64.StdEncoding.EncodeToString(secret) + "\n")},
				{Path: "/other", Contents: []byte("a line\n" + text + "\nanother\n")},
				{Path: "/plain", Contents: []byte("a line\n")},
			},
			Units: []node.Unit{{Name: "a.service", Contents: "[Service]\nExecStart=/bin/a " + strings.ReplaceAll(text, "\n", " ") + "\n"}},
			Links: []node.Link{{Origin: node.Origin{Why: text}, Path: "/l"}},
		}
		shown := Of(n)
		if string(shown.Files[2].Contents) != redact.Everything || shown.Units[0].Contents != "# "+redact.Everything || shown.Links[0].Why != redact.Hidden {
			t.Errorf("%s: shown as %q, %q, %q", what, shown.Files[2].Contents, shown.Units[0].Contents, shown.Links[0].Why)
		}
		if string(shown.Files[3].Contents) != "a line\n" {
			t.Errorf("%s: what is no key is hidden", what)
		}
	}
}
