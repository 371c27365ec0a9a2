package snapshot

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"testing"
)

// written is a snapshot that etcdctl 3.7.3 saved, without its checksum. kube-apiserver 1.37.2 encrypted its Secrets:
// s1 with key1 and then with key2, s2 and s3 with key1, t1 with key2, and s4, which was deleted, with key1.
func written(t testing.TB) []byte {
	t.Helper()
	packed, err := os.ReadFile("testdata/two-keys.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text[:len(text)-32]
}

var writtenKeys = map[string]string{
	"key1": "fv4SHvykvrY/U03eZqtUZcpS4kpm89HYubgDQVxRjkA=",
	"key2": "6OwdkrELQ6O/YxwJM3u/0CjXnB7i/oBoYU871ofqoB4=",
}

func TestSecrets(t *testing.T) {
	text := written(t)
	found, err := Secrets(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, e := range found {
		got += fmt.Sprintf("%s %s %d", e.Provider, e.Name, e.Secrets)
		for _, name := range []string{"key1", "key2"} {
			key, _ := base64.StdEncoding.DecodeString(writtenKeys[name])
			got += fmt.Sprintf(" %t", e.Opens(key))
		}
		if e.Opens(nil) || e.Opens(make([]byte, 32)) {
			t.Error("no key opens", e.Name)
		}
		got += "\n"
	}
	if want := "secretbox key1 2 true false\nsecretbox key2 2 false true\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestDamaged: what is no database is refused, whatever it claims.
func TestDamaged(t *testing.T) {
	text := written(t)
	for name, damaged := range map[string][]byte{
		"empty": nil, "cut": text[:5000], "text": bytes.Repeat([]byte("x"), 1<<14), "zeros": make([]byte, 1<<14),
		"no first pages": append(make([]byte, 8192), text[8192:]...),
	} {
		if found, err := Secrets(bytes.NewReader(damaged), int64(len(damaged))); err == nil {
			t.Errorf("%s: %v", name, found)
		}
	}
	// One of the two pages that say where the data is suffices, as for bbolt.
	for _, at := range []int{24, 4096 + 24} {
		one := bytes.Clone(text)
		one[at] ^= 1
		if _, err := Secrets(bytes.NewReader(one), int64(len(one))); err != nil {
			t.Error(at, err)
		}
	}
}

func TestKeyOf(t *testing.T) {
	for value, want := range map[string]string{
		"k8s:enc:secretbox:v1:key1:\x00": "secretbox key1", "k8s:enc:aescbc:v1:a:b:c": "aescbc a", "k8s:enc:kms:v2:hsm:x": "kms hsm",
		"k8s\x00\n": " ", "": " ", "k8s:enc:secretbox:v1:": " ", "k8s:enc:": " ",
	} {
		provider, name := keyOf([]byte(value))
		if got := provider + " " + name; got != want {
			t.Errorf("%q: %q", value, got)
		}
	}
}

// FuzzSecrets: no file makes a reader fail in another way than with an error, or read for ever.
func FuzzSecrets(f *testing.F) {
	text := written(f)
	f.Add(0, byte(0))
	f.Add(4096*2+10, byte(255))
	f.Fuzz(func(_ *testing.T, at int, change byte) {
		if at < 0 || at >= len(text) {
			return
		}
		other := bytes.Clone(text)
		other[at] ^= change
		_, _ = Secrets(bytes.NewReader(other), int64(len(other)))
	})
}
