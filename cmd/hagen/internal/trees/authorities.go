package trees

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io/fs"
	"slices"
	"strings"

	"hagen/gen/document"
	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/out/review/rendered"
	"hagen/pki"
)

var (
	authorityData = lazy.Regexp(`(?m)^ +certificate-authority-data: (.+)$`)
	namedCluster  = lazy.Regexp(`(?m)^clusters:\n- name: (\S+)$`)
	publicKeyOf   = lazy.Regexp(`; public key \S+, SHA-256 ([0-9a-f]{64})(?:; |$)`)
)

// ClusterIn returns the name of the cluster that a tree or its twins were made
// for; "" if its kubeconfig does not name it.
func ClusterIn(dir fs.FS) string {
	text, _ := fs.ReadFile(dir, document.AdminPath)
	if m := namedCluster().FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

// AuthoritiesIn returns the ids of the authorities in a tree or its twins: the
// one in the administrator's kubeconfig, or else all that machines have.
func AuthoritiesIn(dir fs.FS) (found []string) {
	text, _ := fs.ReadFile(dir, document.AdminPath)
	if m := authorityData().FindSubmatch(text); m != nil {
		for _, twin := range publicKeyOf().FindAllSubmatch(m[1], -1) {
			found = append(found, string(twin[1]))
		}
		if len(found) > 0 {
			return found
		}
		decoded, _ := base64.StdEncoding.DecodeString(string(m[1]))
		if found = authoritiesOf(decoded); len(found) > 0 {
			return found
		}
	}
	read, _ := rendered.ReadMachines(dir) // the readable ones
	for _, h := range read.Hosts {
		found = append(found, AuthoritiesOn(h.Node)...)
	}
	return slices.Compact(slices.Sorted(slices.Values(found)))
}

// AuthoritiesOn returns the ids of the authorities that a machine has.
func AuthoritiesOn(n node.Node) (found []string) {
	for _, f := range n.Files {
		found = append(found, authoritiesOf(f.Contents)...)
	}
	return found
}

// authoritiesOf returns the ids of the authorities whose certificates, or their
// summaries in twins, are in a text.
func authoritiesOf(text []byte) (found []string) {
	summaries, _ := node.ReadSummaries(strings.Split(strings.TrimSpace(string(text)), "\n"))
	for _, s := range summaries {
		if slices.Contains(s.Usages, "authority") {
			found = append(found, s.Key)
		}
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && cert.IsCA {
			found = append(found, pki.Fingerprint(cert.RawSubjectPublicKeyInfo))
		}
	}
	return found
}
