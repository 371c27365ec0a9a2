package pki

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cloudflare/cfssl/config"
	"github.com/cloudflare/cfssl/csr"
	"github.com/cloudflare/cfssl/log"
	"github.com/cloudflare/cfssl/signer"
	"github.com/cloudflare/cfssl/signer/local"
)

func init() {
	// cfssl logs each step to standard error, which belongs to the program.
	log.Level = log.LevelFatal + 1
}

// selfSigned is the signing profile of authorities. No leaf can ask for it.
const selfSigned = "authority"

// signingPolicy returns what cfssl's cert-config.json holds: profile names, usages and expiry.
// The expiry is a formality: every signature sets its own dates.
//
// Key encipherment is RSA key transport. A certificate with an ECDSA key must not name it
// (RFC 8813, 3), so the usage depends on the leaf's key.
func signingPolicy(algorithm Algorithm) *config.Signing {
	const expiry = 8760 * time.Hour
	leaf := func(purposes ...string) *config.SigningProfile {
		usages := []string{"signing"}
		if algorithm != ECDSAP256 && algorithm != ECDSAP384 {
			usages = append(usages, "key encipherment")
		}
		return &config.SigningProfile{Usage: append(usages, purposes...), Expiry: expiry}
	}
	return &config.Signing{
		Default: &config.SigningProfile{Expiry: expiry},
		Profiles: map[string]*config.SigningProfile{
			ServerAuthentication: leaf("server auth"),
			ClientAuthentication: leaf("client auth"),
			PeerAuthentication:   leaf("server auth", "client auth"),
			selfSigned: {
				Usage:  []string{"cert sign", "crl sign"},
				Expiry: expiry,
				// No path length: the authority may one day sign another one, which
				// clients of this one then trust, too (RFC 5280, 4.2.1.9).
				CAConstraint: config.CAConstraint{IsCA: true},
			},
		},
	}
}

// usages returns the usages that the request's certificate must have.
func (r Request) usages() (x509.KeyUsage, []x509.ExtKeyUsage) {
	profile := r.Profile
	if r.Kind == Authority {
		profile = selfSigned
	}
	found := signingPolicy(r.Algorithm).Profiles[profile]
	if found == nil {
		return 0, nil
	}
	usage, extended, _ := found.Usages()
	return usage, extended
}

// issuer is an authority ready to sign.
type issuer struct {
	name string
	cert *x509.Certificate
	key  crypto.Signer
}

func newIssuer(authority Item) (issuer, error) {
	name := authority.Request.Name
	cert, err := authority.certificate()
	if err != nil {
		return issuer{}, fmt.Errorf("%s: certificate: %w", name, err)
	}
	key, err := parseKey(authority.Key)
	if err != nil {
		return issuer{}, fmt.Errorf("%s: key: %w", name, err)
	}
	return issuer{name: name, cert: cert, key: key}, nil
}

// KeysElsewhere is the error of authorities that have to sign, but whose keys are kept elsewhere: by
// authority, the names of the items that it has to sign.
type KeysElsewhere map[string][]string

// Error names the keys, and what they have to sign.
func (k KeysElsewhere) Error() string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(k)) {
		lines = append(lines, fmt.Sprintf("%s: its key is not here, but has to sign %s", name, strings.Join(k[name], ", ")))
	}
	return strings.Join(lines, "\n")
}

// AuthorityOver is the error of an authority that cannot sign, since it has ended or has not begun.
type AuthorityOver struct {
	Name, Authority string
	From, Until, At time.Time
}

func (a AuthorityOver) Error() string {
	return fmt.Sprintf("%s: its authority %s is valid from %s to %s and cannot sign at %s: if that is not the time, set the clock right; if it is, renew the authority first, with the same key",
		a.Name, a.Authority, a.From.Format(time.RFC3339), a.Until.Format(time.RFC3339), a.At.Format(time.RFC3339))
}

// backdate allows for clocks that are behind.
const backdate = time.Hour

