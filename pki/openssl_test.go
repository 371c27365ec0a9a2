package pki

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOpenSSL has another implementation read and verify all that is issued.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("HAGEN_READERS") == "required" {
			t.Fatal("openssl is not installed")
		}
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		file := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	run := func(want string, arguments ...string) {
		t.Helper()
		output, err := exec.Command(openssl, arguments...).CombinedOutput()
		if err != nil || !strings.Contains(string(output), want) {
			t.Errorf("openssl %s: %v\n%s", strings.Join(arguments, " "), err, output)
		}
	}
	purposes := map[string][]string{
		ServerAuthentication: {"sslserver"},
		ClientAuthentication: {"sslclient"},
		PeerAuthentication:   {"sslserver", "sslclient"},
	}
	for _, algorithm := range []Algorithm{ECDSAP256, ECDSAP384, RSA2048} {
		requests := testRequests()
		for i := range requests {
			if requests[i].Algorithm != "" {
				requests[i].Algorithm = algorithm
			}
		}
		set := issue(t, requests, nil, time.Now()).Set
		for name, item := range set {
			switch item.Request.Kind {
			case Authority:
				run("CA:TRUE\n", "x509", "-noout", "-text", "-in", write(name, item.Cert))
			case Leaf:
				cert, ca := write(name, item.Cert), write("ca", set[item.Request.Authority].Cert)
				for _, purpose := range purposes[item.Request.Profile] {
					run("OK", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", ca, cert)
				}
			}
			if item.Request.Kind != Secret {
				run("", "pkey", "-noout", "-check", "-in", write(name+"-key", item.Key))
			}
		}
		run("", "pkey", "-pubin", "-noout", "-in", write("public", set["cluster/sa"].Public))
	}
}
