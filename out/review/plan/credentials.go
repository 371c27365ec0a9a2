package plan

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/gen/redact"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/pki"
)

// TakeCredentials gives machines that were decided on with trial certificates those of
// other machines, wherever a certificate is for the same and has the same lifetime, and the
// keys that belong to them. The others may be twins. What is left is what a render would
// issue again.
func TakeCredentials(s, from diff.Side) diff.Side {
	t := taking{changed: map[string]bool{}}
	s.Machines = slices.Clone(s.Machines)
	for _, take := range []bool{false, true} { // all keys that change are known before the first is taken
		for i := range s.Machines {
			n := &s.Machines[i]
			n.Files = slices.Clone(n.Files)
			for _, other := range from.Machines {
				if other.Name == n.Name {
					t.files(n.Files, other.Files, take)
				}
			}
		}
		if s.Kubeconfig != nil && from.Kubeconfig != nil {
			s.Kubeconfig = t.contents(s.Kubeconfig, from.Kubeconfig, take)
		}
	}
	return s
}

// taking knows the public keys of trial certificates that stay.
type taking struct{ changed map[string]bool }

func (t taking) files(files, others []node.File, take bool) {
	for i := range files {
		for _, o := range others {
			if o.Path == files[i].Path {
				files[i].Contents = t.contents(files[i].Contents, o.Contents, take)
			}
		}
	}
}

// credential is a line of a kubeconfig or of an encryption configuration with a
// certificate or a key.
var credential = lazy.Regexp(`(?m)^[ -]*(certificate-authority-data|client-certificate-data|client-key-data|secret): .*$`)

// contents returns the contents with the other credentials: those of a file that is one,
// or of its lines.
func (t taking) contents(trial, other []byte, take bool) []byte {
	if bytes.Equal(trial, other) {
		return trial
	}
	if a, b := withoutSecretsKeys(trial), withoutSecretsKeys(other); a != "" && a == b {
		if take {
			return other
		}
		return trial
	}
	lines, with := credential().FindAll(trial, -1), credential().FindAll(other, -1)
	if len(lines) == 0 || len(lines) != len(with) {
		return t.piece(trial, other, take)
	}
	out := bytes.Clone(trial)
	for i, line := range lines {
		out = bytes.Replace(out, line, t.piece(line, with[i], take), 1)
	}
	return out
}

// piece returns the other of two pieces if they are for the same.
func (t taking) piece(trial, other []byte, take bool) []byte {
	if !bytes.Contains(trial, []byte("-----BEGIN ")) && !bytes.Contains(trial, []byte("SHA-256 ")) && !credential().Match(trial) {
		return trial
	}
	twin := string(redact.Identified(trial))
	keys := keyOf().FindAllStringSubmatch(twin, -1)
	if len(keys) == 0 && !strings.Contains(twin, node.SecretMark) && !strings.Contains(twin, node.PublicKeyMark) {
		return trial
	}
	same := neutral(twin) == neutral(string(redact.Identified(other))) && sameSizes(trial, other)
	for _, k := range keys {
		if !same {
			t.changed[k[1]] = true
		}
		same = same && !t.changed[k[1]]
	}
	if take && same {
		return other
	}
	return trial
}

// sameSizes compares the sizes of the keys of certificates, which twins do not show.
func sameSizes(trial, other []byte) bool {
	a, b := keySizes(trial), keySizes(other)
	return len(a) == 0 || len(b) == 0 || slices.Equal(a, b)
}

// keySizes lists those of certificates, but of authorities: one that exists keeps its key.
func keySizes(contents []byte) (bits []int) {
	if _, encoded, is := strings.Cut(string(contents), "client-certificate-data: "); is {
		contents, _ = base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	}
	for block, rest := pem.Decode(contents); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || c.IsCA {
			continue
		}
		switch key := c.PublicKey.(type) {
		case *rsa.PublicKey:
			bits = append(bits, key.N.BitLen())
		case *ecdsa.PublicKey:
			bits = append(bits, key.Params().BitSize)
		}
	}
	return bits
}

