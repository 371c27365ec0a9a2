package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
)

// absent are machines that are off and take no part in a plan: there is no step for them, and no
// check dials or counts them. A master has left etcd before the first step: one that etcd still lists
// counts towards the majority, and checks ask all that etcd lists.
type absent struct {
	before, after []Host      // as the two sides have them
	alone         []diff.Pair // what changes on them, if nothing else does
}

// leaveOut takes machines away from both sides, or refuses that.
func leaveOut(before, after Side, options Options) (was, is Side, away absent, refused []Refusal) {
	if len(options.Without) == 0 {
		return before, after, away, nil
	}
	was, is = before.without(options.Without), after.without(options.Without)
	away = absent{before: before.Cluster.gone(was.Cluster), after: after.Cluster.gone(is.Cluster)}
	if diff.Of(diff.Shown(was.Side, is.Side)).Same {
		away.alone = diff.Of(diff.Shown(before.Side, after.Side)).Pairs
	}
	if refused = append(away.tooMany(before, was, is), away.aboutThem(before, after)...); len(refused) > 0 {
		return before, after, away, refused
	}
	return was, is, away, nil
}

// without is a side that has some machines no more.
func (s Side) without(names []string) Side {
	s.Machines = slices.DeleteFunc(slices.Clone(s.Machines), func(n node.Node) bool { return slices.Contains(names, n.Name) })
	s.Cluster.hosts = slices.DeleteFunc(slices.Clone(s.Cluster.hosts), func(h Host) bool { return slices.Contains(names, h.Name) })
	return s
}

// gone lists the hosts that another state of the cluster lacks.
func (c Cluster) gone(other Cluster) []Host {
	return slices.DeleteFunc(slices.Clone(c.hosts), func(h Host) bool {
		return slices.ContainsFunc(other.hosts, func(o Host) bool { return o.Name == h.Name })
	})
}

func namesOf(hosts []Host) (names []string) {
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	return names
}

// members and balancers are those of the former machines that run etcd, and those that do nothing
// but lead clients to the masters.
func (a absent) members() []Host { return Cluster{hosts: a.before}.Members() }

func (a absent) balancers() []Host { return balancersOf(a.before) }

func balancersOf(hosts []Host) []Host {
	return slices.DeleteFunc(slices.Clone(hosts), func(h Host) bool { return !h.balances || h.APIPort != 0 })
}

// tooMany refuses to be without machines when those that stay cannot serve.
func (a absent) tooMany(before, was, is Side) []Refusal {
	all, stay := len(before.Cluster.Members()), len(was.Cluster.Members())
	switch {
	case stay <= all/2:
		return []Refusal{{"masters", fmt.Sprintf("without %s, %d of %d masters stay: no majority of etcd's members, so that nobody can read or write, and no step can be checked", strings.Join(namesOf(a.members()), ", "), stay, all),
			"bring masters back until a majority runs; if their data is lost, restore all of etcd: hagen render --restore SNAPSHOT"}}
	case len(is.Cluster.Members()) == 0:
		return []Refusal{{"masters", "all masters of the new state are left out", "leave out only machines that are off"}}
	case len(balancersOf(before.Cluster.hosts)) > 0 && len(balancersOf(was.Cluster.hosts)) == 0,
		len(balancersOf(a.after)) > 0 && len(balancersOf(is.Cluster.hosts)) == 0:
		return []Refusal{{"loadBalancers", fmt.Sprintf("without %s, no load balancer stays, and clients reach no API server", strings.Join(namesOf(slices.Concat(a.balancers(), a.new())), ", ")),
			"boot it, or another machine in its place, with the document that it has in the tree: a load balancer has no data"}}
	}
	return nil
}

// new are those that only the new side has.
func (a absent) new() []Host {
	return slices.DeleteFunc(slices.Clone(a.after), func(h Host) bool { return slices.Contains(namesOf(a.before), h.Name) })
}

// aboutThem refuses a change whose point is an absent machine.
func (a absent) aboutThem(before, after Side) (out []Refusal) {
	for _, h := range a.new() {
		out = append(out, Refusal{h.field + ".name", h.Name + " joins with this change, and is left out of it", "leave it out of the cluster file until it can join, or do not leave it out of the plan"})
	}
	for _, h := range a.after {
		if old := before.host(h.Name); old.Name != "" && (old.EtcdURL != h.EtcdURL || !slices.Equal(old.Addresses, h.Addresses)) {
			out = append(out, Refusal{h.field + ".addresses", h.Name + " gets another address with this change, and is left out of it",
				"leave its address as it is until it is back" + a.back(h)})
		}
	}
	for _, pair := range a.alone {
		if h := after.host(pair.Name); len(out) == 0 && pair.Does(diff.Reimage, "") {
			out = append(out, Refusal{h.field + ".name", "only " + h.Name + " changes, which would be re-imaged, and is left out", "it gets the change by its new document" + a.back(h)})
		}
	}
	return out
}

