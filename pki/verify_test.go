package pki

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
)

// tampered returns a copy of set with one item changed.
func tampered(set Set, name string, change func(*Item)) Set {
	changed := maps.Clone(set)
	item := changed[name]
	change(&item)
	changed[name] = item
	return changed
}

func TestVerify(t *testing.T) {
	set := issue(t, append(testRequests(), authorityRequest("authorities/b/ca")), nil, testNow).Set
	another := issue(t, append(testRequests(), authorityRequest("authorities/b/ca")), nil, testNow).Set
	if faults := Verify(set); len(faults) > 0 {
		t.Fatal(faults)
	}
	const server, ca, sa, secret = "hosts/kubem00/server", "authorities/a/ca", "cluster/sa", "cluster/encryption"
	tests := []struct {
		name   string
		change func(*Item)
		want   string
	}{
		{server, func(i *Item) { i.Cert = nil }, "certificate: it is empty"},
		{server, func(i *Item) { i.Cert = i.Cert[:len(i.Cert)/2] }, "certificate: it is not PEM, or it is truncated"},
		{server, func(i *Item) { i.Cert = i.Key }, "certificate: it does not hold a PEM block of type CERTIFICATE"},
		{server, func(i *Item) { i.Cert = slices.Concat(i.Cert, i.Cert) }, "certificate: it holds more than one PEM block"},
		{server, func(i *Item) { i.Cert = slices.Concat(i.Cert, []byte("x")) }, "certificate: it holds more than one PEM block"},
		{server, func(i *Item) { i.Cert = slices.Concat([]byte("x\n"), i.Cert) }, "certificate: there is text before the PEM block"},
		{server, func(i *Item) { i.Cert = slices.Concat(i.Cert[:100], i.Cert) }, "certificate: it is not PEM, or it is truncated"},
		{server, func(i *Item) { i.Cert = []byte("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n") }, "certificate: the certificate in it is damaged"},
		{server, func(i *Item) { i.Cert = another[server].Cert }, "key: it is not the key of the certificate beside it"},
		{server, func(i *Item) { i.Cert, i.Key = another[server].Cert, another[server].Key }, "certificate: it is not signed by its authority authorities/a/ca, or was never valid together with it"},
		{server, func(i *Item) { i.Cert = bytes.ReplaceAll(i.Cert, []byte("\n"), []byte("\r\n")) }, ""},
		{server, func(i *Item) { i.Key = another[server].Key }, "key: it is not the key of the certificate beside it"},
		{server, func(i *Item) { i.Key = []byte("-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n") }, "key: the EC PRIVATE KEY in it is damaged"},
		{server, func(i *Item) {
			i.Key = bytes.Replace(i.Key, []byte("-----\n"), []byte("-----\nProc-Type: 4,ENCRYPTED\n\n"), 1)
		}, "key: the EC PRIVATE KEY in it has headers; an encrypted key must be decrypted first"},
		{server, func(i *Item) { i.Key = bytes.ReplaceAll(i.Key, []byte("EC PRIVATE"), []byte("PRIVATE")) }, "key: it does not hold a PEM block of type EC PRIVATE KEY or RSA PRIVATE KEY"},
		{server, func(i *Item) { i.Request.Subject.CommonName = "x" }, "certificate: its subject is not the requested one (common name: server → x)"},
		{server, func(i *Item) { i.Request.DNSNames = []string{"x"} }, "certificate: its names are not the requested ones (+ x − kubem00 kubernetes.default.svc)"},
		{server, func(i *Item) { i.Request.IPAddresses = nil }, "certificate: its names are not the requested ones (− 10.0.0.1 fd00::1)"},
		{server, func(i *Item) { i.Request.Profile = ServerAuthentication }, "certificate: its usages are not those of a server-authentication leaf"},
		{server, func(i *Item) { i.Request.Algorithm = ECDSAP384 }, "key: the key is not ecdsa-p384, as requested"},
		{server, func(i *Item) { i.Request.Authority = "authorities/b/ca" }, "certificate: it is not signed by its authority authorities/b/ca, or was never valid together with it"},
		{server, func(i *Item) { i.Request.Authority = "x" }, "certificate: its authority x is missing"},
		{server, func(i *Item) { i.Request.Kind = Authority }, "certificate: its usages are not those of a peer-authentication authority\nhosts/kubem00/server: certificate: its basic constraints are not those of authority"},
		{ca, func(i *Item) { i.Key = nil }, ""},
		{ca, func(i *Item) { i.Key = []byte{} }, "key: it is empty"},
		{ca, func(i *Item) { i.Key = another[ca].Key }, "key: it is not the key of the certificate beside it"},
		{ca, func(i *Item) { i.Cert = set["authorities/b/ca"].Cert }, "key: it is not the key of the certificate beside it\nauthorities/a/ca: certificate: its subject is not the requested one (common name: Test CA authorities/b/ca → Test CA authorities/a/ca)"},
		{sa, func(i *Item) { i.Public = another[sa].Public }, "key: it is not the key of the public half beside it"},
		{sa, func(i *Item) { i.Public = i.Public[5:] }, "public half: it is not PEM, or it is truncated"},
		{sa, func(i *Item) { i.Key = nil }, "key: it is empty"},
		{secret, func(i *Item) { i.Key = i.Key[4:] }, "key: it holds 29 bytes, not 32"},
		{secret, func(i *Item) { i.Key = append(slices.Clone(i.Key), '\n') }, "key: it is not one line of base64"},
		{secret, func(i *Item) { i.Key = []byte("?") }, "key: it is not one line of base64"},
		{secret, func(i *Item) { i.Key = bytes.TrimSpace(i.Key) }, ""},
	}
	for _, test := range tests {
		changed := tampered(set, test.name, test.change)
		var got []string
		for _, fault := range Verify(changed) {
			got = append(got, fault.Error())
		}
		want := test.want
		if want != "" {
			want = test.name + ": " + want
		}
		if text := strings.Join(got, "\n"); text != want {
			t.Errorf("got  %s\nwant %s", text, want)
		}
		for _, line := range strings.Split(string(set[test.name].Key), "\n") {
			if len(line) > 20 && !strings.HasPrefix(line, "-----") && strings.Contains(strings.Join(got, "\n"), line) {
				t.Errorf("%s: the fault holds key material", test.want)
			}
		}
	}
}