var (
	keyOf       = lazy.Regexp(`public key (?:[A-Za-z0-9]+, |with )SHA-256 ([0-9a-f]{64})`)
	certificate = lazy.Regexp(`(?s)certificate, SHA-256 [0-9a-f]{64}.*?public key [A-Za-z0-9]+, SHA-256 [0-9a-f]{64}`)
	privateKey  = lazy.Regexp(`private key of the public key with SHA-256 [0-9a-f]{64}`)
	authority   = lazy.Regexp(`usage [^;\n]*\bauthority\b`)
	digits      = lazy.Regexp(`SHA-256 [0-9a-f]{64}`)
	issuer      = lazy.Regexp(`issuer [^;\n]*`)
	secretsKeys = lazy.Regexp(`(?m)(?:^ *- name: \S+\n *secret: .*(?:\n|$))+`)
	further     = lazy.Regexp(`(?m)^(public key, SHA-256|private key of the public key with SHA-256)(?:\npublic key, SHA-256)+$`)
	// behind is what stands behind an authority, or behind a leaf, during a rotation.
	behind = lazy.Regexp(`(?:; |\n)authority\b`)
	valid  = lazy.Regexp(`valid (\S+) to ([^\s;]+)`)
)

// withoutSecretsKeys returns an encryption configuration without its keys, of which a rotation makes
// more, with other names; "" for another text.
func withoutSecretsKeys(text []byte) string {
	if !secretsKeys().Match(text) {
		return ""
	}
	return secretsKeys().ReplaceAllString(string(text), "keys")
}

// neutral returns a twin without what differs between two issues of the same certificate.
// An authority that exists keeps its subject, key and dates whatever the cluster file says. A
// rotation makes more keys of one.
func neutral(twin string) string {
	twin = certificate().ReplaceAllStringFunc(twin, func(text string) string {
		if authority().MatchString(text) {
			return "authority"
		}
		return issuer().ReplaceAllString(valid().ReplaceAllStringFunc(text, lifetime), "issuer")
	})
	twin = further().ReplaceAllString(digits().ReplaceAllString(twin, "SHA-256"), "$1")
	return behind().ReplaceAllString(twin, "")
}

// lifetime returns for how many days a certificate is valid.
func lifetime(text string) string {
	m := valid().FindStringSubmatch(text)
	from, err := time.Parse(time.RFC3339, m[1])
	to, err2 := time.Parse(time.RFC3339, m[2])
	if err != nil || err2 != nil {
		return text
	}
	return fmt.Sprintf("valid %.0f days", to.Sub(from).Hours()/24)
}

// Issued returns what the certificates of API servers and of etcd's members were issued
// for, as far as machines show it, by the names that they have in a PKI. One that all
// machines share is there once.
func Issued(machines []node.Node) map[string]pki.Request {
	found, shared := map[string]pki.Request{}, true
	first := ""
	for i := range machines {
		n := &machines[i]
		server, is := issuedAt(n, facts.APIUnit, "--tls-cert-file")
		if !is {
			continue
		}
		found[path.Join("hosts", n.Name, "apiserver")] = requested(server)
		member, is := issuedAt(n, facts.EtcdUnit, "--cert-file")
		if is {
			found[path.Join("hosts", n.Name, "etcd-server")] = requested(member)
		}
		if first == "" {
			first = server.Fingerprint
			found["apiserver"], found["etcd-server"] = requested(server), requested(member)
		}
		shared = shared && server.Fingerprint == first
	}
	maps.DeleteFunc(found, func(name string, _ pki.Request) bool { return (path.Dir(name) == ".") != shared })
	return found
}

// issuedAt returns the certificate in the file that a flag of a unit names.
func issuedAt(n *node.Node, unit, flag string) (node.CertificateSummary, bool) {
	all := summariesAt(n, unit, flag)
	if len(all) == 0 {
		return node.CertificateSummary{}, false
	}
	return all[0], true
}

// summariesAt returns all certificates in that file.
func summariesAt(n *node.Node, unit, flag string) []node.CertificateSummary {
	f := facts.FileAt(*n, facts.Flag(*n, unit, flag))
	all, _ := node.ReadSummaries(strings.Split(strings.TrimSpace(string(redact.Identified(f.Contents))), "\n"))
	return all
}

func requested(c node.CertificateSummary) pki.Request {
	r := pki.Request{DNSNames: c.Names}
	for _, text := range c.Addresses {
		if address, err := netip.ParseAddr(text); err == nil {
			r.IPAddresses = append(r.IPAddresses, address)
		}
	}
	return r
}