// signAuthority returns the self-signed certificate for request and key, PEM.
func signAuthority(request Request, key crypto.Signer, now time.Time) ([]byte, error) {
	// A local signer without a certificate makes a self-signed one.
	return sign(request, key, selfSigned, issuer{key: key}, now.Add(-backdate), now.Add(request.Lifetime))
}

// until returns the latest end of a certificate that the issuer signs now.
func (i issuer) until(request Request, now time.Time) time.Time {
	if until := now.Add(request.Lifetime); until.Before(i.cert.NotAfter) {
		return until
	}
	return i.cert.NotAfter
}

// sign returns the certificate of key for request, signed by the issuer, PEM. The warning is about
// a lifetime that is shortened to that of the issuer.
func (i issuer) sign(request Request, key crypto.Signer, now, notAfter time.Time) ([]byte, *Warning, error) {
	notBefore := now.Add(-backdate)
	if now.Before(i.cert.NotBefore) || !now.Before(i.cert.NotAfter) {
		return nil, nil, AuthorityOver{request.Name, i.name, i.cert.NotBefore, i.cert.NotAfter, now}
	}
	if notBefore.Before(i.cert.NotBefore) {
		notBefore = i.cert.NotBefore
	}
	var warning *Warning
	if now.Add(request.Lifetime).After(i.cert.NotAfter) {
		warning = &Warning{request.Name, fmt.Sprintf("ends no later than its authority %s, on %s, before its lifetime of %s is over: renew that first",
			i.name, day(i.cert.NotAfter), hours(request.Lifetime)), Renewal{Name: i.name}}
	}
	cert, err := sign(request, key, request.Profile, i, notBefore, notAfter)
	return cert, warning, err
}

// lastYear is the last year that a certificate can hold (RFC 5280, 4.1.2.5).
const lastYear = 9999

// checkYear refuses an end that a certificate cannot hold.
func checkYear(request Request, notBefore, notAfter time.Time) error {
	if notAfter.Year() <= lastYear {
		return nil
	}
	return fmt.Errorf("%s: would end in the year %d, but a certificate cannot hold a year after %d: set the clock right (it shows %s), or write a shorter lifetime than %s",
		request.Name, notAfter.Year(), lastYear, day(notBefore), hours(request.Lifetime))
}

func sign(request Request, key crypto.Signer, profile string, by issuer, notBefore, notAfter time.Time) ([]byte, error) {
	if err := checkYear(request, notBefore, notAfter); err != nil {
		return nil, err
	}
	asked, err := csr.Generate(key, &csr.CertificateRequest{
		CN:    request.Subject.CommonName,
		Names: request.Subject.cfssl(),
		Hosts: request.names(),
	})
	if err != nil {
		return nil, unsigned(request)
	}
	s, err := local.NewSigner(by.key, by.cert, signer.DefaultSigAlgo(by.key), signingPolicy(request.Algorithm))
	if err != nil {
		return nil, unsigned(request)
	}
	// The serial number is the signer's: 20 random octets, positive (RFC 5280, 4.1.2.2).
	cert, err := s.Sign(signer.SignRequest{
		Request:   string(asked),
		Profile:   profile,
		NotBefore: notBefore,
		NotAfter:  notAfter,
	})
	if err != nil {
		return nil, unsigned(request)
	}
	return cert, nil
}

// unsigned hides cfssl's own error, a number and JSON, which does not help a user. Requests
// are validated before, so the only cause left is a key that cannot sign.
func unsigned(request Request) error {
	return errors.New(request.Name + ": its certificate could not be signed; its key or that of its authority does not work")
}

// cfssl returns the subject without its common name. cfssl takes one organization per Name.
func (s Subject) cfssl() []csr.Name {
	names := []csr.Name{{C: s.Country, ST: s.Province, L: s.Locality, OU: s.OrganizationalUnit}}
	for i, organization := range s.Organization {
		if i == 0 {
			names[0].O = organization
			continue
		}
		names = append(names, csr.Name{O: organization})
	}
	return names
}

// day writes a date for people.
func day(t time.Time) string { return t.UTC().Format("2006-01-02") }
