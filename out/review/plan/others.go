package plan

import (
	"slices"

	"hagen/out/review/diff"
	"hagen/out/review/facts"
)

// othersSeconds is how long members may take to answer again.
const othersSeconds = 60

// others returns the question whether the members of etcd on other machines answer, before a
// step after which etcd or an API server of a machine does not for a while: to restart a second
// one costs the quorum. The machine itself may be the one that a failed step has left down.
// Without a quorum that has certificates, there is nobody to ask.
func (p planner) others(a *answers, i int) []Command {
	s := p.plan.Steps[i]
	serves := s.Unit == facts.EtcdUnit || s.Unit == facts.APIUnit
	stops := s.Document != "" || s.Action == diff.SwitchOff || serves && slices.Contains([]diff.Action{diff.Restart, diff.Reload, diff.Stop}, s.Action)
	if !stops || !p.ended.quorumOf(p.before) && i <= p.healed() {
		return nil
	}
	if _, votes := a.now[s.Host]; votes && s.Unit != facts.APIUnit && !a.learns[s.Host] && len(a.urls()) == 2 {
		return nil // a failed step may have left this one down, and then the other has no quorum to answer with
	}
	var urls []string
	for _, m := range a.now {
		if m.host != s.Host && !a.learns[m.host] && !p.endedAfter(i-1, m.host, facts.EtcdUnit) {
			urls = append(urls, m.url)
		}
	}
	if len(urls) == 0 {
		return nil
	}
	slices.Sort(urls)
	return []Command{onWorkstation("etcdctl endpoint health").asked(MembersHealthy, "every other member answers").asking(urls).within(othersSeconds)}
}
