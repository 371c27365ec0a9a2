package check

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"

	"hagen/gen/node"
)

// certificate is one certificate of a machine, with the file it stands in.
type certificate struct {
	path string
	*x509.Certificate
}

// parsed gives the certificates and private keys in the files of a node.
func parsed(n node.Node) (certificates []certificate, keys map[string]crypto.Signer) {
	keys = map[string]crypto.Signer{}
	for _, f := range n.Files {
		for rest := f.Contents; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			if cert, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
				certificates = append(certificates, certificate{f.Path, cert})
			}
			if key := privateKey(block); key != nil {
				keys[f.Path] = key
			}
		}
	}
	return certificates, keys
}

// privateKey reads the three PEM types that keys come in, or gives nil.
func privateKey(block *pem.Block) crypto.Signer {
	var key any
	switch block.Type {
	case "PRIVATE KEY":
		key, _ = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, _ = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, _ = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	signer, _ := key.(crypto.Signer)
	return signer
}

// same compares public keys.
func same(a, b crypto.PublicKey) bool {
	type comparable interface{ Equal(crypto.PublicKey) bool }
	c, ok := a.(comparable)
	return ok && c.Equal(b)
}

// pairs: no authority's key is here, every key belongs to the certificate
// beside it, and every leaf has its authority on the machine.
func (m *machine) pairs() {
	for path, key := range m.keys {
		for _, c := range m.certificates {
			if c.IsCA && same(c.PublicKey, key.Public()) {
				m.find(path, "is the key of the authority in %s: no machine may hold it", c.path)
			}
		}
		beside := strings.Replace(path, "-key.pem", ".pem", 1)
		if c, found := m.certificate(beside); found && beside != path && !same(c.PublicKey, key.Public()) {
			m.find(path, "is not the key of %s", beside)
		}
	}
	for _, c := range m.certificates {
		if !c.IsCA && !slices.ContainsFunc(m.certificates, func(ca certificate) bool { return ca.IsCA && c.CheckSignatureFrom(ca.Certificate) == nil }) {
			m.find(c.path, "was signed by no authority of this machine")
		}
	}
}

// certificate gives the first certificate in a file.
func (m *machine) certificate(path string) (certificate, bool) {
	for _, c := range m.certificates {
		if c.path == path {
			return c, true
		}
	}
	return certificate{}, false
}
