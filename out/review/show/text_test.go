package show

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
)

var update = flag.Bool("update", false, "rewrite testdata")

func TestShown(t *testing.T) {
	try(t, []trial{
		// What must not be shown.
		{what: "a broken key", edit: []func(*diff.Side){replace("kubem00", "/etc/kubernetes/pki/sa.key", "private key of", "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIMAGIC")},
			want: []string{"~ /etc/kubernetes/pki/sa.key"}, not: []string{"MAGIC"}},
		{what: "a broken key in a unit", edit: []func(*diff.Side){replace("kubem00", facts.EtcdUnit, "[Install]", "# -----BEGIN PRIVATE KEY-----MAGIC\n[Install]")}, want: []string{"~ etcd.service"}, not: []string{"MAGIC"}},
		{what: "a token", edit: []func(*diff.Side){replace("kubem00", "/var/lib/kube-scheduler/kubeconfig", "  user:\n", "  user:\n    token: MAGIC\n")}, want: []string{"+# REDACTED: 1 line that is not hagen's, SHA-256 "}, not: []string{"MAGIC"}},
		{what: "no text", open: []string{"/etc/kubernetes/audit-policy.yaml"}, edit: []func(*diff.Side){replace("kubem00", "/etc/kubernetes/audit-policy.yaml", "kind", "\x00\xff")}, want: []string{"content that cannot be shown replaced"}},
		{what: "what a terminal acts on", open: []string{"/etc/hosts", facts.APIUnit}, edit: []func(*diff.Side){replace("kubem00", "/etc/hosts", "localhost", "\x1b[31mlocal"), replace("kubem00", facts.APIUnit, "--v=2", "--\x1b[2J=2"), leave("kubem01"), join("kubem02", "kubem\x1b[31m")},
			want: []string{"?[31mlocal", "--?[2J added: 2", "kubem?[31m"}, not: []string{"\x1b"}},
	})
}

// TestGolden holds the three forms of a diff that a reviewer might meet against
// testdata: one name more for the API servers, another flag, and a second load
// balancer.
func TestGolden(t *testing.T) {
	before, after := side(t, "standard"), side(t, "standard")
	for _, edit := range []func(*diff.Side){
		replace("kubem", "/etc/kubernetes/pki/apiserver.pem", "localhost,", "localhost, lb01, api.example.com,"),
		replace("kubem", "/etc/kubernetes/pki/apiserver.pem", "SHA-256 ", "SHA-256 f"),
		replace("kubem", "/etc/kubernetes/pki/apiserver-key.pem", "SHA-256 ", "SHA-256 f"),
		replace("kubem", facts.APIUnit, "goaway-chance=0.001", "goaway-chance=0.01"),
		replace("", "/etc/hosts", "10.10.10.2 kubernetes\n", "10.10.10.2 kubernetes\n10.10.10.3 lb01\n"),
		join("kubernetes", "lb01"),
		replace("kubernetes", "/etc/haproxy/haproxy.cfg", "timeout check 1500ms", "timeout check 2s"),
	} {
		edit(&after)
	}
	d := order.Of(before, after)
	heading := Heading{Cluster: "kubernetes", Before: "HEAD:golden/kubernetes", After: "golden/kubernetes"}
	encoded, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"review.txt": Text(d, heading, Style{}), "review.md": Markdown(d, heading), "review.json": string(encoded) + "\n",
	} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || string(want) != text {
			t.Errorf("%s differs (%v); read the change, then make golden:\n%s", path, err, text)
		}
	}
}

// TestMarkdownQuotes: nothing that is quoted ends the quotation.
func TestMarkdownQuotes(t *testing.T) {
	for text, want := range map[string]string{"a": "`a`", "`": "`` ` ``", "a``b": "```a``b```", "x\ny": "`x?y`"} {
		if got := Code(text); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
	before, after := side(t, "standard"), side(t, "standard")
	replace("kubem00", "/etc/hosts", "localhost", "````\n@somebody")(&after)
	replace("kubem00", facts.APIUnit, "--v=2", "--v=2 \\\n  --[x](http://y)=1")(&after)
	open := []string{"/etc/hosts", facts.APIUnit, "/etc/kubernetes/audit-policy.yaml"}
	got := Markdown(order.Of(before, after, open...), Heading{Cluster: "c", Before: "`old`", After: "new"})
	for _, want := range []string{"\n`````diff\n", "- `--[x](http://y)` added: `1`", "`` `old` `` → `new`"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
	// A comment has a bound.
	on("kubem", func(n *node.Node) {
		fileAt(n, "/etc/kubernetes/audit-policy.yaml").Contents = []byte(strings.Repeat(n.Name+" is long\n", 5000))
	})(&after)
	if got := Markdown(order.Of(before, after, open...), Heading{}); len(got) > 65536 || !strings.Contains(got, "lines of 3 files and units were left out") {
		t.Errorf("%d bytes", len(got))
	}
}
