package cluster

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"hagen/gen/spec"
	"hagen/profiles"
)

// Defaults of the cluster file. Those of profiles stand in their rows.
const (
	defaultDomain  = "cluster.local"
	defaultAPIPort = 6443
)

var (
	// RFC 1123 section 2.1 as Kubernetes reads it (apimachinery,
	// util/validation, IsDNS1123Subdomain).
	dnsSubdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	// A last label of digits alone makes a name an address (RFC 1123, 2.1).
	numericEnd = regexp.MustCompile(`(^|\.)[0-9]+$`)
)

// maxHostName is the kernel's limit, HOST_NAME_MAX in linux/limits.h.
const maxHostName = 64

// nameProblem says what is wrong with a DNS name, or "".
func nameProblem(name string, limit int) string {
	switch {
	case name == "":
		return "is empty"
	case !dnsSubdomain.MatchString(name):
		return fmt.Sprintf("%q is not a DNS name of lower-case letters, digits, - and .", name)
	case len(name) > limit:
		return fmt.Sprintf("has %d characters, at most %d are possible", len(name), limit)
	case slices.ContainsFunc(strings.Split(name, "."), func(label string) bool { return len(label) > 63 }):
		return "has a part between dots of more than 63 characters"
	}
	return ""
}

func (v *validation) identity() {
	v.c.Name = v.file.Metadata.Name.Value
	// 51 leaves room for the word that tells the authorities' names apart,
	// within the 64 characters of a common name (RFC 5280, ub-common-name).
	if at := v.file.Metadata.Name.At; at.Written() {
		if problem := nameProblem(v.c.Name, 48); problem != "" {
			v.fault(at, problem, "write a short name, for example kubernetes")
		}
	}
	v.c.Domain = defaultDomain
	if d := v.spec.ClusterDomain; d.At.Written() {
		v.c.Domain = d.Value
		if problem := nameProblem(d.Value, 253-len("kubernetes.default.svc.")); problem != "" {
			v.fault(d.At, problem, "write a DNS domain, for example "+defaultDomain)
		}
	}
	v.c.Issuer = "https://kubernetes.default.svc." + v.c.Domain
	if i := v.spec.ServiceAccountIssuer; i.At.Written() {
		v.c.Issuer = i.Value
		u, err := url.Parse(i.Value)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.ContainsAny(i.Value, " \"'\\%$") {
			v.fault(i.At, fmt.Sprintf("%q is not an https URL without query (OpenID Connect Discovery, section 3)", i.Value),
				"write for example https://kubernetes.default.svc."+defaultDomain)
		}
	}
	v.c.HostsFile = true
	if d := v.spec.DNS; d.At.Written() {
		v.c.HostsFile = d.Value == "hosts"
		v.choice(d, "hosts", "external")
	}
}

// choice faults a text that is none of the words.
func (v *validation) choice(s spec.String, words ...string) bool {
	if slices.Contains(words, s.Value) {
		return true
	}
	v.fault(s.At, fmt.Sprintf("%q is none of %s", s.Value, strings.Join(words, ", ")), "write one of them")
	return false
}

func names[T any](rows []T, name func(T) string) []string {
	var out []string
	for _, r := range rows {
		out = append(out, name(r))
	}
	return out
}

func (v *validation) profile() {
	p, known := profiles.FindProfile(v.spec.Profile.Value)
	if at := v.spec.Profile.At; at.Written() && (!known || v.spec.Profile.Value == "") {
		v.choice(v.spec.Profile, names(profiles.Profiles(), func(p profiles.Profile) string { return p.Name })...)
		p, _ = profiles.FindProfile("")
	}
	v.c.Profile = p
	if p.Note != "" {
		v.warn(v.spec.Profile.At, p.Note, "")
	}
}

// os finds the operating system of a field; the empty field is the fallback.
func (v *validation) os(field spec.String, fallback string) profiles.OS {
	name := fallback
	if field.At.Written() {
		name = field.Value
	}
	system, known := profiles.FindOS(name)
	if !known {
		v.choice(field, names(profiles.Systems(), func(o profiles.OS) string { return o.Name })...)
		system, _ = profiles.FindOS(v.c.Profile.OS)
	}
	if p := v.c.Profile; p.OnlyOS && system.Name != p.OS {
		v.fault(field.At, fmt.Sprintf("profile %s does not fit %s: %s", p.Name, system.Name, p.Why),
			fmt.Sprintf("write os: %s, or take profile: %s", p.OS, profiles.Standard))
	}
	return system
}

