package encode_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"

	"hagen/gen/encode"
	"hagen/gen/node"
	"hagen/profiles"
)

var update = flag.Bool("update", false, "rewrite testdata/wrapped.ign")

// TestGoldenWrapped pins the bytes of a small document.
func TestGoldenWrapped(t *testing.T) {
	system, _ := profiles.FindOS("fcos")
	n := node.Node{
		Name: "kubem00",
		Files: []node.File{
			{Path: "/etc/hostname", Mode: 0o644, Contents: []byte("kubem00\n")},
			{Path: "/etc/a", Mode: 0o600, User: "etcd", Contents: []byte("100 % #1 \"?\" \\ é\x00<&>\n")},
			{Path: "/etc/empty", Mode: 0o644, Contents: []byte{}},
		},
		Units: []node.Unit{{Name: "a.service", Enabled: true, Contents: "[Service]\nExecStart=/bin/true\n\n[Install]\nWantedBy=multi-user.target\n"}},
	}
	plain, _, err := encode.Ignition(n, system)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := encode.Wrap(plain, system)
	if err != nil {
		t.Fatal(err)
	}
	const path = "testdata/wrapped.ign"
	if *update {
		if err := os.WriteFile(path, wrapped, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != string(wrapped) {
		t.Errorf("%v; got\n%s\nwant\n%s", err, wrapped, want)
	}
	back, err := encode.ReadIgnition(wrapped, system)
	if err != nil || !reflect.DeepEqual(back.Bare(), n.Bare()) {
		t.Errorf("%v\n%+v\n%+v", err, back.Bare(), n.Bare())
	}
	inner, is, err := encode.Given(wrapped, system)
	if err != nil || !is || strings.Contains(string(inner), "base64") {
		t.Errorf("%t %v\n%s", is, err, inner)
	}
}

func TestUnwrap(t *testing.T) {
	const inner = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a","mode":420,"contents":{"source":"data:,a"}}]}}`
	sum := sha512.Sum512([]byte(inner))
	hash := "sha512-" + hex.EncodeToString(sum[:])
	packed := base64.StdEncoding.EncodeToString(encode.Gzip([]byte(inner)))
	outer := func(compression, source, hash, beside string) string {
		return fmt.Sprintf(`{"ignition":{"version":"3.4.0","config":{"replace":{"compression":%q,"source":%q,"verification":{"hash":%q}}}}%s}`, compression, source, hash, beside)
	}
	system, _ := profiles.FindOS("fcos")
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	w.Write(make([]byte, 5<<20))
	w.Close()
	huge := base64.StdEncoding.EncodeToString(bomb.Bytes())
	for name, test := range map[string]struct{ text, fault, further string }{
		"gzip":             {text: outer("gzip", "data:;base64,"+packed, hash, "")},
		"as it is":         {text: outer("", "data:,"+url.PathEscape(inner), hash, "")},
		"another's hash":   {text: outer("gzip", "data:;base64,"+packed, "sha512-"+strings.Repeat("00", 64), ""), fault: "does not match the hash"},
		"cut short":        {text: outer("gzip", "data:;base64,"+packed[:len(packed)-8], hash, ""), fault: "damaged or cut short"},
		"no gzip":          {text: outer("gzip", "data:,a", hash, ""), fault: "damaged or cut short"},
		"no base64":        {text: outer("gzip", "data:;base64,%%%", hash, ""), fault: "damaged"},
		"a bomb":           {text: outer("gzip", "data:;base64,"+huge, hash, ""), fault: "damaged"},
		"somewhere else":   {text: outer("gzip", "https://10.10.10.1/a.ign", hash, ""), further: "ignition.config.replace.source"},
		"something beside": {text: outer("gzip", "data:;base64,"+packed, hash, `,"passwd":{"users":[{"name":"a"}]}`), further: "passwd.users"},
	} {
		n, err := encode.ReadIgnition([]byte(test.text), system)
		switch {
		case test.fault != "":
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		case err != nil:
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(fmt.Sprint(n.Further), test.further) || test.further == "" && len(n.Further) > 0 {
			t.Errorf("%s: further: %v", name, n.Further)
		}
		if test.further == "" && (len(n.Files) != 1 || string(n.Files[0].Contents) != "a") {
			t.Errorf("%s: %+v", name, n)
		}
	}
}
