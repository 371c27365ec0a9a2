package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/order"
	"hagen/out/review/risk"
)

// Rollout is how a change of the cluster file reaches running machines.
type Rollout string

// Rollouts, from the least effort to the most.
const (
	NoMachine Rollout = "no machine"
	Files     Rollout = "at any time"
	InPlace   Rollout = "unit by unit"
	Reimage   Rollout = "re-image"
	Members   Rollout = "join or leave"
	Refused   Rollout = "refused"
	Fixed     Rollout = "fixed"
)

// meaning is a row: what a rollout means for machines.
type meaning struct {
	rollout Rollout
	means   string
}

var rollouts = []meaning{
	{NoMachine, "nothing on a machine changes"},
	{Files, "files on machines change, no unit restarts"},
	{InPlace, "units restart or reload, one machine after the other; with `--reimage` machines are re-imaged instead"},
	{Reimage, "a running machine cannot take it in place: it is re-imaged with its new document, and keeps etcd's data if the disk is kept"},
	{Members, "machines boot, move or are switched off, one at a time, and etcd's membership changes with them"},
	{Refused, "`hagen plan` refuses it, with the line of the file and what to do instead"},
	{Fixed, "no other value is valid"},
}

// group holds changes of fields in one place of the cluster file.
type group struct {
	title, prefix string // braces hold alternatives: {masters,loadBalancers}[].
	changes       []change
}

// change is a row: a change of a field, and what running machines do with it.
// docs/changes.md is generated from the rows, and a test compares each with a plan.
type change struct {
	field   string // below the prefix; several in braces have the same rollout
	what    string // which change, if the field has several rows
	rollout Rollout
	acts    string // what units and machines do, in the words of act
	words   string // for docs/changes.md
	refused func(planner) []Refusal
	beware  func(planner) []order.Caution
}

// act describes an effect in the words of the rows.
func act(e diff.Effect) string {
	unit := strings.TrimSuffix(e.Unit, ".service")
	switch e.Action {
	case diff.Nothing:
		return ""
	case diff.PickUp:
		return unit + " picks it up"
	case diff.Membership:
		return "change etcd membership"
	case diff.Reimage, diff.Boot, diff.SwitchOff:
		return string(e.Action)
	}
	return string(e.Action) + " " + unit
}

// otherName refuses another name: the files are of two clusters, or the cluster was
// renamed.
func otherName(p planner) []Refusal {
	was, is := p.before.Cluster.Name, p.after.Cluster.Name
	if was == is {
		return nil
	}
	return []Refusal{{"metadata.name", fmt.Sprintf("the machines belong to cluster %s, not to %s", was, is),
		fmt.Sprintf("give plan two files of one cluster. To rename the cluster, hand over its PKI (hagen pki rename %[1]s %[2]s), render, and see what changes: hagen diff rendered/%[1]s rendered/%[2]s", was, is)}}
}

// otherProfile refuses another profile.
func otherProfile(p planner) []Refusal {
	was, is := p.before.Cluster.Profile, p.after.Cluster.Profile
	if was == is {
		return nil
	}
	return []Refusal{{"profile", fmt.Sprintf("the machines have profile %s, and its releases cannot be upgraded to those of %s", was, is),
		"write profile: " + was + "; a cluster keeps its profile"}}
}

// otherArch refuses another architecture, unless machines are re-imaged.
func otherArch(p planner) []Refusal {
	was, is := p.before.Cluster.Arch, p.after.Cluster.Arch
	if was == is || was == "" || is == "" || p.plan.Same || p.options.Reimage {
		return nil
	}
	return []Refusal{{"binaries.arch", fmt.Sprintf("binaries for %s do not run on %s machines", is, was),
		fmt.Sprintf("write %s, or plan with --reimage and replace one machine after the other", was)}}
}

// onlyMember refuses another machine at the address of the only master: a member can join
// only while another one runs.
func onlyMember(p planner) []Refusal {
	was, is := p.before.Cluster.Members(), p.after.Cluster.Members()
	if len(was) != 1 || slices.ContainsFunc(is, func(h Host) bool { return h.Name == was[0].Name }) ||
		!slices.ContainsFunc(is, func(h Host) bool {
			return slices.ContainsFunc(h.Addresses, func(a netip.Addr) bool { return slices.Contains(was[0].Addresses, a) })
		}) {
		return nil
	}
	return []Refusal{{"masters[0].name", fmt.Sprintf("%s is the only member of etcd, and has the address of the new master: it would be off before another one has its data", was[0].Name),
		"keep the name, or give the new master an address of its own; to move to it with a snapshot: etcdctl snapshot save, then hagen render --restore SNAPSHOT with this file"}}
}

// skewed refuses versions of one field that are too far apart.
func skewed(field string) func(planner) []Refusal {
	return func(p planner) []Refusal {
		return slices.DeleteFunc(skew(p.plan.From, p.plan.To), func(r Refusal) bool { return r.Field != field })
	}
}

// ranges refuses ranges of one field that a running cluster does not accept.
func ranges(field string) func(planner) []Refusal {
	return func(p planner) (out []Refusal) {
		for _, r := range rangeRisks(p.before, p.after) {
			if r.Field == field && r.Refused && !(r.Unless == risk.NodesFit && p.options.NodesFit) {
				out = append(out, Refusal{field, r.Problem, r.Remedy})
			}
		}
		return out
	}
}

// issuers refuses issuers of service-account tokens that differ in one field, if API
// servers would refuse tokens that are in use.
func issuers(field string) func(planner) []Refusal {
	return func(p planner) (out []Refusal) {
		for _, r := range risk.OfIssuers(firstMaster(p.before), firstMaster(p.after)) {
			if r.Field == field && r.Refused {
				out = append(out, Refusal{field, r.Problem, r.Remedy})
			}
		}
		return out
	}
}

// rangeRisks compares the first masters: all masters have the same ranges.
func rangeRisks(before, after Side) []risk.Risk {
	return risk.OfRanges(firstMaster(before), firstMaster(after))
}

func firstMaster(s Side) node.Node { return s.machine(s.Cluster.Members()[0].Name) }

// AboutNodes reports whether the plan depends on the pod ranges of Nodes, which
// Options.NodesFit is about.
func AboutNodes(before, after Side) bool {
	return slices.ContainsFunc(rangeRisks(before, after), func(r risk.Risk) bool { return r.Unless == risk.NodesFit })
}
