// Package twin makes the copy of a machine that may be shown: the same
// document, with every secret replaced by what identifies it and every
// certificate by what it says. Any change of a secret changes a line of the
// twin; no byte of a secret is in it.
package twin

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"hagen/gen/node"
)

// Of gives the twin of a node. Nothing in a twin is marked secret.
func Of(n node.Node) node.Node {
	n.Files = slices.Clone(n.Files)
	for i := range n.Files {
		n.Files[i].Contents = Text(n.Files[i].Contents)
		n.Files[i].Secret = false
	}
	return n
}

var (
	pemBlock = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]+-----\n(?s:.*?)-----END [A-Z0-9 ]+-----\n`)
	// Fields of kubeconfigs and encryption configurations whose value is
	// base64, of PEM or of a key.
	encoded = regexp.MustCompile(`(?m)^([\s-]*"?(?:certificate-authority-data|client-certificate-data|client-key-data|secret)"?:\s*)(\S+)$`)
	// What can be guessed is not even identified.
	guessable = regexp.MustCompile(`(?m)^([\s-]*"?(?:token|password)"?:\s*)\S.*$`)
)

// Text gives the twin of a file's contents.
func Text(contents []byte) []byte {
	text := pemBlock.ReplaceAllStringFunc(string(contents), func(block string) string {
		return describe([]byte(block), "\n") + "\n"
	})
	text = encoded.ReplaceAllStringFunc(text, func(line string) string {
		m := encoded.FindStringSubmatch(line)
		value, err := base64.StdEncoding.DecodeString(m[2])
		if err != nil {
			return m[1] + "REDACTED"
		}
		if block, _ := pem.Decode(value); block != nil {
			return m[1] + describe(value, "; ")
		}
		if len(value) >= 32 {
			return m[1] + "secret, SHA-256 " + fingerprint(value)
		}
		return m[1] + "REDACTED"
	})
	return []byte(guessable.ReplaceAllString(text, "${1}REDACTED"))
}

// describe says what a PEM block is. Its lines are put together with between.
func describe(text []byte, between string) string {
	block, _ := pem.Decode(text)
	if block == nil {
		return "REDACTED: PEM that cannot be read"
	}
	switch block.Type {
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return "REDACTED: a certificate that cannot be read"
		}
		return strings.Join(summary(c), between)
	case "PUBLIC KEY":
		return "public key, SHA-256 " + fingerprint(block.Bytes)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if ec, ecErr := x509.ParseECPrivateKey(block.Bytes); err != nil && ecErr == nil {
		key, err = ec, nil
	}
	if rsa, rsaErr := x509.ParsePKCS1PrivateKey(block.Bytes); err != nil && rsaErr == nil {
		key, err = rsa, nil
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return "REDACTED: " + block.Type
	}
	public, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return "REDACTED: " + block.Type
	}
	return "private key of the public key with SHA-256 " + fingerprint(public)
}

// summary is what a reviewer wants to know of a certificate, one fact a line.
func summary(c *x509.Certificate) []string {
	lines := []string{
		"certificate, SHA-256 " + fingerprint(c.Raw),
		"subject " + c.Subject.String(),
		"issuer " + c.Issuer.String(),
	}
	if len(c.DNSNames) > 0 {
		lines = append(lines, "names "+strings.Join(c.DNSNames, ", "))
	}
	if len(c.IPAddresses) > 0 {
		var addresses []string
		for _, a := range c.IPAddresses {
			addresses = append(addresses, a.String())
		}
		lines = append(lines, "addresses "+strings.Join(addresses, ", "))
	}
	return append(lines,
		"usage "+usage(c),
		fmt.Sprintf("valid %s to %s", c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339)),
		"public key "+c.PublicKeyAlgorithm.String()+", SHA-256 "+fingerprint(c.RawSubjectPublicKeyInfo))
}

// usages that hagen's signing profiles know; any other shows as its number.
var (
	keyUsages = []struct {
		bit  x509.KeyUsage
		name string
	}{
		{x509.KeyUsageDigitalSignature, "digital signature"},
		{x509.KeyUsageKeyEncipherment, "key encipherment"},
		{x509.KeyUsageCertSign, "certificate signing"},
		{x509.KeyUsageCRLSign, "CRL signing"},
	}
	extendedUsages = map[x509.ExtKeyUsage]string{
		x509.ExtKeyUsageServerAuth: "server", x509.ExtKeyUsageClientAuth: "client",
	}
)

func usage(c *x509.Certificate) string {
	var words []string
	rest := c.KeyUsage
	for _, u := range keyUsages {
		if c.KeyUsage&u.bit != 0 {
			words = append(words, u.name)
		}
		rest &^= u.bit
	}
	if rest != 0 {
		words = append(words, fmt.Sprintf("key usage bits %b", rest))
	}
	for _, u := range c.ExtKeyUsage {
		name, known := extendedUsages[u]
		if !known {
			name = fmt.Sprintf("extended key usage %d", u)
		}
		words = append(words, name)
	}
	if c.IsCA {
		words = append(words, "authority")
	}
	return strings.Join(words, ", ")
}

func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
