package plan

import (
	"fmt"
	"strings"

	"hagen/gen/cluster"
	"hagen/profiles"
)

// refusals are why machines must not go from one pair of versions to another
// in one step.
func refusals(from, to Versions) (out []Refusal) {
	for _, p := range []struct {
		field, product string
		from, to       profiles.Version
	}{
		{"kubernetesVersion", profiles.Kubernetes, from.Kubernetes, to.Kubernetes},
		{"etcdVersion", profiles.Etcd, from.Etcd, to.Etcd},
	} {
		problem := profiles.Skew(p.product, p.from, p.to)
		if problem == "" {
			continue
		}
		r := Refusal{Field: p.field, Problem: problem}
		if p.to.Compare(p.from) < 0 {
			r.Remedy = fmt.Sprintf("stay with %s, or restore all of etcd from a snapshot of before the upgrade, with this file: hagen render --restore SNAPSHOT; what was written since is gone then", p.from)
		}
		out = append(out, r)
	}
	return out
}

// byRelease says whether it is the releases that are refused: those between may
// be a way.
func byRelease(r Refusal) bool { return r.Field == "kubernetesVersion" || r.Field == "etcdVersion" }

// via are the versions to plan for one after the other, so that each step may
// be gone; nil if there is no such way.
func via(c *cluster.Cluster, from, to Versions) (steps []Versions) {
	for from != to {
		next, found := nextStep(c, from, to)
		if !found || len(refusals(from, next)) > 0 {
			return nil
		}
		steps = append(steps, next)
		from = next
	}
	return steps
}

// nextStep is as far as one step leads: the newest etcd of the same line if
// that is needed first; then the next minor release of Kubernetes with its
// etcd, or where none lies between, the end.
func nextStep(c *cluster.Cluster, from, to Versions) (Versions, bool) {
	if len(refusals(from, to)) == 0 {
		return to, true
	}
	for _, r := range profiles.ReleasesOf(c.Profile.Name) {
		if r.Proven.Major != from.Kubernetes.Major || r.Proven.Minor != from.Kubernetes.Minor+1 || r.Proven.Compare(to.Kubernetes) > 0 {
			continue
		}
		next := Versions{r.Proven, r.Etcd}
		if len(refusals(from, next)) == 0 {
			return next, next != from
		}
	}
	for _, r := range profiles.ReleasesOf(c.Profile.Name) {
		next := Versions{from.Kubernetes, r.Etcd}
		if r.Etcd.Line() == from.Etcd.Line() && next.Etcd.Compare(from.Etcd) > 0 {
			return next, true
		}
	}
	return Versions{}, false
}

// way names the steps of via as a cluster file says them.
func (p Plan) way() string {
	var parts []string
	for _, v := range p.UpgradePath {
		parts = append(parts, fmt.Sprintf("%s with etcd %s", v.Kubernetes, v.Etcd))
	}
	return strings.Join(parts, ", then ")
}

// Remedies are what to do instead of what was refused, one for each refusal.
func (p Plan) Remedies() (out []string) {
	for _, r := range p.Refused {
		switch {
		case r.Remedy != "":
			out = append(out, r.Remedy)
		case len(p.UpgradePath) > 0:
			out = append(out, "plan for one after the other: "+p.way())
		default:
			out = append(out, "plan for each minor release between, one after the other")
		}
	}
	return out
}
