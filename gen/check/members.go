package check

import (
	"slices"
	"strings"

	"hagen/gen/read"
)

// memberRules are about etcd's members.
var memberRules = []check{
	{across: (*set).uniqueNames, rules: []rule{
		{ruleDuplicateName, Error, "machines and etcd members are identified by name",
			"give each machine its own name"},
	}},
	{across: (*set).members, rules: []rule{
		{ruleEtcdMembers, Error, "etcd forms no cluster, or two",
			"write on every master the same --initial-cluster with exactly the masters, and the same token"},
	}},
	{across: (*set).beginning, notes: (*set).joins},
}

func (s *set) uniqueNames() {
	seen := map[string]bool{}
	for _, m := range s.machines {
		if seen[m.Name] {
			m.find(ruleDuplicateName, read.Whole("/etc/hostname"), "two machines have this name")
		}
		seen[m.Name] = true
	}
}

// members checks that all etcd members have the same member list and token,
// that the list holds exactly them, and that each is in it with its own name
// and URL.
func (s *set) members() {
	all := s.running(etcd)
	for _, name := range []string{"initial-cluster", "initial-cluster-token", "heartbeat-interval", "election-timeout"} {
		common, _ := common(all, func(m *machine) string { return m.process(etcd).Value(name) })
		for _, m := range all {
			if p := m.process(etcd); p.Value(name) != common {
				m.find(ruleEtcdMembers, p.Where(name), "--%s differs from the other members'", own(name))
			}
		}
	}
	for _, m := range all {
		p := m.process(etcd)
		entry := p.Value("name") + "=" + p.Value("initial-advertise-peer-urls")
		listed := strings.Split(p.Value("initial-cluster"), ",")
		if p.Value("initial-cluster") == "" {
			continue // discovery, or a member that joins a running cluster
		}
		if !slices.Contains(listed, entry) {
			m.find(ruleEtcdMembers, p.Where("initial-cluster"), "--initial-cluster does not contain this member's own %s", entry)
		}
		if len(listed) != len(all) {
			m.find(ruleEtcdMembers, p.Where("initial-cluster"), "--initial-cluster has %d members, but %d machines run etcd", len(listed), len(all))
		}
		for i, other := range listed {
			if slices.Contains(listed[:i], other) {
				m.find(ruleEtcdMembers, p.Where("initial-cluster"), "--initial-cluster names a member twice: %s", other)
			}
		}
	}
}

// joining returns the members that join a running cluster. meant is true if it
// is one of several, as when a machine is replaced.
func (s *set) joining() (joins []*machine, meant bool) {
	all := s.running(etcd)
	for _, m := range all {
		if m.process(etcd).Value("initial-cluster-state") == "existing" {
			joins = append(joins, m)
		}
	}
	return joins, len(joins) == 1 && len(all) > 1
}

// beginning checks that a member starts the cluster.
func (s *set) beginning() {
	joins, meant := s.joining()
	for _, m := range joins {
		if !meant {
			m.find(ruleEtcdMembers, m.process(etcd).Where("initial-cluster-state"), "--initial-cluster-state is existing on %d of %d members: they wait for a cluster that no member starts", len(joins), len(s.running(etcd))).
				Remedy = "write new; existing is for one machine at a time that replaces another"
		}
	}
}

func (s *set) joins() []string {
	if joins, meant := s.joining(); meant {
		return []string{joins[0].Name + " joins an existing etcd cluster (--initial-cluster-state=existing), as a replacement does"}
	}
	return nil
}
