package order

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/profiles"
)

// etcdctl adds a step that changes etcd's membership with commands of etcdctl member.
func (s *schedule) etcdctl(host, until string, commands ...string) {
	for i := range commands {
		commands[i] = "etcdctl member " + commands[i]
	}
	s.steps = append(s.steps, Step{Action: diff.Membership, Unit: facts.EtcdUnit, Hosts: []string{host}, WaitFor: until, Commands: commands})
}

// drop removes a member from those that etcd has.
func (s *schedule) drop(name string) {
	s.etcd = slices.DeleteFunc(s.etcd, func(m facts.Member) bool { return m.Name == name })
}

// leave removes a member, then its machine.
func (s *schedule) leave(p *diff.Pair) {
	m, _ := facts.MemberOf(p.Before)
	s.drop(m.Name)
	if len(s.etcd) == 0 {
		s.beware = append(s.beware, Caution{Hosts: []string{p.Name},
			Text: "the only member of etcd leaves before another has its data: take a snapshot first (etcdctl snapshot save), and restore the other from it (hagen render --restore SNAPSHOT)"})
	}
	s.etcdctl(p.Name, untilMember, "remove "+IDOf+m.Name)
	if p.After == nil {
		s.switchOff(p)
	} else {
		s.reimage(p)
	}
}

// join adds a member, then boots its machine. Where etcd knows learners, the member is one
// until it has the data of the others: it does not count for the majority while its
// machine boots, so that the others may still lose one of them.
func (s *schedule) join(p *diff.Pair) {
	m, _ := facts.MemberOf(p.After)
	s.etcd = append(s.etcd, m)
	learns, until, add := knowsLearners(s.pairs), untilMaster, fmt.Sprintf("add %s --peer-urls=%s", m.Name, m.PeerURLs)
	if learns {
		until, add = UntilLearns, add+" --learner"
	} else if len(s.etcd) == 2 {
		s.beware = append(s.beware, Caution{Hosts: []string{p.Name},
			Text: "etcd has one other member when it joins: from member add, nothing can be written until it has started"})
	}
	s.etcdctl(p.Name, "", add)
	action := diff.Boot
	if p.Before != nil {
		action = diff.Reimage
	}
	step := Step{Action: action, Hosts: []string{p.Name}, WaitFor: until, EtcdFlags: s.joinFlags(m)}
	if len(step.EtcdFlags) > 0 {
		step.Note = "hagen render --join, before the normal render, makes a document with these flags"
	}
	s.steps = append(s.steps, step)
	if learns {
		s.etcdctl(p.Name, untilMaster, promote+IDOf+m.Name)
	}
}

// knowsLearners reports whether all members that run know learners (etcd 3.4, etcdctl member
// add --learner).
func knowsLearners(pairs []diff.Pair) bool {
	return !slices.ContainsFunc(pairs, func(p diff.Pair) bool {
		if _, is := facts.MemberOf(p.Before); !is {
			return false
		}
		v, known := profiles.ParseVersion(facts.Versions(*p.Before)[profiles.Etcd])
		return !known || v.Compare(profiles.Version{Major: 3, Minor: 4}) < 0
	})
}

// move gives etcd the new address of a member before its machine has it.
func (s *schedule) move(p *diff.Pair) {
	was, _ := facts.MemberOf(p.Before)
	m, _ := facts.MemberOf(p.After)
	s.drop(was.Name)
	s.etcd = append(s.etcd, m)
	s.etcdctl(p.Name, "", fmt.Sprintf("update %s%s --peer-urls=%s", IDOf, was.Name, m.PeerURLs))
	s.member(p, nil)
}

// renew removes a member that lost its data and adds it as a new one.
func (s *schedule) renew(p *diff.Pair) {
	was, _ := facts.MemberOf(p.Before)
	m, _ := facts.MemberOf(p.After)
	s.etcdctl(p.Name, "", "remove "+IDOf+was.Name, fmt.Sprintf("add %s --peer-urls=%s", m.Name, m.PeerURLs))
	s.member(p, s.joinFlags(m))
}

// joinFlags returns the flags with which a joining member has to start, if its document
// has others. etcd refuses a member that names other members than etcd has ("member count
// is unequal", etcdserver/api/membership).
func (s *schedule) joinFlags(m facts.Member) (flags []string) {
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

// member adds the step in which a machine's etcd starts as the member that etcd now has.
func (s *schedule) member(p *diff.Pair, flags []string) {
	if p.Does(diff.Reimage, "") {
		s.steps = append(s.steps, Step{Action: diff.Reimage, Hosts: []string{p.Name}, WaitFor: untilMaster, EtcdFlags: flags, Note: KeepData})
		return
	}
	s.done[p.Name+":"+facts.EtcdUnit] = true
	s.steps = append(s.steps, Step{Action: diff.Restart, Unit: facts.EtcdUnit, Hosts: []string{p.Name}, WaitFor: untilMember, EtcdFlags: flags})
	if restartsWithMember(*p) {
		s.restartServers([]string{p.Name})
	}
}

// restartsWithMember reports whether a machine's API server restarts when its member of etcd
// has moved: one that lists all members has to learn the new addresses before the last of
// the former ones is gone.
func restartsWithMember(p diff.Pair) bool {
	servers := func(n *node.Node) string { return facts.Flag(*n, facts.APIUnit, "--etcd-servers") }
	return p.Stays() && p.Does(diff.Restart, facts.APIUnit) && servers(p.Before) != servers(p.After)
}
