package check

import "hagen/gen/read"

// agreementRules are about what all say alike.
var agreementRules = []check{
	{across: (*set).agreement, rules: []rule{
		{ruleSettingsDiffer, Error, "what one daemon does with this value, another undoes or does not understand",
			"write the same value everywhere"},
	}},
	{across: (*set).serviceAccounts},
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
	for _, m := range s.running(apiServer) {
		file := m.files[m.process(apiServer).Value("encryption-provider-config")]
		keys = append(keys, said{m, read.Whole(file.Path), "encryption configuration", string(file.Contents)})
	}
	disagree("encryption of Secrets", keys)
}

func disagree(what string, all []said) {
	best, most := common(all, func(x said) string { return x.value })
	for _, x := range all {
		if x.value != best {
			at := x.at
			if at.Item == "" {
				at = read.Whole(apiServer + ".service")
			}
			x.machine.find(ruleSettingsDiffer, at, "%s: differs from %d others on the %s", x.what, most, what)
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
