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

// twinLine is what a redacted twin (out/twin) says in the place of a secret.
var twinLine = regexp.MustCompile(`^(certificate, SHA-256 |private key of the public key with SHA-256 |public key, SHA-256 )([0-9a-f]{64})$`)

// readTwin reads a twin's summaries, one fact a line.
func readTwin(path, text string, out *pemContents) {
	var c *certificate
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "; ", "\n"), "\n") {
		if m := twinLine.FindStringSubmatch(line); m != nil {
			switch m[1][0] {
			case 'c':
				out.certificates = append(out.certificates, certificate{path: path, identity: m[2], twin: true, Certificate: &x509.Certificate{}})
				c = &out.certificates[len(out.certificates)-1]
			default:
				out.keys = append(out.keys, key{public: m[2], private: m[1][1] == 'r'})
				c = nil
			}
			continue
		}
		if strings.HasPrefix(line, "REDACTED") {
			out.opaque, c = true, nil
		}
		if c != nil {
			c.fact(line)
		}
	}
}

// fact reads one line of a twin's certificate.
func (c *certificate) fact(line string) {
	name, rest, _ := strings.Cut(line, " ")
	switch name {
	case "subject":
		c.subject = rest
	case "issuer":
		c.issuer = rest
	case "names":
		c.DNSNames = strings.Split(rest, ", ")
	case "addresses":
		for a := range strings.SplitSeq(rest, ", ") {
			if address, err := netip.ParseAddr(a); err == nil {
				c.IPAddresses = append(c.IPAddresses, address.AsSlice())
			}
		}
	case "usage":
		for u := range strings.SplitSeq(rest, ", ") {
			switch u {
			case "server":
				c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
			case "client":
				c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
			case "authority":
				c.IsCA = true
			}
		}
	case "valid":
		from, to, _ := strings.Cut(rest, " to ")
		c.NotBefore, _ = time.Parse(time.RFC3339, from)
		c.NotAfter, _ = time.Parse(time.RFC3339, to)
	case "public":
		_, c.public, _ = strings.Cut(rest, "SHA-256 ")
	}
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
