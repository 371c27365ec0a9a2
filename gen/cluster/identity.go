package cluster

import (
	"net/url"
	"regexp"

	"hagen/gen/spec"
	"hagen/profiles"
)

const defaultDomain = "cluster.local"

// Bounds on names that others are made from: a common name has at most 64
// characters (RFC 5280, ub-common-name), and an authority's may end in a word
// that tells it from the cluster's other authorities.
const (
	maxCommonName    = 64
	authorityEnding  = " CA"
	longestAuthority = " front-proxy"
	maxClusterName   = maxCommonName - len(authorityEnding) - len(longestAuthority)
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
		v.name(d, maxDomain, defaultDomain)
	}
	v.c.HostsFile = true
	if d := v.spec.DNS; d.At.Written() {
		v.c.HostsFile = d.Value == "hosts"
		v.choice(d, "hosts", "external")
	}
}

// issuerText keeps out what a unit file would need to escape.
var issuerText = regexp.MustCompile(`^https://[-A-Za-z0-9._~:/\[\]!&()*+,;=@]+$`)

// issuer comes after the profile.
func (v *validation) issuer() {
	v.c.Issuer = "https://kubernetes.default.svc." + v.c.Domain
	field := v.spec.ServiceAccountIssuer
	if !field.At.Written() {
		return
	}
	v.c.Issuer = field.Value
	u, err := url.Parse(field.Value)
	switch {
	case err != nil || !issuerText.MatchString(field.Value) || u.Hostname() == "" || u.User != nil:
		v.fault(field.At, spec.Quote(field.Value)+" is not an https URL without query (OpenID Connect Discovery, section 3)",
			"write for example https://kubernetes.default.svc."+defaultDomain)
	case v.c.Profile.Name == profiles.Classic:
		v.fault(field.At, "profile classic has no such flag: its API servers name no issuer",
			"remove the line, or take profile: "+profiles.Standard)
	}
}
