package pki

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hagen/gen/lazy"
)

// Validate returns an error unless the request by itself can be fulfilled: it has a clean name,
// a known kind, algorithm and profile, and exactly the fields that its kind needs. The error
// lists all faults, one per line.
func (r Request) Validate() error {
	if err := validateName(r.Name); err != nil {
		return err
	}
	var faults []string
	switch r.Kind {
	case Authority:
		faults = append(r.validateCertificate(), r.unwanted("authority", "profile", "names")...)
	case Leaf:
		faults = append(r.validateCertificate(), r.validateLeaf()...)
	case KeyPair:
		faults = append(r.validateAlgorithm(), r.unwanted("authority", "subject", "profile", "names", "lifetime")...)
	case Secret:
		faults = r.unwanted("authority", "subject", "profile", "names", "lifetime", "algorithm")
	default:
		faults = []string{fmt.Sprintf("kind %q is not one of authority, leaf, key-pair, secret", r.Kind)}
	}
	var errs []error
	for _, fault := range faults {
		errs = append(errs, fmt.Errorf("%s: %s", r.Name, fault))
	}
	return errors.Join(errs...)
}

// validateAll checks each request and what must hold between them.
func validateAll(requests []Request) error {
	var errs []error
	kinds := map[string]Kind{}
	folded := map[string]string{}
	for _, r := range requests {
		errs = append(errs, r.Validate())
		// On some file systems Ca.pem and ca.pem are the same file.
		fold := strings.ToLower(r.Name)
		if other, taken := folded[fold]; taken {
			errs = append(errs, fmt.Errorf("%s: asked for twice (the other is %s)", r.Name, other))
		}
		folded[fold] = r.Name
		kinds[r.Name] = r.Kind
	}
	subjects := map[string]Subject{}
	for _, r := range requests {
		if r.Kind == Authority {
			subjects[r.Name] = r.Subject
		}
	}
	for _, r := range requests {
		if r.Kind != Leaf || r.Authority == "" {
			continue
		}
		if kinds[r.Authority] != Authority {
			errs = append(errs, fmt.Errorf("%s: its authority %q is not among the authorities asked for", r.Name, r.Authority))
		} else if len(subjectDifferences(r.Subject, subjects[r.Authority])) == 0 {
			// RFC 5280, 3.2: a certificate whose subject is its issuer counts as
			// self-issued, and chain building fails.
			errs = append(errs, fmt.Errorf("%s: its subject is also that of its authority %s; give one of them another common name", r.Name, r.Authority))
		}
	}
	return errors.Join(errs...)
}

var nameSegment = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// validateName accepts a clean relative path on every file system that cannot be mistaken for
// a file of another item.
func validateName(name string) error {
	segments := strings.Split(name, "/")
	for _, segment := range segments {
		if len(segment) > 200 || !nameSegment().MatchString(segment) || strings.HasSuffix(segment, ".") {
			return fmt.Errorf("%q is not a name for an item: write letters, digits, '.', '_' and '-' with single slashes between, as in hosts/kubem00/apiserver", name)
		}
	}
	for _, suffix := range []string{"-key", ".pem", ".key", ".pub", ".json"} {
		if strings.HasSuffix(name, suffix) {
			return fmt.Errorf("%q is not a name for an item: the ending %s belongs to files", name, suffix)
		}
	}
	return nil
}

func (r Request) validateAlgorithm() []string {
	if slices.Contains(Algorithms(), r.Algorithm) {
		return nil
	}
	var known []string
	for _, a := range Algorithms() {
		known = append(known, string(a))
	}
	return []string{fmt.Sprintf("algorithm %q is not one of %s", r.Algorithm, strings.Join(known, ", "))}
}

// validateCertificate checks what authorities and leaves have in common.
func (r Request) validateCertificate() []string {
	faults := append(r.validateAlgorithm(), r.Subject.validate()...)
	// X.509 times have no fractions of a second (RFC 5280, 4.1.2.5).
	if r.Lifetime < time.Second || r.Lifetime%time.Second != 0 {
		faults = append(faults, fmt.Sprintf("lifetime %s is not a positive number of whole seconds", r.Lifetime))
	}
	return faults
}

