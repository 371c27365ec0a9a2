package read

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"net/netip"
	"strings"
	"time"

	"hagen/gen/lazy"
	"hagen/gen/node"
)

// Certificate is one certificate of a machine: a real one, or what a redacted
// twin says about it.
type Certificate struct {
	Path            string
	Subject, Issuer string
	Identity        string // SHA-256 of the certificate
	Public          string // SHA-256 of the public key
	Twin            bool   // its signature cannot be verified
	*x509.Certificate
}

// Key is a private or public key in a file.
type Key struct {
	Public  string // SHA-256 of the public key
	Private bool
}

// PEM are the certificates and keys in a text.
type PEM struct {
	Certificates []Certificate
	Keys         []Key
	Opaque       bool // something was redacted without a description
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// ParsePEM reads the certificates and keys in a text, or in a twin of one.
func ParsePEM(path string, text []byte) (out PEM) {
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "CERTIFICATE":
			if c, err := x509.ParseCertificate(block.Bytes); err == nil {
				out.Certificates = append(out.Certificates, Certificate{
					Path: path, Subject: c.Subject.String(), Issuer: c.Issuer.String(),
					Identity: digest(c.Raw), Public: digest(c.RawSubjectPublicKeyInfo), Certificate: c,
				})
			}
		case block.Type == "PUBLIC KEY":
			out.Keys = append(out.Keys, Key{Public: digest(block.Bytes)})
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			if signer := privateKey(block); signer != nil {
				if public, err := x509.MarshalPKIXPublicKey(signer.Public()); err == nil {
					out.Keys = append(out.Keys, Key{Public: digest(public), Private: true})
				}
			}
		}
	}
	if len(out.Certificates)+len(out.Keys) == 0 {
		readTwin(path, string(text), &out)
	}
	return out
}

// privateKey reads the three PEM types of keys; nil if it cannot.
func privateKey(block *pem.Block) crypto.Signer {
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil // and key is a nil of some type
	}
	signer, _ := key.(crypto.Signer)
	return signer
}

// readTwin reads what a redacted twin (out/review/twin) has in the place of
// keys and certificates.
func readTwin(path, text string, out *PEM) {
	lines := strings.Split(strings.ReplaceAll(text, "; ", "\n"), "\n")
	for len(lines) > 0 {
		certificates, rest := node.ReadSummaries(lines)
		for _, c := range certificates {
			out.Certificates = append(out.Certificates, summarized(path, c))
		}
		if lines = rest; len(lines) == 0 {
			return
		}
		for _, mark := range []string{node.PrivateKeyMark, node.PublicKeyMark} {
			if public, isKey := strings.CutPrefix(lines[0], mark); isKey && digestText().MatchString(public) {
				out.Keys = append(out.Keys, Key{Public: public, Private: mark == node.PrivateKeyMark})
			}
		}
		out.Opaque = out.Opaque || strings.HasPrefix(lines[0], "REDACTED")
		lines = lines[1:]
	}
}

var digestText = lazy.Regexp(`^[0-9a-f]{64}$`)

// summarized returns a certificate from what a twin says about it.
func summarized(path string, s node.CertificateSummary) Certificate {
	c := Certificate{
		Path: path, Subject: s.Subject, Issuer: s.Issuer, Identity: s.Fingerprint, Public: s.Key, Twin: true,
		Certificate: &x509.Certificate{DNSNames: s.Names},
	}
	for _, a := range s.Addresses {
		if address, err := netip.ParseAddr(a); err == nil {
			c.IPAddresses = append(c.IPAddresses, address.AsSlice())
		}
	}
	for _, u := range s.Usages {
		switch u {
		case "server":
			c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		case "client":
			c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
		case "authority":
			c.IsCA = true
		}
	}
	c.NotBefore, _ = time.Parse(time.RFC3339, s.From) // else the zero time, which is not checked
	c.NotAfter, _ = time.Parse(time.RFC3339, s.To)
	return c
}

// inline reads the value of a kubeconfig's ...-data field: PEM in base64, or
// its twin.
func inline(item, value string) PEM {
	if decoded, err := base64.StdEncoding.DecodeString(value); err == nil {
		return ParsePEM(item, decoded)
	}
	return ParsePEM(item, []byte(value))
}

// CommonName returns the CN of the subject, as a certificate or a twin writes
// it.
func (c Certificate) CommonName() string {
	for part := range strings.SplitSeq(strings.ReplaceAll(c.Subject, "+", ","), ",") {
		if name, found := strings.CutPrefix(part, "CN="); found {
			return strings.ReplaceAll(name, `\`, "")
		}
	}
	return ""
}

// Groups returns the O of the subject, as a certificate or a twin writes it.
func (c Certificate) Groups() []string { return Groups(c.Subject) }

// Groups returns the O of a subject.
func Groups(subject string) (names []string) {
	for part := range strings.SplitSeq(strings.ReplaceAll(subject, "+", ","), ",") {
		if name, found := strings.CutPrefix(part, "O="); found {
			names = append(names, strings.ReplaceAll(name, `\`, ""))
		}
	}
	return names
}

// Usable reports whether a certificate has a usage; one without any has all.
func (c Certificate) Usable(usage x509.ExtKeyUsage) bool {
	for _, u := range c.ExtKeyUsage {
		if u == usage || u == x509.ExtKeyUsageAny {
			return true
		}
	}
	return len(c.ExtKeyUsage) == 0
}