func FuzzParsePEM(f *testing.F) {
	set := issue(f, testRequests(), nil, testNow).Set
	for _, item := range set {
		f.Add(item.Cert)
		f.Add(item.Key)
		f.Add(item.Public)
	}
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n"))
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if key, err := parseKey(data); err == nil {
			if _, err := encodeKey(key); err != nil {
				t.Errorf("a key was read that cannot be written: %v", err)
			}
		}
		if public, err := parsePublic(data); err == nil {
			_ = sameKey(public, public)
		}
		_, _ = parseCertificate(data)
		_ = checkSecret(data)
		for _, kind := range []Kind{Authority, Leaf, KeyPair, Secret} {
			item := Item{Request: Request{Name: "x", Kind: kind, Authority: "x"}, Cert: data, Key: data, Public: data}
			_ = Verify(Set{"x": item})
		}
	})
}

// TestSignedBy: only Verify says who signed a certificate, and only of that certificate.
func TestSignedBy(t *testing.T) {
	set := issue(t, testRequests(), nil, testNow).Set
	for name, item := range set {
		if item.Cert == nil {
			continue
		}
		authority := set[item.Request.Authority]
		if item.Request.Kind == Authority {
			authority = item
		}
		by, err := authority.X509()
		if err != nil {
			t.Fatal(err)
		}
		if got := item.SignedBy(); got != Fingerprint(by.Raw) {
			t.Errorf("%s: got %q", name, got)
		}
		unseen := Item{Request: item.Request, Cert: item.Cert, Key: item.Key}.Parsed()
		changed := item
		changed.Cert = append(item.Cert[:len(item.Cert):len(item.Cert)], '\n')
		if unseen.SignedBy() != "" || changed.SignedBy() != "" {
			t.Errorf("%s: signed by %q, %q", name, unseen.SignedBy(), changed.SignedBy())
		}
	}
	for name, item := range set {
		if item.Request.Kind == Leaf {
			item.Request.Authority = "other"
			other := issue(t, testRequests(), nil, testNow).Set[set[name].Request.Authority]
			other.Request.Name = "other"
			item = Item{Request: item.Request, Cert: item.Cert, Key: item.Key}.Parsed()
			if faults := Verify(Set{name: item, "other": other}); len(faults) == 0 || item.SignedBy() != "" {
				t.Errorf("%s: %v, signed by %q", name, faults, item.SignedBy())
			}
		}
	}
}
