package redact

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"time"

	"hagen/gen/node"
)

// describeBlock describes a PEM block; known is false for one that cannot be read.
func describeBlock(block *pem.Block) (about []string, known bool) {
	switch block.Type {
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, false
		}
		return summary(c), true
	case "PUBLIC KEY":
		if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
			return nil, false
		}
		return []string{node.PublicKeyMark + fingerprint(block.Bytes)}, true
	}
	fact, isKey := describeKey(block.Bytes)
	return []string{fact}, isKey
}

// describeKey identifies a private key, in DER, by its public half.
func describeKey(der []byte) (fact string, isKey bool) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if ec, ecErr := x509.ParseECPrivateKey(der); err != nil && ecErr == nil {
		key, err = ec, nil
	}
	if rsa, rsaErr := x509.ParsePKCS1PrivateKey(der); err != nil && rsaErr == nil {
		key, err = rsa, nil
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return "", false
	}
	public, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return "", false
	}
	return node.PrivateKeyMark + fingerprint(public), true
}

// summary returns what a reviewer wants to know about a certificate, one fact
// a line.
func summary(c *x509.Certificate) []string {
	var addresses []string
	for _, a := range c.IPAddresses {
		addresses = append(addresses, a.String())
	}
	return node.CertificateSummary{
		Fingerprint: fingerprint(c.Raw), Subject: c.Subject.String(), Issuer: c.Issuer.String(),
		Names: c.DNSNames, Addresses: addresses, Usages: usages(c),
		From: c.NotBefore.UTC().Format(time.RFC3339), To: c.NotAfter.UTC().Format(time.RFC3339),
		Algorithm: c.PublicKeyAlgorithm.String(), Key: fingerprint(c.RawSubjectPublicKeyInfo),
	}.Lines()
}

// keyUsages and extendedUsages are those of hagen's signing profiles; any
// other shows as its number.
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

func usages(c *x509.Certificate) []string {
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
	return words
}

func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
