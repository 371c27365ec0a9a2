// Package pki turns requests into certificates and keys.
//
// It is pure: no file, no clock, no environment, no printing. Time, keys and random bytes
// come in as arguments. It knows authorities and leaves, subjects and names, but nothing of
// what they are for; cfssl does the signing and is imported here alone.
package pki

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Algorithm names the kind and size of a key.
type Algorithm string

// The algorithms that every reader of these keys understands.
const (
	ECDSAP256 Algorithm = "ecdsa-p256"
	ECDSAP384 Algorithm = "ecdsa-p384"
	RSA2048   Algorithm = "rsa-2048"
	RSA3072   Algorithm = "rsa-3072"
	RSA4096   Algorithm = "rsa-4096"
)

// Algorithms lists every known algorithm, the one with the quickest key first.
func Algorithms() []Algorithm {
	return []Algorithm{ECDSAP256, ECDSAP384, RSA2048, RSA3072, RSA4096}
}

// Kind says what a request asks for.
type Kind string

const (
	// Authority is a self-signed certificate that signs leaves, with its key.
	Authority Kind = "authority"
	// Leaf is a certificate signed by an authority, with its key.
	Leaf Kind = "leaf"
	// KeyPair is a key with its public half and no certificate.
	KeyPair Kind = "key-pair"
	// Secret is 32 random bytes.
	Secret Kind = "secret"
)

// The signing profiles of a leaf: what its holder may use it for.
const (
	ServerAuthentication = "server-authentication"
	ClientAuthentication = "client-authentication"
	PeerAuthentication   = "peer-authentication"
)

// Subject is the distinguished name of a certificate.
type Subject struct {
	CommonName         string   `json:"commonName,omitempty"`
	Organization       []string `json:"organization,omitempty"`
	OrganizationalUnit string   `json:"organizationalUnit,omitempty"`
	Country            string   `json:"country,omitempty"`
	Province           string   `json:"province,omitempty"`
	Locality           string   `json:"locality,omitempty"`
}

// Request asks for one item. Which fields it needs, and which it must leave empty, depends
// on its Kind: see Validate.
type Request struct {
	// Name is the item's place in the store: slash-separated, no extension, as in
	// "hosts/kubem00/etcd-server".
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Authority is the Name of the request whose authority signs this leaf.
	Authority   string       `json:"authority,omitempty"`
	Subject     Subject      `json:"subject,omitzero"`
	DNSNames    []string     `json:"dnsNames,omitempty"`
	IPAddresses []netip.Addr `json:"ipAddresses,omitempty"`
	// Profile is the signing profile of a leaf.
	Profile   string    `json:"profile,omitempty"`
	Algorithm Algorithm `json:"algorithm,omitempty"`
	// Lifetime is how long a certificate is valid after it is made. In JSON it is text,
	// as in "8760h0m0s".
	Lifetime time.Duration `json:"lifetime,omitempty"`
}

// plainRequest is a Request without its JSON methods, to marshal all fields but Lifetime.
type plainRequest Request

// ErrLifetime is wrapped by errors about a lifetime that cannot be read.
var ErrLifetime = errors.New("is not a duration")

// MarshalJSON writes the request with its lifetime as text and without empty fields.
func (r Request) MarshalJSON() ([]byte, error) {
	written := struct {
		plainRequest
		Lifetime string `json:"lifetime,omitempty"`
	}{plainRequest: plainRequest(r)}
	if r.Lifetime != 0 {
		written.Lifetime = r.Lifetime.String()
	}
	return json.Marshal(written)
}

// UnmarshalJSON reads what MarshalJSON wrote. An unknown field is an error: it would be lost
// when the request is written again.
func (r *Request) UnmarshalJSON(data []byte) error {
	var read struct {
		plainRequest
		Lifetime string `json:"lifetime"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		return fmt.Errorf("not a certificate request: %w", err)
	}
	*r = Request(read.plainRequest)
	if read.Lifetime != "" {
		lifetime, err := time.ParseDuration(read.Lifetime)
		if err != nil {
			return fmt.Errorf("lifetime %q %w like \"8760h0m0s\"", read.Lifetime, ErrLifetime)
		}
		r.Lifetime = lifetime
	}
	return nil
}
