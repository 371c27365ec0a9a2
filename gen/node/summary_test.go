package node

import (
	"reflect"
	"testing"
)

// TestSummaries: what is written is read, and what belongs to none is left.
func TestSummaries(t *testing.T) {
	all := []CertificateSummary{
		{Fingerprint: "ab", Subject: "CN=a", Issuer: "CN=b", Names: []string{"a", "b"}, Addresses: []string{"::1"}, Usages: []string{"server"},
			From: "2020-01-01T00:00:00Z", To: "2021-01-01T00:00:00Z", Algorithm: "ECDSA", Key: "cd"},
		{Fingerprint: "ef", Subject: "CN=c", Issuer: "CN=c", Usages: []string{"authority"}, From: "x", To: "y", Algorithm: "RSA", Key: "gh"},
	}
	lines := append(all[0].Lines(), all[1].Lines()...)
	for _, more := range [][]string{nil, {PublicKeyMark + "ij", "x"}, {"", "subject CN=d"}, {"else"}} {
		got, rest := ReadSummaries(append(lines, more...))
		if !reflect.DeepEqual(got, all) || len(rest) != len(more) || len(more) > 0 && rest[0] != more[0] {
			t.Errorf("%q: %+v, %q", more, got, rest)
		}
	}
	if got, rest := ReadSummaries([]string{"subject CN=a"}); len(got) > 0 || len(rest) != 1 {
		t.Errorf("%+v, %q", got, rest)
	}
}