// membership refuses that others join, leave or move while an absent master has left etcd: etcd has
// fewer members to spare then, and documents with which masters join name all former ones.
func (a absent) membership(p planner) []Refusal {
	members := namesOf(a.members())
	i := slices.IndexFunc(p.plan.Order.Steps, func(s order.Step) bool { return s.Action == diff.Membership })
	if i < 0 || len(members) == 0 {
		return nil
	}
	h := p.host(p.plan.Order.Steps[i].Hosts[0])
	return []Refusal{{h.field + ".name", fmt.Sprintf("etcd's members change (%s) while %s is off, and out of etcd", h.Name, strings.Join(members, ", ")),
		fmt.Sprintf("first replace what is off; if another machine takes its place, with this cluster file: hagen render --replace %s. If it is gone for good, make a plan that only takes it out of the cluster file", members[0])}}
}

// unchanged says that what changes is on absent machines alone.
func (a absent) unchanged() []string {
	var names []string
	for _, pair := range a.alone {
		if len(pair.Changes) > 0 {
			names = append(names, pair.Name)
		}
	}
	if len(names) == 0 {
		return []string{}
	}
	return []string{"only what is left out changes (" + strings.Join(names, ", ") + "), which it gets by its next document"}
}

// back says how a machine comes back.
func (a absent) back(h Host) string {
	if h.EtcdURL == "" {
		return ""
	}
	return ": hagen render --replace " + h.Name
}

// left asks whether the absent masters have left etcd. It prints what removes those that have not.
func (p planner) left() []Check {
	var tests []string
	names := namesOf(p.away.members())
	for _, h := range p.away.before {
		n := p.whole.machine(h.Name)
		m, is := facts.MemberOf(&n)
		if !is {
			continue
		}
		tests = append(tests, fmt.Sprintf(`$3 == "%s"`, m.Name))
		for url := range strings.SplitSeq(m.PeerURLs, ",") { // one that was added, and has not started, has no name
			tests = append(tests, fmt.Sprintf(`index("," $4 ",", ",%s,")`, url))
		}
	}
	if len(tests) == 0 {
		return nil
	}
	c := onWorkstation(fmt.Sprintf(`list=$(etcdctl member list) && echo "$list" | awk -F', ' '%s { print ($3 ? $3 : $4) " is still a member: etcdctl member remove " $1; n++ } END { exit n != 0 }'`,
		strings.Join(tests, " || "))).asked(MembersLeft, "etcd does not list "+strings.Join(names, ", "))
	return []Check{{c, fmt.Sprintf("%s, which is off, has to be out of etcd: a member that etcd lists counts towards the majority, and the other checks ask all of them. If it is listed, this prints the command that removes it", strings.Join(names, ", "))}}
}

// cautions says what the absent machines are without, and what that means for the others.
func (a absent) cautions(p planner) (out []order.Caution) {
	for _, h := range a.before {
		text := "is off: no step is for it, and no check asks it. "
		switch {
		case !slices.Contains(namesOf(a.after), h.Name):
			text += "It leaves with this change: it must not come back"
		case h.EtcdURL != "":
			text += "It lacks what the others get, and must not come back with the document that it has: when all is delivered, hagen render --replace " + h.Name + " makes one with which it joins again"
		default:
			text += "It lacks what the others get, and must not come back with the document that it has: when all is delivered, boot it with the one in " + path.Join(p.documents(), h.Name)
		}
		if h.EtcdURL != "" && len(p.before.Cluster.Members()) == 2 {
			text += ". Until another master joins, etcd needs both of those that stay: while one of them is down, API servers serve nobody"
		}
		out = append(out, order.Caution{Hosts: []string{h.Name}, Text: text})
	}
	return out
}

// gaps says in the place of a general caution how long nobody can write.
func (a absent) gaps(cautions []order.Caution) []order.Caution {
	if len(a.members()) == 0 {
		return cautions
	}
	cautions = slices.Clone(cautions)
	for i, c := range cautions {
		if c.Text == order.OnlyTwoMembers {
			cautions[i].Text = fmt.Sprintf("etcd has only two members without %s, and needs both: nobody can write from when one restarts until it answers again, some seconds each time, and for minutes while one is re-imaged. If one loses its /var/lib/etcd, only a snapshot helps", strings.Join(namesOf(a.members()), ", "))
		}
	}
	return cautions
}

// dialOthers lets kubectl dial a load balancer that stays, where the name of the endpoint leads to
// absent ones, too. The checks are those of one time, whose side is given.
func (p planner) dialOthers(s Side, checks []Check) {
	if !slices.ContainsFunc(p.away.before, func(h Host) bool { return h.balances && len(h.VirtualIPs) == 0 }) {
		return
	}
	i := slices.IndexFunc(s.Cluster.hosts, func(h Host) bool { return h.balances && h.Front().IsValid() })
	if i < 0 || s.Cluster.Endpoint.Port == 0 {
		return
	}
	dials := kubectl(s.Cluster.hosts[i].Front(), s.Cluster.Endpoint.Port, p.endpointName()) + " "
	for n, c := range checks {
		if c.Host == "" && !strings.Contains(c.Text, " --server=") {
			checks[n].Text = strings.ReplaceAll(c.Text, "kubectl ", dials)
		}
	}
}
