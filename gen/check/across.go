package check

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/read"
)

// memberRules are about etcd and what all say alike.
var memberRules = []check{
	{across: (*set).uniqueNames, rules: []rule{
		{ruleNames, Error, "members are told apart by their names",
			"give each machine a name of its own"},
	}},
	{across: (*set).members, rules: []rule{
		{ruleMembers, Error, "etcd forms no cluster, or two",
			"write on every master the same --initial-cluster with exactly the masters, and the same token"},
	}},
	{across: (*set).agreement, rules: []rule{
		{ruleAgreement, Error, "what one daemon does with this value, another undoes or does not understand",
			"write the same value everywhere"},
	}},
	{across: (*set).serviceAccounts},
	{across: (*set).ranges, rules: []rule{
		{ruleRanges, Error, "an address would mean two things",
			"choose ranges that lie apart, and outside of the machines' network"},
		{ruleFamilies, Error, "the API server refuses to start, or services lead to no pod",
			"write one range of each family, and the machine's address of the first one's"},
	}},
}

func (s *set) uniqueNames() {
	seen := map[string]bool{}
	for _, m := range s.machines {
		if seen[m.Name] {
			m.find(ruleNames, read.Whole("/etc/hostname"), "two machines have this name")
		}
		seen[m.Name] = true
	}
}

// members: all etcd members have the same member list and token, it is exactly
// they, and each is in it under its own name and URL.
func (s *set) members() {
	var all []*read.Process
	holders := map[*read.Process]*machine{}
	for _, m := range s.machines {
		if p := m.process(etcd); p != nil {
			all = append(all, p)
			holders[p] = m
		}
	}
	for _, name := range []string{"initial-cluster", "initial-cluster-token", "heartbeat-interval", "election-timeout"} {
		common, _ := common(all, func(p *read.Process) string { return p.Value(name) })
		for _, p := range all {
			if p.Value(name) != common {
				holders[p].find(ruleMembers, p.Where(name), "--%s differs from the other members'", name)
			}
		}
	}
	s.beginning(all, holders)
	for _, p := range all {
		m := holders[p]
		entry := p.Value("name") + "=" + p.Value("initial-advertise-peer-urls")
		listed := strings.Split(p.Value("initial-cluster"), ",")
		if p.Value("initial-cluster") == "" {
			continue // discovery, or a member that joins what is there
		}
		if !slices.Contains(listed, entry) {
			m.find(ruleMembers, p.Where("initial-cluster"), "--initial-cluster does not hold this member's own %s", entry)
		}
		if len(listed) != len(all) {
			m.find(ruleMembers, p.Where("initial-cluster"), "--initial-cluster has %d members, %d machines run etcd", len(listed), len(all))
		}
		for i, other := range listed {
			if slices.Contains(listed[:i], other) {
				m.find(ruleMembers, p.Where("initial-cluster"), "--initial-cluster names a member twice: %s", other)
			}
		}
	}
}

// beginning: somebody begins the cluster. One member alone may join what is
// there, in the place of a machine that is gone.
func (s *set) beginning(all []*read.Process, holders map[*read.Process]*machine) {
	var joins []*read.Process
	for _, p := range all {
		if p.Value("initial-cluster-state") == "existing" {
			joins = append(joins, p)
		}
	}
	if len(joins) == 1 && len(all) > 1 {
		s.remarks = append(s.remarks, fmt.Sprintf("%s joins an etcd cluster that exists (--initial-cluster-state=existing), as a machine does that takes another's place", holders[joins[0]].Name))
		return
	}
	for _, p := range joins {
		holders[p].find(ruleMembers, p.Where("initial-cluster-state"), "--initial-cluster-state is existing on %d of %d members: they wait for a cluster that nobody begins", len(joins), len(all)).
			Remedy = "write new; existing is for one machine at a time that takes another's place"
	}
}

// agreements are flags whose values must be equal wherever they are given.
var agreements = []struct {
	name  string
	flags map[string]string // of which daemon
}{
	{"range of services", map[string]string{apiServer: "service-cluster-ip-range", manager: "service-cluster-ip-range"}},
	{"range of pods", map[string]string{manager: "cluster-cidr"}},
	{"issuer of tokens", map[string]string{apiServer: "service-account-issuer"}},
	{"port range of services", map[string]string{apiServer: "service-node-port-range"}},
	{"authorization", map[string]string{apiServer: "authorization-mode"}},
	{"cluster's name", map[string]string{manager: "cluster-name"}},
	{"allocation of ranges to nodes", map[string]string{manager: "allocate-node-cidrs"}},
	{"names of front proxies", map[string]string{apiServer: "requestheader-allowed-names", manager: "requestheader-allowed-names", scheduler: "requestheader-allowed-names"}},
	{"storage prefix", map[string]string{apiServer: "etcd-prefix"}},
	{"reconciler of endpoints", map[string]string{apiServer: "endpoint-reconciler-type"}},
}

// said is one daemon's value of something that all must agree on.
type said struct {
	machine *machine
	at      read.Place
	what    string
	value   string
}

// agreement: what all machines must say alike, they do. The odd one out is
// named; of two the second.
func (s *set) agreement() {
	for _, row := range agreements {
		var all []said
		for _, m := range s.machines {
			for _, daemon := range []string{apiServer, manager, scheduler} {
				flag, wanted := row.flags[daemon]
				if p := m.process(daemon); p != nil && wanted {
					all = append(all, said{m, p.Where(flag), "--" + flag, p.Value(flag)})
				}
			}
		}
		disagree(row.name, all)
	}
	var keys []said
	for _, m := range s.machines {
		p := m.process(apiServer)
		if p == nil {
			continue
		}
		file := m.files[p.Value("encryption-provider-config")]
		keys = append(keys, said{m, read.Whole(file.Path), "encryption configuration", string(file.Contents)})
	}
	disagree("encryption of Secrets", keys)
}

func disagree(what string, all []said) {
	best, most := common(all, func(x said) string { return x.value })
	for _, x := range all {
		if x.value != best {
			if x.at.Item == "" {
				x.at = read.Whole(apiServer + ".service")
			}
			x.machine.find(ruleAgreement, x.at, "%s: differs from %d others on the %s", x.what, most, what)
		}
	}
}

// serviceAccounts: a token that one controller manager or API server signs is
// one that every API server takes.
func (s *set) serviceAccounts() {
	var all []said
	for _, m := range s.machines {
		for _, row := range []struct{ daemon, flag string }{
			{manager, "service-account-private-key-file"}, {apiServer, "service-account-signing-key-file"}, {apiServer, "service-account-key-file"},
		} {
			p := m.process(row.daemon)
			if p == nil {
				continue
			}
			f, given := p.Flag(row.flag)
			file, there := m.files[f.Value]
			if !given || !there {
				continue
			}
			contents := m.pem[f.Value]
			switch {
			case len(contents.Keys) == 0 && len(contents.Certificates) == 0:
				if !contents.Opaque {
					m.find(ruleNoCertificate, read.Whole(file.Path), "holds no key")
				}
			case len(contents.Keys) == 0:
				all = append(all, said{m, read.Whole(file.Path), "--" + row.flag, contents.Certificates[0].Public})
			default:
				if row.flag != "service-account-key-file" && !contents.Keys[0].Private {
					m.find(ruleNoCertificate, p.Where(row.flag), "--%s names a public key, and has to sign", row.flag)
				}
				all = append(all, said{m, read.Whole(file.Path), "--" + row.flag, contents.Keys[0].Public})
			}
		}
	}
	disagree("key of service accounts", all)
}
