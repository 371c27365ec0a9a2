package cluster

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/spec"
	"hagen/profiles"
)

// AuthorityEnding follows the cluster's name in the common name of its authority,
// unless the cluster file has another common name.
const AuthorityEnding = " CA"

const defaultDomain = "cluster.local"

// Bounds on names that are part of other names: a common name has at most 64
// characters (RFC 5280, ub-common-name), and that of an authority may end in a word
// that distinguishes it from the cluster's other authorities.
const (
	maxCommonName    = 64
	longestAuthority = " front-proxy"
	maxClusterName   = maxCommonName - len(AuthorityEnding) - len(longestAuthority)
	maxDomain        = maxDNSName - len("kubernetes.default.svc.")
)

func (v *validation) identity() {
	v.c.Name = v.file.Metadata.Name.Value
	if name := v.file.Metadata.Name; name.At.Written() {
		v.name(name, maxClusterName, "kubernetes")
	}
	v.c.Domain = defaultDomain
	if d := v.spec.ClusterDomain; d.At.Written() {
		v.c.Domain = d.Value
		const remedy = "write for example " + defaultDomain
		switch {
		case !v.name(d, maxDomain, defaultDomain):
		case numericEnd().MatchString(d.Value):
			v.fault(d.At, spec.Quote(d.Value)+" looks like an address", remedy)
		case loopbackName().MatchString(d.Value):
			v.fault(d.At, "every name in "+spec.Quote(d.Value)+" means the machine that looks it up", remedy)
		}
	}
	v.c.HostsFile = true
	if d := v.spec.DNS; d.At.Written() {
		v.c.HostsFile = d.Value == "hosts"
		v.choice(d, "hosts", "external")
	}
}

// maxIssuer is half of the 2048 bytes that Butane allows in a line of a unit
// (go-systemd, unit.SYSTEMD_LINE_MAX).
const maxIssuer = 1024

// issuerText excludes characters that a unit file must escape.
var issuerText = lazy.Regexp(`^https://[-A-Za-z0-9._~:/\[\]!&()*+,;=@]+$`)

// maxIssuers bounds the list: one signs, and those that signed before are accepted
// until their tokens have expired.
const maxIssuers = 10

// issuers runs after the profile is known.
func (v *validation) issuers() {
	field := v.spec.ServiceAccountIssuer
	if !field.At.Written() {
		v.c.Issuers = []string{"https://kubernetes.default.svc." + v.c.Domain}
		return
	}
	switch {
	case len(field.Items) == 0:
		v.fault(field.At, "is an empty list", issuerRemedy)
	case len(field.Items) > maxIssuers:
		v.fault(field.At, fmt.Sprintf("has %d issuers, at most %d are possible", len(field.Items), maxIssuers), "remove those whose tokens have expired")
	case v.c.Profile.Name == profiles.Classic:
		v.fault(field.At, "profile classic has no such flag: its API servers name no issuer",
			"remove the line, or use profile: "+profiles.Standard)
	}
	for i, one := range field.Items {
		if !one.At.Written() {
			continue // a fault of its own
		}
		if slices.Contains(v.c.Issuers, one.Value) {
			v.fault(one.At, spec.Quote(one.Value)+" is in the list twice", "remove one: API servers refuse to start with both")
		}
		v.c.Issuers = append(v.c.Issuers, one.Value)
		v.issuer(one, i == 0)
	}
}

const issuerRemedy = "write for example https://kubernetes.default.svc." + defaultDomain

// issuer checks one issuer; signs tells the one that tokens get.
func (v *validation) issuer(field spec.String, signs bool) {
	u, err := url.Parse(field.Value)
	problem, remedy := "", issuerRemedy
	switch {
	case len(field.Value) > maxIssuer:
		v.fault(field.At, fmt.Sprintf("has %d characters, at most %d are possible", len(field.Value), maxIssuer), "shorten it: every token carries it")
	case strings.Contains(field.Value, ",http"):
		problem, remedy = "is more than one URL", "write a list, the one that tokens are to name first: ["+strings.ReplaceAll(field.Value, ",http", ", http")+"]"
	case err != nil || !issuerText().MatchString(field.Value) || u.User != nil:
		problem = "is not an https URL without query (OpenID Connect Discovery, section 3)"
	case strings.HasSuffix(u.Host, ":") || u.Port() != "" && !validPort(u.Port()):
		problem, remedy = "has no port of 1-65535 after the colon", "write one, or leave the colon out for 443"
	case u.Hostname() == "":
		problem = "names no host"
	case !hostOfURL(u.Hostname()):
		problem = "names a host that is neither a DNS name nor an address"
	case signs:
		v.discovery(field)
	}
	if problem != "" {
		v.fault(field.At, spec.Quote(field.Value)+" "+problem, remedy)
	}
}

// discovery warns of an issuer that is a document which is served below the issuer's URL. It
// is not a fault: the tokens of a running cluster may name it.
func (v *validation) discovery(field spec.String) {
	for _, document := range []string{"/.well-known/openid-configuration", "/openid/v1/jwks"} {
		if issuer, is := strings.CutSuffix(strings.TrimRight(field.Value, "/"), document); is {
			v.warn(field.At, spec.Quote(field.Value)+" is a document that clients look up below the issuer's URL: they compare that URL with the issuer of a token, and refuse this one",
				"write "+issuer)
		}
	}
}

// hostOfURL reports whether the host of a URL can be looked up. Capital letters are
// allowed: DNS ignores case, although clients compare an issuer as text.
func hostOfURL(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.ToLower(host)
	problem, _ := nameProblem(host, maxDNSName, "")
	return problem == "" && !numericEnd().MatchString(host)
}
