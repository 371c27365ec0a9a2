package pki

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
)

// secretLabel is what an id of a Secret is the HMAC of. Ids stand in files that people commit: it
// cannot be reworded.
const secretLabel = "hagen: id of a secret"

// KeyID identifies the key of an item, in hex, and tells nothing of it: of an Authority, Leaf or
// KeyPair it is the SHA-256 of the public key's DER (SubjectPublicKeyInfo, as in RFC 7469, 2.4); of
// a Secret the first half of an HMAC-SHA256 that the secret keys. The error is that of a part that
// cannot be read.
func KeyID(item Item) (string, error) {
	fail := func(err error) (string, error) { return "", fmt.Errorf("%s: %w", item.Request.Name, err) }
	switch item.Request.Kind {
	case Secret:
		if err := checkSecret(item.Key); err != nil {
			return fail(err)
		}
		raw, _ := base64.StdEncoding.DecodeString(string(item.Key)) // which skips the line's end
		sum := hmac.New(sha256.New, raw)
		sum.Write([]byte(secretLabel))
		return hex.EncodeToString(sum.Sum(nil)[:sha256.Size/2]), nil
	case KeyPair:
		if _, err := parsePublic(item.Public); err != nil {
			return fail(err)
		}
		block, _ := pem.Decode(item.Public)
		return Fingerprint(block.Bytes), nil
	}
	cert, err := item.X509()
	if err != nil {
		return "", err
	}
	return KeyIDOf(cert), nil
}

// KeyIDOf is KeyID of the item with this certificate.
func KeyIDOf(cert *x509.Certificate) string { return Fingerprint(cert.RawSubjectPublicKeyInfo) }

// Fingerprint is the SHA-256 of DER, in hex.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
