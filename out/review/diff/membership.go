package diff

import (
	"fmt"
	"slices"
	"strings"

	"hagen/out/review/facts"
)

// IDOf stands before the name of a member in a command that wants its number,
// which only etcd knows.
const IDOf = "ID-OF-"

// flagCluster begins the flag with the members that one is to find.
const flagCluster = "--initial-cluster="

// tell adds a step in which etcd is told of a member, in the words of etcdctl.
func (o *ordering) tell(host, until string, commands ...string) {
	for i := range commands {
		commands[i] = "etcdctl member " + commands[i]
	}
	o.steps = append(o.steps, Step{Action: Membership, Unit: facts.EtcdUnit, Hosts: []string{host}, Until: until, Commands: commands})
}

func (o *ordering) forget(name string) {
	o.etcd = slices.DeleteFunc(o.etcd, func(m facts.Member) bool { return m.Name == name })
}

func (o *ordering) leave(t turn) {
	m, _ := facts.MemberOf(t.machine.before)
	o.forget(m.Name)
	if len(o.etcd) == 0 {
		o.beware = append(o.beware, Caution{Hosts: []string{t.machine.name},
			Text: "the only member of etcd goes before another has its data: take a snapshot first (etcdctl snapshot save), and give the other its data from it (hagen render --restore SNAPSHOT)"})
	}
	o.tell(t.machine.name, untilMember, "remove "+IDOf+m.Name)
	if t.machine.after == nil {
		o.machine(t, SwitchOff)
	} else {
		o.machine(t, Reimage)
	}
}

func (o *ordering) join(t turn) {
	m, _ := facts.MemberOf(t.machine.after)
	o.etcd = append(o.etcd, m)
	o.tell(t.machine.name, "", fmt.Sprintf("add %s --peer-urls=%s", m.Name, m.PeerURLs))
	action := Boot
	if t.machine.before != nil {
		action = Reimage
	}
	step := Step{Action: action, Hosts: []string{t.machine.name}, Until: untilMaster, Flags: o.started(m)}
	if len(step.Flags) > 0 {
		step.Note = "hagen render --join, before the normal render, makes a document that says so"
	}
	o.steps = append(o.steps, step)
}

// move tells etcd of another address before the member has it.
func (o *ordering) move(t turn) {
	was, _ := facts.MemberOf(t.machine.before)
	m, _ := facts.MemberOf(t.machine.after)
	o.forget(was.Name)
	o.etcd = append(o.etcd, m)
	o.tell(t.machine.name, "", fmt.Sprintf("update %s%s --peer-urls=%s", IDOf, was.Name, m.PeerURLs))
	o.member(t, nil)
}

// renew has etcd take a member without data for another one.
func (o *ordering) renew(t turn) {
	was, _ := facts.MemberOf(t.machine.before)
	m, _ := facts.MemberOf(t.machine.after)
	o.tell(t.machine.name, "", "remove "+IDOf+was.Name, fmt.Sprintf("add %s --peer-urls=%s", m.Name, m.PeerURLs))
	o.member(t, o.started(m))
}

// started lists the flags that a member which joins has to be started with,
// where its document says something else. A member that names others than etcd has is
// refused ("member count is unequal", etcdserver/api/membership).
func (o *ordering) started(m facts.Member) (flags []string) {
	var now []string
	for _, e := range o.etcd {
		for url := range strings.SplitSeq(e.PeerURLs, ",") {
			now = append(now, e.Name+"="+url)
		}
	}
	named := strings.Split(m.Cluster, ",")
	slices.Sort(now)
	slices.Sort(named)
	if m.State != "existing" {
		flags = append(flags, "--initial-cluster-state=existing")
	}
	if !slices.Equal(now, named) {
		flags = append(flags, flagCluster+strings.Join(now, ","))
	}
	return flags
}

// Joining lists the masters that steps have join members which are there, with
// documents that say something else, in their order, and what each has to have
// as --initial-cluster; "" is what its document says.
func Joining(steps []Step) (hosts []string, lists map[string]string) {
	lists = map[string]string{}
	for _, s := range steps {
		if len(s.Flags) == 0 {
			continue
		}
		host := s.Hosts[0]
		hosts, lists[host] = append(hosts, host), ""
		for _, f := range s.Flags {
			if list, is := strings.CutPrefix(f, flagCluster); is {
				lists[host] = list
			}
		}
	}
	return hosts, lists
}

// member gives the etcd of one machine its turn.
func (o *ordering) member(t turn, flags []string) {
	if t.machine.does(Reimage, "") {
		o.steps = append(o.steps, Step{Action: Reimage, Hosts: []string{t.machine.name}, Until: untilMaster, Flags: flags, Note: KeepData})
		return
	}
	o.done[t.machine.name] = true
	o.steps = append(o.steps, Step{Action: Restart, Unit: facts.EtcdUnit, Hosts: []string{t.machine.name}, Until: untilMember, Flags: flags})
}
