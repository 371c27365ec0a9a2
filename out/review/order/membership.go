package order

import (
	"fmt"
	"slices"
	"strings"

	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// tell adds a step in which etcd is told of a member, in the words of etcdctl.
func (s *schedule) tell(host, until string, commands ...string) {
	for i := range commands {
		commands[i] = "etcdctl member " + commands[i]
	}
	s.steps = append(s.steps, Step{Action: diff.Membership, Unit: facts.EtcdUnit, Hosts: []string{host}, WaitFor: until, Commands: commands})
}

func (s *schedule) forget(name string) {
	s.etcd = slices.DeleteFunc(s.etcd, func(m facts.Member) bool { return m.Name == name })
}

func (s *schedule) leave(p *diff.Pair) {
	m, _ := facts.MemberOf(p.Before)
	s.forget(m.Name)
	if len(s.etcd) == 0 {
		s.beware = append(s.beware, Caution{Hosts: []string{p.Name},
			Text: "the only member of etcd goes before another has its data: take a snapshot first (etcdctl snapshot save), and give the other its data from it (hagen render --restore SNAPSHOT)"})
	}
	s.tell(p.Name, untilMember, "remove "+IDOf+m.Name)
	if p.After == nil {
		s.switchOff(p)
	} else {
		s.reimage(p)
	}
}

func (s *schedule) join(p *diff.Pair) {
	m, _ := facts.MemberOf(p.After)
	s.etcd = append(s.etcd, m)
	s.tell(p.Name, "", fmt.Sprintf("add %s --peer-urls=%s", m.Name, m.PeerURLs))
	action := diff.Boot
	if p.Before != nil {
		action = diff.Reimage
	}
	step := Step{Action: action, Hosts: []string{p.Name}, WaitFor: untilMaster, EtcdFlags: s.started(m)}
	if len(step.EtcdFlags) > 0 {
		step.Note = "hagen render --join, before the normal render, makes a document that says so"
	}
	s.steps = append(s.steps, step)
}

// move tells etcd of another address before the member has it.
func (s *schedule) move(p *diff.Pair) {
	was, _ := facts.MemberOf(p.Before)
	m, _ := facts.MemberOf(p.After)
	s.forget(was.Name)
	s.etcd = append(s.etcd, m)
	s.tell(p.Name, "", fmt.Sprintf("update %s%s --peer-urls=%s", IDOf, was.Name, m.PeerURLs))
	s.member(p, nil)
}

// renew has etcd take a member without data for another one.
func (s *schedule) renew(p *diff.Pair) {
	was, _ := facts.MemberOf(p.Before)
	m, _ := facts.MemberOf(p.After)
	s.tell(p.Name, "", "remove "+IDOf+was.Name, fmt.Sprintf("add %s --peer-urls=%s", m.Name, m.PeerURLs))
	s.member(p, s.started(m))
}

// started lists the flags that a member which joins has to be started with,
// where its document says something else. A member that names others than etcd
// has is refused ("member count is unequal", etcdserver/api/membership).
func (s *schedule) started(m facts.Member) (flags []string) {
	var now []string
	for _, e := range s.etcd {
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

// member adds the step in which the etcd of one machine has what etcd was told.
func (s *schedule) member(p *diff.Pair, flags []string) {
	if p.Does(diff.Reimage, "") {
		s.steps = append(s.steps, Step{Action: diff.Reimage, Hosts: []string{p.Name}, WaitFor: untilMaster, EtcdFlags: flags, Note: KeepData})
		return
	}
	s.done[p.Name] = true
	s.steps = append(s.steps, Step{Action: diff.Restart, Unit: facts.EtcdUnit, Hosts: []string{p.Name}, WaitFor: untilMember, EtcdFlags: flags})
}
