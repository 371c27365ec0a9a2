package cluster

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

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
	v.c.PKI.Expiry = v.lifetime(p.Expiry, year)
	v.c.PKI.AdminLife = v.lifetime(p.AdminExpiry, 90*day)
	if v.c.PKI.Expiry > v.c.PKI.CAExpiry {
		v.fault(p.Expiry.At, "certificates would outlive the authority that signs them", "write less than caExpiry")
	}
	v.subject(p.Subject)
}

var lifetimeText = regexp.MustCompile(`^([1-9][0-9]{0,6})(h|d|y)$`)

// ParseLifetime reads the validity of a certificate: 8760h, 365d or 1y, at
// most a hundred years. A year has 365 days.
func ParseLifetime(text string) (time.Duration, error) {
	m := lifetimeText.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%q is not a time; write hours, days or years: 8760h, 365d, 1y", text)
	}
	number, _ := strconv.Atoi(m[1]) // at most seven digits: cannot fail
	unit := map[string]time.Duration{"h": time.Hour, "d": day, "y": year}[m[2]]
	if time.Duration(number) > 100*year/unit {
		return 0, fmt.Errorf("%s is more than a hundred years; write less, for example 10y", text)
	}
	return time.Duration(number) * unit, nil
}

// lifetime reads a field, or gives the fallback when it is not written.
func (v *validation) lifetime(field spec.Text, fallback time.Duration) time.Duration {
	if !field.At.Written() {
		return fallback
	}
	life, err := ParseLifetime(field.Value)
	if err != nil {
		problem, remedy, _ := strings.Cut(err.Error(), "; ")
		v.fault(field.At, problem, remedy)
		return fallback
	}
	return life
}

// subject reads the name of the authorities. Lengths are RFC 5280's upper
// bounds (ub-common-name and so on), less the word that tells authorities
// apart.
func (v *validation) subject(s spec.Subject) {
	v.c.PKI.Subject = Subject{
		CommonName:   v.c.Name + " CA",
		Organization: s.Organization.Value, OrganizationalUnit: s.OrganizationalUnit.Value,
		Country: s.Country.Value, State: s.State.Value, Locality: s.Locality.Value,
	}
	if s.CommonName.At.Written() {
		v.c.PKI.Subject.CommonName = s.CommonName.Value
	}
	for _, f := range []struct {
		field spec.String
		limit int
	}{{s.CommonName, 51}, {s.Organization, 64}, {s.OrganizationalUnit, 64}, {s.State, 128}, {s.Locality, 128}} {
		if !f.field.At.Written() {
			continue
		}
		text := f.field.Value
		switch {
		case strings.TrimSpace(text) != text || text == "":
			v.fault(f.field.At, "is empty or begins or ends with a blank", "write the name, or remove the line")
		case len(text) > f.limit:
			v.fault(f.field.At, fmt.Sprintf("has %d characters, at most %d are possible", len(text), f.limit), "shorten it")
		case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
			v.fault(f.field.At, "holds a control character", "write plain text on one line")
		}
	}
	if c := s.Country; c.At.Written() && !regexp.MustCompile(`^[A-Z]{2}$`).MatchString(c.Value) {
		v.fault(c.At, fmt.Sprintf("%q is not a country code", c.Value), "write two capital letters (ISO 3166), for example IT")
	}
}

func (v *validation) loadBalancer() {
	t := v.spec.LoadBalancer.Timeouts
	// connect and check as measured; the others in docs/decisions.md.
	v.c.Timeouts = Timeouts{
		Connect: v.timeout(t.Connect, time.Second),
		Client:  v.timeout(t.Client, time.Minute),
		Server:  v.timeout(t.Server, time.Minute),
		Tunnel:  v.timeout(t.Tunnel, day),
		Check:   v.timeout(t.Check, 1500*time.Millisecond),
	}
}

var timeoutText = regexp.MustCompile(`^([1-9][0-9]{0,8})(ms|s|m|h|d)$`)

// timeout reads HAProxy's time format; HAProxy keeps milliseconds in 31 bits
// (configuration manual, 2.5 "Time format").
func (v *validation) timeout(field spec.Text, fallback time.Duration) time.Duration {
	if !field.At.Written() {
		return fallback
	}
	m := timeoutText.FindStringSubmatch(field.Value)
	if m == nil {
		v.fault(field.At, fmt.Sprintf("%q is not a time", field.Value), "write a number with its unit: 500ms, 10s, 5m, 1h")
		return fallback
	}
	number, _ := strconv.Atoi(m[1]) // at most nine digits: cannot fail
	unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day}[m[2]]
	d := time.Duration(number) * unit
	if time.Duration(number) > 24*day/unit || d < 10*time.Millisecond {
		v.fault(field.At, field.Value+" is out of range", "write 10ms to 24d")
		return fallback
	}
	return d
}

// ServiceAccounts are the accounts that hagen's units run as, and the group
// for the one key that two of them read.
var ServiceAccounts = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-sa", "haproxy"}

// loginName is what useradd(8) takes.
var loginName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

func (v *validation) users() {
	seen := map[string]int{}
	for _, field := range v.spec.Users.Items {
		if !field.At.Written() {
			continue
		}
		user := User{Name: field.Name.Value, At: field.Name.At}
		if at := field.Name.At; at.Written() {
			line, twice := seen[user.Name]
			switch {
			case !loginName.MatchString(user.Name):
				v.fault(at, fmt.Sprintf("%q is not a login name", user.Name), "write lower-case letters, digits, - and _, at most 32, beginning with a letter")
			case slices.Contains(ServiceAccounts, user.Name):
				v.fault(at, fmt.Sprintf("%q is the account of one of the cluster's own daemons", user.Name), "give the login another name")
			case twice:
				v.fault(at, fmt.Sprintf("%q is written a second time (first on line %d)", user.Name, line), "put all keys into one entry")
			}
			seen[user.Name] = at.Line
		}
		if list := field.SSHKeys; list.At.Written() && len(list.Items) == 0 {
			v.fault(list.At, "is empty: nobody could log in", "write the public keys, or remove the user")
		}
		for _, key := range field.SSHKeys.Items {
			if key.At.Written() {
				v.sshKey(key)
				user.SSHKeys = append(user.SSHKeys, strings.TrimSpace(key.Value))
			}
		}
		v.c.Users = append(v.c.Users, user)
	}
}

// sshKey holds a line against the form of authorized_keys (sshd(8)) without
// options: type, base64 of the key, comment. The key names its type again
// (RFC 4253, 6.6).
func (v *validation) sshKey(field spec.String) {
	const remedy = "write the line of a .pub file: ssh-ed25519 AAAA… you@desk"
	if strings.Contains(field.Value, "PRIVATE KEY") {
		v.fault(field.At, "is a private key", "take it out of the file, make a new one since this one has been shown, and "+remedy)
		return
	}
	words := strings.Fields(field.Value)
	if len(words) < 2 || strings.ContainsAny(strings.TrimSpace(field.Value), "\n\r") {
		v.fault(field.At, "is not an SSH public key", remedy)
		return
	}
	blob, err := base64.StdEncoding.DecodeString(words[1])
	if err != nil || len(blob) < 4 {
		v.fault(field.At, "is not an SSH public key: the second word is not its base64", remedy)
		return
	}
	if n := int(binary.BigEndian.Uint32(blob)); n > len(blob)-4 || n > 64 || string(blob[4:4+n]) != words[0] {
		v.fault(field.At, fmt.Sprintf("is not an SSH public key: it says %q but holds another type, or was cut off", words[0]), remedy)
	}
}
