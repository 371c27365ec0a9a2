package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// Item is a fulfilled request.
type Item struct {
	// Request is what the item was made for.
	Request Request
	// Cert is the certificate of an authority or leaf, PEM.
	Cert []byte
	// Key is the private key, PEM; of a Secret, 32 bytes as base64 and a newline. That of an
	// authority may be kept elsewhere: it is nil then, and the authority cannot sign.
	Key []byte
	// Public is the public half of a KeyPair, PEM (PKIX).
	Public []byte
	// Generations are all keys that the item has had, the oldest first, if it was ever rotated.
	// One of them is the present one, which Cert, Key and Public are of.
	Generations []Generation
	// Marks are of keys that the item has or had, and that others have had, too.
	Marks []Mark

	parsed *parsed // Cert, if Parsed has read it
}

// parsed is a certificate with the PEM that it was parsed from.
type parsed struct {
	text     string
	cert     *x509.Certificate
	signedBy atomic.Pointer[string]
}

// KeyElsewhere reports whether the item is an authority without its key.
func (i Item) KeyElsewhere() bool { return i.Request.Kind == Authority && i.Key == nil }

// MayLackKey reports whether the key of a generation of this kind, in this state, may be missing. An authority's may be kept
// elsewhere. A former key pair signs nothing any more, and its public half verifies without it: only that is
// on machines, so it is all that can be recovered from them.
func (k Kind) MayLackKey(state State) bool { return k == Authority || k == KeyPair && state == Former }

// SignedBy returns the Fingerprint of the authority whose signature Verify has found on
// the certificate; "" if Verify has not seen the item since Parsed.
func (i Item) SignedBy() string {
	if i.parsed == nil || i.parsed.text != string(i.Cert) {
		return ""
	}
	if by := i.parsed.signedBy.Load(); by != nil {
		return *by
	}
	return ""
}

// Parsed returns the item with its certificate parsed: neither X509 nor Verify parses it
// again, as long as Cert stays the same.
func (i Item) Parsed() Item {
	if cert, err := i.certificate(); err == nil {
		i.parsed = &parsed{text: string(i.Cert), cert: cert}
	}
	return i
}

func (i Item) certificate() (*x509.Certificate, error) {
	if i.parsed != nil && i.parsed.text == string(i.Cert) {
		return i.parsed.cert, nil
	}
	return parseCertificate(i.Cert)
}

// Set holds items by the name of their request.
type Set map[string]Item

// X509 returns the item's parsed certificate. It is an error to ask a KeyPair or Secret for
// one, or an item whose Cert is not one sound PEM certificate.
func (i Item) X509() (*x509.Certificate, error) {
	cert, err := i.certificate()
	if err != nil {
		return nil, fmt.Errorf("%s: certificate: %w", i.Request.Name, err)
	}
	return cert, nil
}

// SecretSize is the length of a Secret in bytes: the key size of secretbox and AES-256.
const SecretSize = 32

var errNoRandom = errors.New("the system has no random bytes for it")

func newSecret(random io.Reader) ([]byte, error) {
	raw := make([]byte, SecretSize)
	if _, err := io.ReadFull(random, raw); err != nil {
		return nil, errNoRandom
	}
	return append(base64.StdEncoding.AppendEncode(nil, raw), '\n'), nil
}

// checkSecret says what is wrong with the text of a Secret, without its content.
func checkSecret(text []byte) error {
	raw, err := base64.StdEncoding.Strict().DecodeString(string(bytes.TrimSuffix(text, []byte("\n"))))
	if err != nil || bytes.ContainsAny(bytes.TrimSuffix(text, []byte("\n")), "\r\n") {
		return errors.New("it is not one line of base64")
	}
	if len(raw) != SecretSize {
		return fmt.Errorf("it holds %d bytes, not %d", len(raw), SecretSize)
	}
	return nil
}
