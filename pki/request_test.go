package pki

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRequestJSON(t *testing.T) {
	tests := []struct {
		request Request
		want    string
	}{
		{clientRequest("cluster/admin", "ca"), `{"name":"cluster/admin","kind":"leaf","authority":"ca","subject":{"commonName":"admin","organization":["system:masters","a second"],"organizationalUnit":"desk"},"profile":"client-authentication","algorithm":"ecdsa-p256","lifetime":"2160h0m0s"}`},
		{serverRequest("s", "ca"), `{"name":"s","kind":"leaf","authority":"ca","subject":{"commonName":"server"},"dnsNames":["kubem00","kubernetes.default.svc"],"ipAddresses":["10.0.0.1","fd00::1"],"profile":"peer-authentication","algorithm":"ecdsa-p256","lifetime":"8760h0m0s"}`},
		{Request{Name: "cluster/encryption", Kind: Secret}, `{"name":"cluster/encryption","kind":"secret"}`},
	}
	for _, test := range tests {
		written, err := json.Marshal(test.request)
		if err != nil || string(written) != test.want {
			t.Errorf("got  %s (%v)\nwant %s", written, err, test.want)
		}
		var read Request
		if err := json.Unmarshal(written, &read); err != nil || !reflect.DeepEqual(read, test.request) {
			t.Errorf("read back as %v (%v)", read, err)
		}
	}
}

func TestRequestJSONRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"name":"a","lifetime":"a year"}`:   `lifetime "a year" is not a duration`,
		`{"name":"a","lifetime":3600}`:       "not a certificate request",
		`{"name":"a","colour":"red"}`:        "colour",
		`{"name":"a","ipAddresses":["x.y"]}`: "not a certificate request",
	} {
		var read Request
		if err := json.Unmarshal([]byte(text), &read); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestValidate(t *testing.T) {
	server := func(change func(*Request)) Request {
		r := serverRequest("s", "ca")
		change(&r)
		return r
	}
	tests := []struct {
		request Request
		want    string
	}{
		{serverRequest("hosts/kube.example.com/server", "ca"), ""},
		{server(func(r *Request) { r.DNSNames = []string{"*.example.com", "_etcd.a"} }), ""},
		{Request{Name: "x", Kind: "thing"}, `x: kind "thing" is not one of authority, leaf, key-pair, secret`},
		{Request{Name: "x", Kind: KeyPair}, `x: algorithm "" is not one of ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096`},
		{Request{Name: "x", Kind: Secret, Algorithm: RSA2048, Lifetime: time.Hour}, "x: a secret has no lifetime\nx: a secret has no algorithm"},
		{Request{Name: "x", Kind: KeyPair, Algorithm: RSA2048, Subject: Subject{Country: "IT"}}, "x: a key-pair has no subject"},
		{Request{Name: "x", Kind: Authority, Algorithm: ECDSAP256, Lifetime: 1500 * time.Millisecond, Profile: "y"}, "x: no common name\nx: lifetime 1.5s is not a positive number of whole seconds\nx: an authority has no profile"},
		{server(func(r *Request) { r.Algorithm = "rsa-1024" }), `s: algorithm "rsa-1024" is not one of ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096`},
		{server(func(r *Request) { r.Profile = "authority" }), `s: signing profile "authority" is not one of server-authentication, client-authentication, peer-authentication`},
		{server(func(r *Request) { r.Profile = ClientAuthentication }), "s: a client certificate has no names"},
		{server(func(r *Request) { r.DNSNames, r.IPAddresses = nil, nil }), "s: no DNS name and no IP address: no client could verify this server"},
		{server(func(r *Request) { r.Authority = "" }), "s: no authority to sign it"},
		{server(func(r *Request) { r.Lifetime = -1 }), "s: lifetime -1ns is not a positive number of whole seconds"},
		{server(func(r *Request) {
			r.DNSNames = []string{"a@b", "https://x/", "10.0.0.1", "", "a..b", "-a", "a.*.b", "é"}
		}),
			"s: \"a@b\" is not a DNS name\ns: \"https://x/\" is not a DNS name\ns: \"10.0.0.1\" is not a DNS name\ns: \"\" is not a DNS name\ns: \"a..b\" is not a DNS name\ns: \"-a\" is not a DNS name\ns: \"a.*.b\" is not a DNS name\ns: \"é\" is not a DNS name"},
		{server(func(r *Request) { r.IPAddresses = []netip.Addr{{}, netip.MustParseAddr("fe80::1%eth0")} }),
			"s: \"invalid IP\" is not an IP address a certificate can hold\ns: \"fe80::1%eth0\" is not an IP address a certificate can hold"},
		{server(func(r *Request) {
			r.Subject = Subject{CommonName: strings.Repeat("x", 65), Organization: []string{"a", "a"}, Country: "Italy", Province: " x", Locality: "a\nb"}
		}),
			"s: common name \"" + strings.Repeat("x", 65) + "\" is longer than 64 characters\ns: organization \"a\" is empty or given twice\ns: country \"Italy\" is not a code of two letters\ns: province \" x\" begins or ends with a space\ns: locality \"a\\nb\" holds characters that cannot be printed"},
	}
	for _, test := range tests {
		got := ""
		if err := test.request.Validate(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestValidateName(t *testing.T) {
	for _, name := range []string{"", "/a", "a/", "a//b", "..", "a/../b", "./a", ".git", `a\b`, "a b", "a\x00", "ca-key", "a/b.pem", "sa.key", "sa.pub", "index.json", "a.", strings.Repeat("x", 201)} {
		if err := (Request{Name: name, Kind: Secret}).Validate(); err == nil || !strings.Contains(err.Error(), "is not a name for an item") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
