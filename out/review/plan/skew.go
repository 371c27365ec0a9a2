package plan

import (
	"fmt"
	"strings"

	"hagen/profiles"
)

// skew returns why a cluster must not go from one pair of versions to another in one
// step.
func skew(from, to Versions) (out []Refusal) {
	for _, p := range []struct {
		field, product string
		from, to       profiles.Version
	}{
		{"kubernetesVersion", profiles.Kubernetes, from.Kubernetes, to.Kubernetes},
		{"etcdVersion", profiles.Etcd, from.Etcd, to.Etcd},
	} {
		problem := profiles.Skew(p.product, p.from, p.to, from.Emulated)
		if problem == "" {
			continue
		}
		r := Refusal{Field: p.field, Problem: problem}
		switch {
		case p.product == profiles.Kubernetes && from.Emulated != "" && p.to.Compare(p.from) > 0:
			r.Remedy = fmt.Sprintf("first plan the same release without emulatedVersion: then it behaves like %s", p.from.Line())
		case p.to.Compare(p.from) < 0:
			r.Remedy = fmt.Sprintf("stay with %s, or restore all of etcd from a snapshot taken before the upgrade, with this file: hagen render --restore SNAPSHOT; what was written since then is lost", p.from)
		}
		out = append(out, r)
	}
	return out
}

// ofRelease reports whether a release is refused: an upgrade path may lead to it.
func ofRelease(r Refusal) bool { return r.Field == "kubernetesVersion" || r.Field == "etcdVersion" }

// upgradePath returns the versions to plan for one after the other, so that no step is
// refused; nil if there are none.
func upgradePath(c Cluster, from, to Versions) (steps []Versions) {
	for from != to {
		next, found := nextStep(c, from, to)
		if !found || len(skew(from, next)) > 0 {
			return nil
		}
		steps = append(steps, next)
		from = next
	}
	return steps
}

// nextStep returns the versions that one step can reach: the last ones if nothing is
// between; else the next minor release of Kubernetes with its etcd; else the newest etcd
// of the same minor release, which may be needed first.
func nextStep(c Cluster, from, to Versions) (Versions, bool) {
	if len(skew(from, to)) == 0 {
		return to, true
	}
	for _, r := range profiles.ReleasesOf(c.Profile) {
		if r.Proven.Major != from.Kubernetes.Major || r.Proven.Minor != from.Kubernetes.Minor+1 || r.Proven.Compare(to.Kubernetes) > 0 {
			continue
		}
		next := Versions{Kubernetes: r.Proven, Etcd: r.Etcd}
		if len(skew(from, next)) == 0 {
			return next, next != from
		}
	}
	for _, r := range profiles.ReleasesOf(c.Profile) {
		next := Versions{Kubernetes: from.Kubernetes, Etcd: r.Etcd, Emulated: from.Emulated}
		if r.Etcd.Line() == from.Etcd.Line() && next.Etcd.Compare(from.Etcd) > 0 {
			return next, true
		}
	}
	return Versions{}, false
}

// pathText lists the versions of the upgrade path as the cluster file has them.
func (p Plan) pathText() string {
	var parts []string
	for _, v := range p.UpgradePath {
		text := fmt.Sprintf("%s with etcd %s", v.Kubernetes, v.Etcd)
		if v.Emulated != "" {
			text += " and emulatedVersion: " + v.Emulated
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", then ")
}

// Remedies returns what to do instead, one for each refusal.
func (p Plan) Remedies() (out []string) {
	for _, r := range p.Refused {
		switch {
		case r.Remedy != "":
			out = append(out, r.Remedy)
		case len(p.UpgradePath) > 0:
			out = append(out, "plan one step after the other: "+p.pathText())
		default:
			out = append(out, "plan each minor release between them, one after the other")
		}
	}
	return out
}