func (v *validation) versions() {
	releases := profiles.ReleasesOf(v.c.Profile.Name)
	v.c.Release = releases[0]
	v.c.Kubernetes, v.c.Etcd = releases[0].Proven, releases[0].Etcd
	if field := v.spec.KubernetesVersion; field.At.Written() {
		v.kubernetesVersion(field, releases)
	}
	if field := v.spec.EtcdVersion; field.At.Written() {
		v.etcdVersion(field)
	}
}

func (v *validation) kubernetesVersion(field spec.Text, releases []profiles.Release) {
	version, ok := profiles.ParseVersion(field.Value)
	if !ok {
		v.fault(field.At, fmt.Sprintf("%q is not an exact released version", field.Value), "write all three numbers, for example "+releases[0].Proven.String())
		return
	}
	v.c.Kubernetes = version
	i := slices.IndexFunc(releases, func(r profiles.Release) bool { return r.Minor == version.Line() })
	if i >= 0 {
		v.c.Release, v.c.Etcd = releases[i], releases[i].Etcd
		v.patch(field.At, "Kubernetes", version, releases[i].Proven)
		return
	}
	known := strings.Join(names(releases, func(r profiles.Release) string { return r.Minor }), ", ")
	problem := fmt.Sprintf("profile %s has not been tried with Kubernetes %s: it knows %s", v.c.Profile.Name, version.Line(), known)
	if v.c.Profile.Fixed {
		v.fault(field.At, problem, "write "+releases[0].Proven.String()+", or take profile: "+profiles.Standard)
		return
	}
	// The nearest row: releases are sorted newest first, so the first that is
	// not newer, else the oldest.
	v.c.Release = releases[len(releases)-1]
	if i := slices.IndexFunc(releases, func(r profiles.Release) bool { return r.Proven.Compare(version) < 0 }); i >= 0 {
		v.c.Release = releases[i]
	}
	v.c.Etcd = v.c.Release.Etcd
	if v.spec.AllowUnproven.Value {
		v.warn(field.At, problem, fmt.Sprintf("the flags of %s are used, unproven", v.c.Release.Minor))
		return
	}
	v.fault(field.At, problem, fmt.Sprintf("write %s, or add allowUnproven: true to use the flags of %s at your own risk", releases[0].Proven, v.c.Release.Minor))
}

func (v *validation) etcdVersion(field spec.Text) {
	version, ok := profiles.ParseVersion(field.Value)
	if !ok {
		v.fault(field.At, fmt.Sprintf("%q is not an exact released version", field.Value), "write all three numbers, for example "+v.c.Etcd.String())
		return
	}
	proven := v.c.Release.Etcd
	v.c.Etcd = version
	if version.Line() == proven.Line() {
		v.patch(field.At, "etcd", version, proven)
		return
	}
	problem := fmt.Sprintf("etcd %s does not belong to Kubernetes %s, which goes with etcd %s", version.Line(), v.c.Release.Minor, proven.Line())
	switch {
	case v.c.Profile.Fixed:
		v.fault(field.At, problem, "write "+proven.String())
	case v.spec.AllowUnproven.Value:
		v.warn(field.At, problem, fmt.Sprintf("the flags of %s are used, unproven", proven.Line()))
	default:
		v.fault(field.At, problem, fmt.Sprintf("write %s, or add allowUnproven: true", proven))
	}
}

// patch compares a patch release with the proven one.
func (v *validation) patch(at spec.At, what string, version, proven profiles.Version) {
	switch {
	case version == proven:
	case v.c.Profile.Fixed:
		v.fault(at, fmt.Sprintf("profile %s is %s %s and nothing else", v.c.Profile.Name, what, proven), "write "+proven.String())
	case version.Compare(proven) > 0:
		v.warn(at, fmt.Sprintf("%s %s is newer than %s, which hagen was tried with", what, version, proven), "")
	default:
		v.warn(at, fmt.Sprintf("%s %s is older than %s, which hagen was tried with", what, version, proven), "take the newer one for its fixes")
	}
}
