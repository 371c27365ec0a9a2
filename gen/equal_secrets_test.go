package gen_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hagen/gen/check"
)

// fingerprints of hidden lines, which differ from secret to secret.
var fingerprints = regexp.MustCompile(`SHA-256[ -][0-9a-f]{64}`)

// TestEqualSecrets: what a check says of a hidden line does not depend on the secret in
// it, also if that is short, a word of hagen's, or nearly one: it quotes nothing.
func TestEqualSecrets(t *testing.T) {
	t.Parallel()
	_, _, machines := fresh(t, "standard")
	said := func(how, text string) string {
		edited := twinned(machines)
		n := &edited[0].Node
		n.Files, n.Units = slices.Clone(n.Files), slices.Clone(n.Units)
		plantings[how](n, text)
		in := check.Input{Now: time.Unix(0, 0)}
		for _, m := range edited {
			in.Machines = append(in.Machines, check.Machine{Node: m.Node, OS: m.OS})
		}
		shown, err := json.Marshal(check.Run(in).Findings)
		if err != nil {
			t.Fatal(err)
		}
		return fingerprints.ReplaceAllString(string(shown), "")
	}
	lines := []string{
		"ExecStartPre=/usr/bin/curl -u bob:X https://example.com/\n", "ExecStartPre=/usr/bin/curl -u X:abc https://example.com/\n", "ExecStartPre=/bin/sh -c 'mysql -pX'\n",
		"Environment=X=abc Y=X\n", "Environment=PASS=X\n", "Environment=\"PASS=X\"\n", "Environment=PASS=\"X\" B=X\n", "Usr=X\n", "Xyz=X\n", "Restart=X\n", "TimeoutStopSec=X\n",
		"ExecStart=/usr/local/bin/etcd --nmae=X\n", "ExecStart=/usr/local/bin/etcd --quota-backend-bytes=X --tokn X\n", "ExecStart=/usr/local/bin/kube-apiserver --X=abc --enable-admission-plugins=X\n",
		"After=X.service\n", "LoadCredential=a:X\n",
	}
	for how, lines := range map[string][]string{
		"a unit": lines, "a drop-in": lines,
		"haproxy's": {"    server X 10.10.10.9:1 check password X\n", "    stats auth admin:X\n", "    http-request set-header X-Key X\n", "    bind X\n"},
		"a file":    {"PASS=X\n"}, "a script": {"curl -u bob:X https://example.com/\n"}, "a comment": {"X"},
	} {
		together := []string{strings.Join(lines, "")}
		if longer() {
			together = lines
		}
		for _, line := range together {
			want := said(how, strings.ReplaceAll(line, "X", "Zq7vN4kWp"))
			secrets := []string{"ab", "kubernetes", "admim", "NodeRestrictoin", "admin", "etcd", "secretB", "kubem01", "alway"}
			if !longer() {
				secrets = secrets[:4]
			}
			for _, secret := range secrets {
				if got := said(how, strings.ReplaceAll(line, "X", secret)); got != want {
					t.Errorf("%s: %q with %s is told from another:\n%s\n%s", how, line, secret, got, want)
				}
			}
		}
	}
}
