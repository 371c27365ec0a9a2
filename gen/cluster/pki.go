package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hagen/gen/lazy"
	"hagen/gen/spec"
	"hagen/pki"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

func (v *validation) pki() {
	p := v.spec.PKI
	v.c.PKI = PKI{Algorithm: pki.Algorithm(v.c.Profile.Algorithm)}
	algorithms := names(pki.Algorithms(), func(a pki.Algorithm) string { return string(a) })
	if p.Algorithm.At.Written() && v.choice(p.Algorithm, algorithms...) {
		v.c.PKI.Algorithm = pki.Algorithm(p.Algorithm.Value)
	}
	v.c.PKI.CAExpiry = v.lifetime(p.CAExpiry, 10*year)
	v.c.PKI.Expiry = v.leafLifetime(p.Expiry, year, "expiry", "1y")
	v.c.PKI.AdminLife = v.leafLifetime(p.AdminExpiry, 90*day, "adminExpiry", "90d")
	v.subject(p.Subject)
}

// leafLifetime reads the lifetime of leaves, which cannot be longer than that of
// the authorities.
func (v *validation) leafLifetime(field spec.Text, fallback time.Duration, name, written string) time.Duration {
	life, ca := v.lifetime(field, fallback), v.spec.PKI.CAExpiry
	if life <= v.c.PKI.CAExpiry {
		return life
	}
	if field.At.Written() {
		authority := "10y unless written"
		if ca.At.Written() {
			authority = ca.Value
		}
		v.fault(field.At, fmt.Sprintf("%s is longer than caExpiry, which is %s: no certificate outlives the authority that signs it", field.Value, authority), "write no more than that, or a longer caExpiry")
		return life
	}
	v.fault(ca.At, fmt.Sprintf("%s is shorter than %s, which is %s unless written: no certificate outlives the authority that signs it", ca.Value, name, written),
		fmt.Sprintf("add %s: %s, or write a longer caExpiry", name, ca.Value))
	return life
}

var lifetimeText = lazy.Regexp(`^([1-9][0-9]{0,6})(h|d|y)$`)

// ParseLifetime reads the validity of a certificate: 8760h, 365d or 1y, at
// most a hundred years. A year has 365 days.
func ParseLifetime(text string) (time.Duration, error) {
	m := lifetimeText().FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%s is not a valid duration; write hours, days or years: 8760h, 365d, 1y", spec.Quote(text))
	}
	number, _ := strconv.Atoi(m[1]) // at most seven digits: cannot fail
	unit := map[string]time.Duration{"h": time.Hour, "d": day, "y": year}[m[2]]
	if time.Duration(number) > 100*year/unit {
		return 0, fmt.Errorf("%s is more than a hundred years; write less, for example 10y", text)
	}
	return time.Duration(number) * unit, nil
}

// LifetimeText writes hours as ParseLifetime reads them, in days where they are whole.
func LifetimeText(hours int) string {
	if hours%24 == 0 {
		return strconv.Itoa(hours/24) + "d"
	}
	return strconv.Itoa(hours) + "h"
}

// lifetime reads a field; the fallback when it is not written.
func (v *validation) lifetime(field spec.Text, fallback time.Duration) time.Duration {
	if !field.At.Written() {
		return fallback
	}
	life, err := ParseLifetime(field.Value)
	if err != nil {
		i := strings.LastIndex(err.Error(), "; ")
		v.fault(field.At, err.Error()[:i], err.Error()[i+2:])
		return fallback
	}
	return life
}

// leafNames lists the common names of leaves. A certificate with the same subject
// and issuer counts as self-issued, and no chain is built through it (RFC 5280, 3.2).
var leafNames = []string{
	"admin", "apiserver", "etcd-client", "etcd-server", "front-proxy-client", "kubelet-client",
	"system:kube-controller-manager", "system:kube-scheduler",
}

var countryCode = lazy.Regexp(`^[A-Z]{2}$`)

// subject reads the name of the authorities. Lengths are RFC 5280's upper bounds
// (ub-common-name and so on), minus the word that distinguishes authorities.
func (v *validation) subject(s spec.Subject) {
	v.c.PKI.Subject = Subject{
		CommonName:   v.c.Name + AuthorityEnding,
		Organization: s.Organization.Value, OrganizationalUnit: s.OrganizationalUnit.Value,
		Country: s.Country.Value, State: s.State.Value, Locality: s.Locality.Value,
	}
	if s.CommonName.At.Written() {
		v.c.PKI.Subject.CommonName = s.CommonName.Value
	}
	v.subjectText(s.CommonName, maxCommonName-len(longestAuthority))
	v.subjectText(s.Organization, 64)
	v.subjectText(s.OrganizationalUnit, 64)
	v.subjectText(s.State, 128)
	v.subjectText(s.Locality, 128)
	if name := s.CommonName; slices.Contains(leafNames, name.Value) {
		v.fault(name.At, spec.Quote(name.Value)+" is the name of a certificate that the authority signs", "write for example kubernetes CA")
	}
	if c := s.Country; c.At.Written() && !countryCode().MatchString(c.Value) {
		remedy := "write two capital letters (ISO 3166), for example IT"
		if upper := strings.ToUpper(c.Value); countryCode().MatchString(upper) {
			remedy = "write " + upper
		}
		v.fault(c.At, spec.Quote(c.Value)+" is not a country code", remedy)
	}
}

func (v *validation) subjectText(field spec.String, limit int) {
	if !field.At.Written() {
		return
	}
	switch n := utf8.RuneCountInString(field.Value); {
	case field.Value == "":
		v.fault(field.At, "is empty", "write the name, or remove the line")
	case strings.TrimSpace(field.Value) != field.Value:
		v.fault(field.At, "begins or ends with a space", "write "+spec.Quote(strings.TrimSpace(field.Value)))
	case strings.ContainsFunc(field.Value, func(r rune) bool { return !unicode.IsPrint(r) }):
		v.fault(field.At, "holds a character that cannot be printed", "write plain text on one line")
	case n > limit:
		v.fault(field.At, fmt.Sprintf("has %d characters, at most %d are possible", n, limit), "shorten it")
	}
}
