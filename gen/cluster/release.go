package cluster

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/spec"
	"hagen/profiles"
)

func (v *validation) profile() {
	p, known := profiles.FindProfile(v.spec.Profile.Value)
	if at := v.spec.Profile.At; at.Written() && (!known || v.spec.Profile.Value == "") {
		v.choice(v.spec.Profile, names(profiles.Profiles(), func(p profiles.Profile) string { return p.Name })...)
		p, _ = profiles.FindProfile("")
	}
	v.c.Profile = p
	if p.Note != "" {
		v.note(v.spec.Profile.At, p.Note, "")
	}
}

// os finds the operating system of a field; the fallback if it is not written.
func (v *validation) os(field spec.Text, fallback string) profiles.OS {
	name := fallback
	if field.At.Written() {
		name = field.Value
	}
	system, known := profiles.FindOS(name)
	original, isClone := profiles.FindClone(name)
	switch {
	case isClone:
		v.fault(field.At, fmt.Sprintf("%s is called %s in hagen", spec.Quote(name), original.Name), "write "+original.Name)
		return original
	case !known:
		v.choice(field, names(profiles.Systems(), func(o profiles.OS) string { return o.Name })...)
		system, _ = profiles.FindOS(v.c.Profile.OS)
	}
	if p := v.c.Profile; p.OnlyOS && system.Name != p.OS {
		v.fault(field.At, fmt.Sprintf("profile %s does not fit %s: %s", p.Name, system.Name, p.Why),
			fmt.Sprintf("write os: %s, or use profile: %s", p.OS, profiles.Standard))
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
	if field := v.spec.EmulatedVersion; field.At.Written() {
		v.emulatedVersion(field)
	}
}

// version reads an exact version.
func (v *validation) version(field spec.Text, example profiles.Version) (profiles.Version, bool) {
	version, ok := profiles.ParseVersion(field.Value)
	if !ok {
		v.fault(field.At, spec.Quote(field.Value)+" is not an exact released version", "write three numbers and nothing else, for example "+example.String())
	}
	return version, ok
}

func (v *validation) kubernetesVersion(field spec.Text, releases []profiles.Release) {
	version, ok := v.version(field, releases[0].Proven)
	if !ok {
		return
	}
	v.c.Kubernetes = version
	sameMinor := func(r profiles.Release) bool { return r.Minor == version.Line() }
	if i := slices.IndexFunc(releases, sameMinor); i >= 0 {
		v.c.Release, v.c.Etcd = releases[i], releases[i].Etcd
		v.patch(field.At, "Kubernetes", version, releases[i].Proven)
		return
	}
	known := strings.Join(names(releases, func(r profiles.Release) string { return r.Minor }), ", ")
	problem := fmt.Sprintf("profile %s has not been tested with Kubernetes %s, only with %s", v.c.Profile.Name, version.Line(), known)
	all := profiles.Releases()
	if i := slices.IndexFunc(all, sameMinor); i >= 0 {
		v.fault(field.At, problem, fmt.Sprintf("write %s, or use profile: %s", releases[0].Proven, all[i].Profile))
		return
	}
	if v.c.Profile.Fixed {
		v.fault(field.At, problem, fmt.Sprintf("write %s, or use profile: %s", releases[0].Proven, profiles.Standard))
		return
	}
	v.c.Release = nearestRelease(releases, version)
	v.c.Etcd = v.c.Release.Etcd
	if v.spec.AllowUnproven.Value {
		v.note(field.At, problem, fmt.Sprintf("the flags of %s are used, unproven", v.c.Release.Minor))
		return
	}
	v.fault(field.At, problem, fmt.Sprintf("write %s, or add allowUnproven: true to use the flags of %s at your own risk", releases[0].Proven, v.c.Release.Minor))
}

// nearestRelease returns the newest release that is not newer than the version, else
// the oldest. Releases are sorted newest first.
func nearestRelease(releases []profiles.Release, version profiles.Version) profiles.Release {
	for _, r := range releases {
		if r.Proven.Compare(version) < 0 {
			return r
		}
	}
	return releases[len(releases)-1]
}

func (v *validation) etcdVersion(field spec.Text) {
	version, ok := v.version(field, v.c.Etcd)
	if !ok {
		return
	}
	proven := v.c.Release.Etcd
	v.c.Etcd = version
	if version.Line() == proven.Line() {
		v.patch(field.At, "etcd", version, proven)
		return
	}
	problem := fmt.Sprintf("etcd %s does not belong with Kubernetes %s, which uses etcd %s", version.Line(), v.c.Release.Minor, proven.Line())
	switch {
	case v.c.Profile.Fixed:
		v.fault(field.At, problem, "write "+proven.String())
	case v.spec.AllowUnproven.Value:
		v.note(field.At, problem, fmt.Sprintf("the flags of %s are used, unproven", proven.Line()))
	default:
		v.fault(field.At, problem, fmt.Sprintf("write %s, or add allowUnproven: true", proven))
	}
}

// emulatedVersion takes the minor release before that of Kubernetes: API servers go one
// minor release at a time, and hagen knows the flags of those in its table.
func (v *validation) emulatedVersion(field spec.Text) {
	if v.c.Profile.Fixed {
		v.fault(field.At, fmt.Sprintf("profile %s does not have it: Kubernetes %s emulates no other release", v.c.Profile.Name, v.c.Release.Minor), "remove the line")
		return
	}
	value, line := strings.TrimPrefix(field.Value, "v"), v.c.Kubernetes.Line()
	before := profiles.Version{Major: v.c.Kubernetes.Major, Minor: v.c.Kubernetes.Minor - 1}.Line()
	known := slices.ContainsFunc(profiles.ReleasesOf(v.c.Profile.Name), func(r profiles.Release) bool { return r.Minor == before })
	switch {
	case value == line:
		v.fault(field.At, "Kubernetes "+line+" behaves like "+line+" by itself", "remove the line")
	case !known && !v.spec.AllowUnproven.Value:
		v.fault(field.At, fmt.Sprintf("hagen has not been tested with Kubernetes %s, to which the way back from %s leads", before, line), "remove the line, or add allowUnproven: true")
	case value != before:
		v.fault(field.At, fmt.Sprintf("%s is not the minor release before Kubernetes %s", spec.Quote(field.Value), line),
			fmt.Sprintf("write %s, from which you upgrade, or remove the line", before))
	default:
		v.c.Emulated = before
	}
}

// patch compares a patch release with the proven one.
func (v *validation) patch(at spec.At, what string, version, proven profiles.Version) {
	switch {
	case version == proven:
	case v.c.Profile.Fixed:
		v.fault(at, fmt.Sprintf("profile %s supports only %s %s", v.c.Profile.Name, what, proven), "write "+proven.String())
	case version.Compare(proven) > 0:
		v.note(at, fmt.Sprintf("%s %s is newer than %s, with which hagen was tested", what, version, proven), "")
	default:
		v.warn(at, fmt.Sprintf("%s %s is older than %s, with which hagen was tested", what, version, proven), "use the newer one for its fixes")
	}
}
