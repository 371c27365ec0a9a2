package diff

import (
	"fmt"
	"strings"
	"testing"

	"hagen/gen/node"
)

// TestArtefacts: which files with binaries a script wants is told by place, and by
// digest where the place stays.
func TestArtefacts(t *testing.T) {
	const etcd = "need /usr/local/bin/etcd 'etcd 3.7.3'\n"
	before := etcd + "fetch http://a/etcd.tgz aa /var/lib/hagen/etcd.tar.gz 0644\nunpack /var/lib/hagen/etcd.tar.gz aa /usr/local/bin etcd\n"
	for _, test := range []struct{ what, after, want string }{
		{"the same", before, "[]"},
		{"another place and digest", strings.NewReplacer("a/etcd.tgz aa", "b/etcd.tgz bb", "gz aa", "gz bb").Replace(before),
			"[{takes binaries from added  http://b/etcd.tgz [] []} {/var/lib/hagen/etcd.tar.gz replaced   [] []} {takes binaries from removed http://a/etcd.tgz  [] []}]"},
		{"another digest", strings.ReplaceAll(before, " aa ", " bb "), "[{http://a/etcd.tgz replaced   [] []} {/var/lib/hagen/etcd.tar.gz replaced   [] []}]"},
		{"none any more", etcd, "[{takes binaries from removed http://a/etcd.tgz  [] []} {takes binaries from removed /var/lib/hagen/etcd.tar.gz  [] []}]"},
	} {
		if details, _ := binaries(before, test.after); fmt.Sprint(details) != test.want {
			t.Errorf("%s: %v", test.what, details)
		}
	}
}

// TestBundles: of files with several certificates, as a rotation makes them, only what comes and goes is
// told, and which one is first.
func TestBundles(t *testing.T) {
	certificate := func(name, issuer, key string) string {
		return strings.Join(node.CertificateSummary{Fingerprint: strings.Repeat(key, 64), Subject: "CN=" + name, Issuer: "CN=" + issuer, Usages: []string{"authority"},
			From: "2027-01-01T00:00:00Z", To: "2037-01-01T00:00:00Z", Algorithm: "ECDSA", Key: strings.Repeat(key, 64)}.Lines(), "\n") + "\n"
	}
	a, b, cross := certificate("ca", "ca", "a"), certificate("ca 2", "ca 2", "b"), certificate("ca 2", "ca", "c")
	for _, test := range []struct{ what, before, after, want string }{
		{"the same", a + b, a + b, "[]"},
		{"one more", a, a + b, "[{certificate added  CN=ca 2 [] []} {expiry added  2037-01-01 [] []}]"},
		{"another order", a + b, b + a, "[{first certificate changed CN=ca CN=ca 2 [] []}]"},
		{"one less", a + b, b, "[{certificate removed CN=ca  [] []}]"},
		{"one behind", a, a + cross, "[{certificate added  CN=ca 2 [] []} {expiry added  2037-01-01 [] []}]"},
		{"another", a, b, "[{subject changed CN=ca CN=ca 2 [] []} {issuer changed CN=ca CN=ca 2 [] []} {the authority's key replaced   [] []}]"},
	} {
		if details, whole := certificates(test.before, test.after); !whole || fmt.Sprint(details) != test.want {
			t.Errorf("%s: %v", test.what, details)
		}
	}
}
