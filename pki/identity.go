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

// secretLabel is the message of the HMAC that is the id of a Secret. It must never change: people
// commit files with ids.
const secretLabel = "hagen: id of a secret"

// KeyID returns an id of an item's key, in hex, that does not reveal the key: for an Authority, Leaf
// or KeyPair the SHA-256 of the public key's DER (SubjectPublicKeyInfo, as in RFC 7469, 2.4); for a
// Secret the first half of an HMAC-SHA256 with the secret as its key. It fails if a part cannot be
// read.
func KeyID(item Item) (string, error) {
	fail := func(err error) (string, error) { return "", fmt.Errorf("%s: %w", item.Request.Name, err) }
	switch item.Request.Kind {
	case Secret:
		if err := checkSecret(item.Key); err != nil {
			return fail(err)
		}
		raw, _ := base64.StdEncoding.DecodeString(string(item.Key)) // skips the newline
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

// KeyIDOf returns the KeyID of the item with this certificate.
func KeyIDOf(cert *x509.Certificate) string { return Fingerprint(cert.RawSubjectPublicKeyInfo) }

// Fingerprint returns the SHA-256 of DER, in hex.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
