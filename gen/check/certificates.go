package check

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"hagen/gen/node"
)

// certificate is one certificate of a machine: a real one, or what a redacted
// twin says of it.
type certificate struct {
	path            string
	subject, issuer string
	identity        string // SHA-256 of the whole
	public          string // SHA-256 of the public key
	twin            bool   // nothing can be said about its signature
	*x509.Certificate
}

// key is a private or public key in a file.
type key struct {
	public  string // SHA-256 of the public key
	private bool
}

// pemContents are the certificates and keys in a text.
type pemContents struct {
	certificates []certificate
	keys         []key
	opaque       bool // something was redacted of which nothing is known
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// readPEM reads the certificates and keys in a text, or in a twin of one.
func readPEM(path string, text []byte) (out pemContents) {
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch c, err := x509.ParseCertificate(block.Bytes); {
		case block.Type == "CERTIFICATE" && err == nil:
			out.certificates = append(out.certificates, certificate{
				path: path, subject: c.Subject.String(), issuer: c.Issuer.String(),
				identity: digest(c.Raw), public: digest(c.RawSubjectPublicKeyInfo), Certificate: c,
			})
		case block.Type == "PUBLIC KEY":
			out.keys = append(out.keys, key{public: digest(block.Bytes)})
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			if signer := privateKey(block); signer != nil {
				if public, err := x509.MarshalPKIXPublicKey(signer.Public()); err == nil {
					out.keys = append(out.keys, key{public: digest(public), private: true})
				}
			}
		}
	}
	if len(out.certificates)+len(out.keys) == 0 {
		readTwin(path, string(text), &out)
	}
	return out
}

// privateKey reads the three PEM types that keys come in, or gives nil.
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

// readTwin reads what a redacted twin (out/twin) says in the place of keys and
// certificates.
func readTwin(path, text string, out *pemContents) {
	lines := strings.Split(strings.ReplaceAll(text, "; ", "\n"), "\n")
	for len(lines) > 0 {
		certificates, rest := node.ReadSummaries(lines)
		for _, c := range certificates {
			out.certificates = append(out.certificates, summarized(path, c))
		}
		if lines = rest; len(lines) == 0 {
			return
		}
		for _, mark := range []string{node.PrivateKeyMark, node.PublicKeyMark} {
			if public, isKey := strings.CutPrefix(lines[0], mark); isKey && digestText.MatchString(public) {
				out.keys = append(out.keys, key{public: public, private: mark == node.PrivateKeyMark})
			}
		}
		out.opaque = out.opaque || strings.HasPrefix(lines[0], "REDACTED")
		lines = lines[1:]
	}
}

var digestText = regexp.MustCompile(`^[0-9a-f]{64}$`)

// summarized is a certificate of which a twin tells.
func summarized(path string, s node.CertificateSummary) certificate {
	c := certificate{
		path: path, subject: s.Subject, issuer: s.Issuer, identity: s.Fingerprint, public: s.Key, twin: true,
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
	c.NotBefore, _ = time.Parse(time.RFC3339, s.From) // else no time, which nothing is held against
	c.NotAfter, _ = time.Parse(time.RFC3339, s.To)
	return c
}

// inline reads the value of a kubeconfig's ...-data field: base64 of PEM, or
// the twin of it.
func inline(item, value string) pemContents {
	if decoded, err := base64.StdEncoding.DecodeString(value); err == nil {
		return readPEM(item, decoded)
	}
	return readPEM(item, []byte(value))
}

// commonName reads the CN of a subject as a certificate or a twin writes it.
func (c certificate) commonName() string {
	for part := range strings.SplitSeq(strings.ReplaceAll(c.subject, "+", ","), ",") {
		if name, found := strings.CutPrefix(part, "CN="); found {
			return strings.ReplaceAll(name, `\`, "")
		}
	}
	return ""
}

// usable says whether a certificate has a usage; one without any has all.
func (c certificate) usable(usage x509.ExtKeyUsage) bool {
	for _, u := range c.ExtKeyUsage {
		if u == usage || u == x509.ExtKeyUsageAny {
			return true
		}
	}
	return len(c.ExtKeyUsage) == 0
}

// signedBy says whether an authority signed a certificate. Of a twin the names
// alone are known.
func (s *set) signedBy(c, authority certificate) bool {
	if !authority.IsCA || c.issuer != authority.subject {
		return false
	}
	if c.twin || authority.twin {
		return true
	}
	pair := [2]string{c.identity, authority.identity}
	if known, found := s.verified.Load(pair); found {
		return known.(bool)
	}
	signed := c.CheckSignatureFrom(authority.Certificate) == nil
	s.verified.Store(pair, signed)
	return signed
}

// signedByAny says whether one of several authorities signed a certificate.
func (s *set) signedByAny(c certificate, authorities []certificate) bool {
	for _, a := range authorities {
		if s.signedBy(c, a) {
			return true
		}
	}
	return false
}
