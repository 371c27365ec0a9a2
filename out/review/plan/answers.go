package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// answers follows, step by step, which members of etcd answer, and where: commands of
// etcdctl get the endpoints that answer when they are run.
type answers struct {
	after  map[string]member // of the machines' new documents, by host
	now    map[string]member // by host
	learns map[string]bool   // hosts whose member is a learner, which answers etcdctl nothing
}

// member is a member of etcd that answers.
type member struct{ host, name, url string }

// answersOf begins with the members of the former machines: all are healthy before the
// first step.
func answersOf(before, after Side) *answers {
	return &answers{after: membersOf(after.Machines), now: membersOf(before.Machines), learns: map[string]bool{}}
}

func membersOf(machines []node.Node) map[string]member {
	out := map[string]member{}
	for i := range machines {
		if m, is := facts.MemberOf(&machines[i]); is {
			out[machines[i].Name] = member{m.Host, m.Name, facts.Flag(machines[i], facts.EtcdUnit, "--advertise-client-urls")}
		}
	}
	return out
}

// through takes a step and gives its commands their endpoints: a membership command those
// that answer before and after it, since a member that leaves stops, and a check those
// that answer when the step is done.
func (a *answers) through(s *Step) {
	before := a.urls()
	a.take(*s)
	after := a.urls()
	both := slices.DeleteFunc(slices.Clone(before), func(url string) bool { return !slices.Contains(after, url) })
	if len(both) == 0 {
		both = before
	}
	for i := range s.Commands {
		s.Commands[i] = s.Commands[i].asking(both)
	}
	for i := range s.Checks {
		s.Checks[i] = s.Checks[i].asking(after)
		if s.Checks[i].Asks == MembersStarted {
			s.Checks[i] = membersStarted(a.names()).asking(after).within(s.Checks[i].Seconds)
		}
	}
}

// withoutMembers refuses steps between which no member of etcd answers: its data would be
// gone. No row of the table is about that, since what leads to it is in the order.
func withoutMembers(p planner) []Refusal {
	steps := p.plan.Order.Steps
	if p.options.Reimage {
		steps = p.plan.ReimageSteps
	}
	a := answersOf(p.before, p.after)
	for _, s := range steps {
		for _, host := range s.Hosts {
			step := Step{Action: s.Action, Host: host, Unit: s.Unit}
			for _, text := range s.Commands {
				step.Commands = append(step.Commands, Command{Text: text})
			}
			if a.take(step); len(a.urls()) == 0 {
				return []Refusal{{"masters", fmt.Sprintf("%s would be the last member of etcd, and leave before another one has its data: machines need addresses that others give up", host),
					"make two plans: one to a copy of the former file that has another master at an address which no machine has, and one from that copy to this file"}}
			}
		}
	}
	return nil
}

// take changes who answers as a step does when its checks succeed.
func (a *answers) take(s Step) {
	switch {
	case s.Action == diff.SwitchOff, s.Action == diff.Stop && s.Unit == facts.EtcdUnit:
		delete(a.now, s.Host)
	case s.Action == diff.Membership:
		does := func(verb string) bool {
			return slices.ContainsFunc(s.Commands, func(c Command) bool { return strings.Contains(c.Text, "etcdctl member "+verb+" ") })
		}
		switch {
		case does("remove"):
			delete(a.now, s.Host)
		case does("promote"):
			delete(a.learns, s.Host)
		case slices.ContainsFunc(s.Commands, func(c Command) bool { return strings.HasSuffix(c.Text, " --learner") }):
			a.learns[s.Host] = true
		}
	case s.Action == diff.Boot, s.Action == diff.Reimage, s.Unit == facts.EtcdUnit && (s.Action == diff.Restart || s.Action == diff.Start):
		if m, is := a.after[s.Host]; is {
			a.now[s.Host] = m
		} else {
			delete(a.now, s.Host)
		}
	}
}

// urls and names list the members in the order of their hosts.
func (a *answers) urls() []string {
	return slices.DeleteFunc(a.list(func(m member) string {
		if a.learns[m.host] {
			return ""
		}
		return m.url
	}), func(url string) bool { return url == "" })
}

func (a *answers) names() []string {
	return slices.Sorted(slices.Values(a.list(func(m member) string { return m.name })))
}

func (a *answers) list(of func(member) string) (out []string) {
	for _, host := range slices.Sorted(maps.Keys(a.now)) {
		out = append(out, of(a.now[host]))
	}
	return out
}
