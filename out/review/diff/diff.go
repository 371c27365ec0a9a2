// Package diff compares the machines of two rendered trees: what changes in
// their files and units, and what that does to a running machine. It compares
// what may be shown of them (Shown).
package diff

import "slices"

// Diff is what changes from one tree to another. The JSON fields of its types
// are an interface: fields may be added, never renamed.
type Diff struct {
	Same            bool      `json:"same"`
	Machines        int       `json:"machines"`        // on either side
	ChangedMachines int       `json:"changedMachines"` // of them
	Changes         []Change  `json:"changes"`
	Effects         []Effects `json:"effects"`
	Pairs           []Pair    `json:"-"` // by machine
}

// Files of a tree that are on no machine: the administrator's kubeconfig, and the manifest
// of rights.
const (
	kubeconfigName = "admin.kubeconfig"
	rightsName     = "rbac.yaml"
)

// Of compares two trees, of which all that it is given may be shown.
func Of(before, after Side) Diff {
	before, after = before.AsUnits(), after.AsUnits()
	d := Diff{Pairs: pair(before.Machines, after.Machines)}
	var hosts []string
	var all []Change
	for i := range d.Pairs {
		p := &d.Pairs[i]
		hosts = append(hosts, p.Name)
		machine(p, before.Systems[p.Name], after.Systems[p.Name])
		if len(p.Changes) > 0 {
			d.ChangedMachines++
		}
		all = append(all, p.Changes...)
	}
	if before.Kubeconfig != nil && after.Kubeconfig != nil {
		all = append(all, ofNoMachine(KindKubeconfig, kubeconfigName, before.Kubeconfig, after.Kubeconfig, "it is on no machine: hand it to its users")...)
		// A tree without a kubeconfig is not a cluster's whole.
		all = append(all, ofNoMachine(KindRights, rightsName, before.Rights, after.Rights, "it is on no machine: kubectl apply -f gives the cluster's certificates these rights")...)
	}
	d.Machines = len(d.Pairs)
	d.Changes = fold(hosts, all)
	d.Same = len(d.Changes) == 0
	d.Effects = effectsOf(d.Pairs)
	return d
}

// ofNoMachine compares a file that is on no machine. Trees of earlier releases, and those of
// another profile, may lack it.
func ofNoMachine(kind, name string, before, after []byte, why string) []Change {
	change, differs := contents(string(before), string(after))
	if after == nil || !differs {
		return nil
	}
	change.Hosts, change.Kind, change.Name, change.How = []string{}, kind, name, Changed
	if before == nil {
		change.How, change.Details, change.Hunks = Added, []Detail{}, []Hunk{}
	}
	change.Effects = []Effect{{Action: Nothing, Why: why}}
	return []Change{change}
}

// effectsOf groups machines with the same effects.
func effectsOf(pairs []Pair) []Effects {
	out := []Effects{}
	for _, p := range pairs {
		if len(p.Changes) == 0 {
			continue
		}
		i := slices.IndexFunc(out, func(e Effects) bool { return slices.EqualFunc(e.Effects, p.Effects, sameEffect) })
		if i < 0 {
			i = len(out)
			out = append(out, Effects{Effects: p.Effects})
		}
		out[i].Hosts = append(out[i].Hosts, p.Name)
	}
	return out
}
