package compare

import (
	"slices"
	"time"

	"hagen/cmd/hagen/internal/decide"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/control"
	"hagen/out/review/diff"
	"hagen/out/review/plan"
	"hagen/pki"
)

// decidedSides are the sides of a plan with their machines.
type decidedSides struct {
	before, after plan.Side
	warnings      []pki.Warning // of certificates that a render would issue for the new cluster file
	unknown       []string      // what a side cannot know
}

// hosts lists the machines of both sides.
func (d decidedSides) hosts() (names []string) {
	for _, h := range slices.Concat(d.before.Cluster.Hosts(), d.after.Cluster.Hosts()) {
		if !slices.Contains(names, h.Name) {
			names = append(names, h.Name)
		}
	}
	return names
}

// decideSides decides the machines of cluster files.
func decideSides(now time.Time, before, after *planSide) (d decidedSides, err error) {
	d.unknown = says(d.unknown, after.unknown) // nobody fetches the former files any more
	if !before.isTree() && !after.isTree() {
		was, is := before.cluster, after.cluster
		before.cluster, after.cluster = was.KnowFrom(is), is.KnowFrom(was)
	}
	switch {
	case !before.decided && !after.decided:
		d.warnings, err = decideBoth(now, before, after)
	case !before.decided:
		_, err = decideBeside(now, before, after, false)
		d.unknown = says(d.unknown, withoutKeys(before))
	case !after.decided:
		d.warnings, err = decideBeside(now, after, before, true)
		d.unknown = says(d.unknown, withoutKeys(after))
	}
	if err != nil {
		return d, err
	}
	if d.before, err = before.planned(); err == nil {
		d.after, err = after.planned()
	}
	return d, err
}

func withoutKeys(s *planSide) string {
	return s.Name + " is a cluster file and has no keys: certificates are compared by what they are for and how long they are valid, so renewed ones do not show"
}

// planned is the side as a plan needs it.
func (s *planSide) planned() (plan.Side, error) {
	machines := s.Trees[0].Machines
	var side plan.Side
	var err error
	if s.isTree() {
		side, err = plan.OfTree(machines, s.Trees[0].Cluster)
	} else {
		side, err = plan.OfFile(s.cluster, machines.Machines, machines.Kubeconfig)
		side.Cluster.Keyed = s.decided // a fresh render has the PKI's
	}
	if err != nil {
		err = exit.Failed("%s: %w", s.Name, err)
	}
	return side, err
}

// decideBoth decides the machines of two cluster files. It makes certificates for this
// comparison only: first the old side's, then those that a render would issue
// for the new one, with its warnings.
func decideBoth(now time.Time, before, after *planSide) (warnings []pki.Warning, err error) {
	keepNames(before, after)
	set := pki.Set{}
	for _, s := range []*planSide{before, after} {
		if set, warnings, err = s.decide(now, set); err != nil {
			return nil, err
		}
	}
	return warnings, nil
}

// keepNames gives both sides the names that certificates keep. A side without a lock file
// that lists them has those of the other: the running machines have one PKI. The new side
// lacks only what its lock file says was forgotten.
func keepNames(before, after *planSide) {
	names := before.lock.Names
	if names == nil {
		names = after.lock.Names
	}
	before.cluster = before.cluster.Keep(names)
	after.cluster = after.cluster.Keep(control.CarriedNames(after.lock, control.SharedNames(before.cluster)))
}

// decideBeside decides the machines of a cluster file beside those of a tree, whose names
// and certificates they have as far as these fit. A new cluster file takes what its lock
// file does not list, too.
func decideBeside(now time.Time, s, other *planSide, isNew bool) ([]pki.Warning, error) {
	names := s.lock.Names
	if names == nil || isNew {
		names = control.CarriedNames(s.lock, control.RecordedNames(s.cluster, plan.Issued(other.Trees[0].Machines.Machines)))
	}
	s.cluster = s.cluster.Keep(names)
	s.cluster = s.cluster.KeepGroups(control.FormerGroups(s.cluster, plan.IssuedClients(other.Trees[0].Machines)))
	_, warnings, err := s.decide(now, pki.Set{})
	if err != nil {
		return nil, err
	}
	s.Trees[0].Machines = plan.TakeCredentials(s.Trees[0].Machines, other.Trees[0].Machines)
	return warnings, nil
}

// decide decides the machines with the certificates of the set, as far as they fit.
func (s *planSide) decide(now time.Time, set pki.Set) (pki.Set, []pki.Warning, error) {
	issued, machines, err := decide.Render(s.cluster, set, now)
	if err != nil {
		return nil, nil, err
	}
	made := diff.Side{Kubeconfig: decide.Kubeconfig(s.cluster, issued.Set), Rights: control.Rights(s.cluster)}
	for _, m := range machines {
		made.Machines = append(made.Machines, m.Node)
	}
	s.Trees[0].Machines = made
	return issued.Set, issued.Warnings, nil
}
