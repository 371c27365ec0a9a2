package check_test

import (
	"strings"
	"testing"

	"hagen/gen/node"
)

// TestSourceMutations changes what machines fetch.
func TestSourceMutations(t *testing.T) {
	const binary, archive = "/usr/local/bin/kube-apiserver", "/var/lib/hagen/etcd.tar.gz"
	fetched := fresh(t, "urls")
	for _, test := range []struct {
		what, path string
		change     func(*node.File)
		rule       string
	}{
		{"no digest", binary, func(f *node.File) { f.Source.Hash = "" }, "no-digest"},
		{"a digest of another kind", binary, func(f *node.File) { f.Source.Hash = "sha1-" + f.Source.Hash[7:47] }, "no-digest"},
		{"a digest cut short", binary, func(f *node.File) { f.Source.Hash = f.Source.Hash[:100] }, "no-digest"},
		{"a name of the document's", binary, func(f *node.File) { f.Source.URL = "http://kubem01/kube-apiserver" }, "unresolvable-source"},
		{"a password", binary, func(f *node.File) { f.Source.URL = "http://a:b@10.10.10.1/kube-apiserver" }, "url-credentials"},
		{"a signed URL", binary, func(f *node.File) { f.Source.URL += "?X-Amz-Signature=1" }, "url-credentials"},
		{"not for execution", binary, func(f *node.File) { f.Mode = 0o644 }, "program"},
		{"another archive", archive, func(f *node.File) { f.Source.Hash = "sha512-" + strings.Repeat("0", 128) }, "archive-digest"},
		{"another place", archive, func(f *node.File) { f.Path = "/var/lib/hagen/etcd.tgz" }, "missing-file"},
	} {
		t.Run(test.what, func(t *testing.T) {
			g := fetched.clone()
			test.change(g.file(t, "kubem00", test.path))
			item := test.path
			if test.rule == "archive-digest" || test.rule == "missing-file" {
				item = "/etc/hagen/binaries.sh"
			}
			expect(t, test.what, g, test.rule, "kubem00", item)
		})
	}
}

// TestFetchMutations changes what a machine without Ignition fetches by itself.
func TestFetchMutations(t *testing.T) {
	const script, digest = "/etc/hagen/binaries.sh", "f506e36d3719b4054ccec979ed1de64053fe64248c9b1838f05c7c54eb5d6b8cbbaadac7a1897859b4c02508acb719ce9a13f88e805e3de5012d23a1550c1aea"
	fetched := fresh(t, "urls")
	for _, test := range []struct{ what, old, new, rule string }{
		{"no digest", "linux-arm64.tar.gz " + digest + " /var", "linux-arm64.tar.gz 0 /var", "no-digest"},
		{"another digest", "unpack /var/lib/hagen/etcd.tar.gz f5", "unpack /var/lib/hagen/etcd.tar.gz 05", "archive-digest"},
	} {
		t.Run(test.what, func(t *testing.T) {
			g := fetched.clone()
			g.edit(t, "kubem02", script, test.old, test.new)
			expect(t, test.what, g, test.rule, "kubem02", script)
		})
	}
}