func (r Request) validateLeaf() []string {
	var faults []string
	if r.Authority == "" {
		faults = append(faults, "no authority to sign it")
	}
	names := len(r.DNSNames) + len(r.IPAddresses)
	switch r.Profile {
	case ServerAuthentication, PeerAuthentication:
		if names == 0 {
			// RFC 9525, 6.3: clients no longer look at the common name.
			faults = append(faults, "no DNS name and no IP address: no client could verify this server")
		}
	case ClientAuthentication:
		faults = append(faults, r.unwanted("names")...)
	default:
		faults = append(faults, fmt.Sprintf("signing profile %q is not one of %s, %s, %s", r.Profile, ServerAuthentication, ClientAuthentication, PeerAuthentication))
	}
	for _, name := range r.DNSNames {
		if !isDNSName(name) {
			faults = append(faults, fmt.Sprintf("%q is not a DNS name", name))
		}
	}
	for _, address := range r.IPAddresses {
		if !address.IsValid() || address.Zone() != "" {
			faults = append(faults, fmt.Sprintf("%q is not an IP address a certificate can hold", address))
		}
	}
	return faults
}

// unwanted names those of the fields that are set.
func (r Request) unwanted(fields ...string) []string {
	set := map[string]bool{
		"authority": r.Authority != "",
		"subject":   !r.Subject.isZero(),
		"profile":   r.Profile != "",
		"names":     len(r.DNSNames)+len(r.IPAddresses) > 0,
		"lifetime":  r.Lifetime != 0,
		"algorithm": r.Algorithm != "",
	}
	what := "a " + string(r.Kind)
	switch r.Kind {
	case Authority:
		what = "an authority"
	case Leaf:
		what = "a client certificate"
	}
	var faults []string
	for _, field := range fields {
		if set[field] {
			faults = append(faults, what+" has no "+field)
		}
	}
	return faults
}

var dnsLabel = lazy.Regexp(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?$`)

// isDNSName accepts host names (RFC 1123, 2.1), also with a wildcard as the first label. It
// refuses all else, above all texts that cfssl would read as an address, a mail address or a URI.
func isDNSName(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(name, "*."), ".") {
		if len(label) > 63 || !dnsLabel().MatchString(label) {
			return false
		}
	}
	return true
}

// countryCode is the form of ISO 3166 codes, the only ones that X.520 allows.
var countryCode = lazy.Regexp(`^[A-Za-z]{2}$`)

func (s Subject) isZero() bool {
	return s.CommonName == "" && len(s.Organization) == 0 && s.OrganizationalUnit == "" &&
		s.Country == "" && s.Province == "" && s.Locality == ""
}

// validate checks the subject against the upper bounds of RFC 5280, appendix A.1; openssl and
// others refuse longer values.
func (s Subject) validate() []string {
	var faults []string
	if s.CommonName == "" {
		faults = append(faults, "no common name")
	}
	check := func(field, value string, limit int) {
		switch {
		case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
			faults = append(faults, fmt.Sprintf("%s %q holds characters that cannot be printed", field, value))
		case value != strings.TrimSpace(value):
			faults = append(faults, fmt.Sprintf("%s %q begins or ends with a space", field, value))
		case utf8.RuneCountInString(value) > limit:
			faults = append(faults, fmt.Sprintf("%s %q is longer than %d characters", field, value, limit))
		}
	}
	check("common name", s.CommonName, 64)
	for i, organization := range s.Organization {
		check("organization", organization, 64)
		if organization == "" || slices.Contains(s.Organization[:i], organization) {
			faults = append(faults, fmt.Sprintf("organization %q is empty or given twice", organization))
		}
	}
	check("organizational unit", s.OrganizationalUnit, 64)
	if s.Country != "" && !countryCode().MatchString(s.Country) {
		faults = append(faults, fmt.Sprintf("country %q is not a code of two letters", s.Country))
	}
	check("province", s.Province, 128)
	check("locality", s.Locality, 128)
	return faults
}
