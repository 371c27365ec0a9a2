package plan

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/order"
	"hagen/out/review/risk"
)

// Way is how a change of the cluster file comes to machines that run.
type Way string

// The ways, from the least to the most.
const (
	NoMachine Way = "no machine"
	Files     Way = "at any time"
	InPlace   Way = "unit by unit"
	Anew      Way = "made anew"
	Members   Way = "come or go"
	Refused   Way = "refused"
	NotTaken  Way = "not taken"
)

// meaning is a row: what a way is for machines.
type meaning struct {
	way   Way
	means string
}

var ways = []meaning{
	{NoMachine, "nothing on a machine changes"},
	{Files, "files on machines change, no unit restarts"},
	{InPlace, "units restart or reload, one machine after the other; with `--reimage` machines are made anew instead"},
	{Anew, "a running machine does not take it: it is made anew with its new document, and keeps etcd's data as far as its disk is kept"},
	{Members, "machines boot, move or are switched off, one at a time, and etcd is told"},
	{Refused, "`hagen plan` refuses it, with the line of the file and what to do instead"},
	{NotTaken, "the cluster file is refused with another value"},
}

// group holds changes of fields that stand at one place of the cluster file.
type group struct {
	title, prefix string // braces hold alternatives: {masters,loadBalancers}[].
	changes       []change
}

// change is a row: a change of a field, and what machines that run make of it.
// docs/changes.md is made of the rows, and a test holds each against a plan.
type change struct {
	field   string // below the prefix; of several in braces each goes the same way
	what    string // which change, where not all of the field go the same way
	way     Way
	acts    string // what units and machines do, as act says it
	words   string // for docs/changes.md
	refused func(way) []Refusal
	beware  func(way) []order.Caution
}

// act is what the rows call an effect.
func act(e diff.Effect) string {
	unit := strings.TrimSuffix(e.Unit, ".service")
	switch e.Action {
	case diff.Nothing:
		return ""
	case diff.ByItself:
		return unit + " takes it up"
	case diff.Membership:
		return "tell etcd"
	case diff.Reimage, diff.Boot, diff.SwitchOff:
		return string(e.Action)
	}
	return string(e.Action) + " " + unit
}

// refusals are those of all rows. Beside another profile no other is worth a
// word.
func (w way) refusals() []Refusal {
	out := []Refusal{}
	for _, g := range groups {
		for _, c := range g.changes {
			if c.refused == nil || len(out) > 0 && w.before.Cluster.Profile.Name != w.after.Cluster.Profile.Name {
				continue
			}
			out = append(out, c.refused(w)...)
		}
	}
	return out
}

// cautions are those of all rows. What machines tell by themselves is told
// already: out/review/order knows it.
func (w way) cautions() (out []order.Caution) {
	for _, g := range groups {
		for _, c := range g.changes {
			if c.beware != nil {
				out = append(out, c.beware(w)...)
			}
		}
	}
	return out
}

// otherName: two files of two clusters, or a cluster that was renamed.
func otherName(w way) []Refusal {
	was, is := w.before.Cluster.Name, w.after.Cluster.Name
	if was == is {
		return nil
	}
	return []Refusal{{"metadata.name", fmt.Sprintf("the machines are those of cluster %s, not of %s", was, is),
		fmt.Sprintf("plan for two files of one cluster. To give this one another name, hand its PKI over (hagen pki rename %[1]s %[2]s), render, and see what machines make of it: hagen diff rendered/%[1]s rendered/%[2]s", was, is)}}
}

func otherProfile(w way) []Refusal {
	was, is := w.before.Cluster.Profile.Name, w.after.Cluster.Profile.Name
	if was == is {
		return nil
	}
	return []Refusal{{"profile", fmt.Sprintf("the machines are of profile %s, and no way leads from its releases to those of %s", was, is),
		"write profile: " + was + ", which a cluster keeps"}}
}

// otherArch: a machine has one architecture.
func otherArch(w way) []Refusal {
	was, is := w.before.Cluster.Binaries.Arch, w.after.Cluster.Binaries.Arch
	if was == is || w.plan.Same || w.options.Reimage {
		return nil
	}
	return []Refusal{{"binaries.arch", fmt.Sprintf("binaries for %s do not run on machines that are %s", is, was),
		fmt.Sprintf("write %s, or plan with --reimage: each machine in turn is another one then", was)}}
}

// skewed refuses versions of one field.
func skewed(field string) func(way) []Refusal {
	return func(w way) []Refusal {
		return slices.DeleteFunc(refusals(w.plan.From, w.plan.To), func(r Refusal) bool { return r.Field != field })
	}
}

// ranges refuses those of one field.
func ranges(field string) func(way) []Refusal {
	return func(w way) (out []Refusal) {
		for _, r := range rangeRisks(w.before, w.after) {
			if r.Field == field && r.Refused && !(r.Unless == risk.NodesFit && w.options.NodesFit) {
				out = append(out, Refusal{field, r.Problem, r.Remedy})
			}
		}
		return out
	}
}

// rangeRisks are those of any master: all have the same ranges.
func rangeRisks(before, after Side) []risk.Risk {
	master := func(s Side) node.Node { return machine(s, s.Cluster.Members()[0].Name) }
	return risk.OfRanges(master(before), master(after))
}

// AboutNodes says whether the way from one side to the other depends on the
// ranges that Nodes have, which Options.NodesFit is about.
func AboutNodes(before, after Side) bool {
	return slices.ContainsFunc(rangeRisks(before, after), func(r risk.Risk) bool { return r.Unless == risk.NodesFit })
}
