package check

import (
	"strings"

	"hagen/gen/read"
)

// agreementRules are about settings that must be equal everywhere.
var agreementRules = []check{
	{across: (*set).agreement, rules: []rule{
		{ruleSettingsDiffer, Error, "daemons with different values undo or reject each other's work",
			"write the same value everywhere"},
	}},
	{across: (*set).serviceAccounts},
}

// agreements are flags whose values must be equal wherever they are given.
var agreements = []struct {
	name  string
	flags map[string]string // by daemon
}{
	{"service range", map[string]string{apiServer: "service-cluster-ip-range", manager: "service-cluster-ip-range"}},
	{"pod range", map[string]string{manager: "cluster-cidr"}},
	{"token issuer", map[string]string{apiServer: "service-account-issuer"}},
	{"node port range", map[string]string{apiServer: "service-node-port-range"}},
	{"authorization", map[string]string{apiServer: "authorization-mode"}},
	{"cluster's name", map[string]string{manager: "cluster-name"}},
	{"allocation of node ranges", map[string]string{manager: "allocate-node-cidrs"}},
	{"front proxy names", map[string]string{apiServer: "requestheader-allowed-names", manager: "requestheader-allowed-names", scheduler: "requestheader-allowed-names"}},
	{"storage prefix", map[string]string{apiServer: "etcd-prefix"}},
	{"endpoint reconciler", map[string]string{apiServer: "endpoint-reconciler-type"}},
}

// agreement checks settings that must be equal. The machine that deviates is
// reported; of two, the second.
func (s *set) agreement() {
	for _, row := range agreements {
		var all []said
		for _, m := range s.machines {
			for _, daemon := range []string{apiServer, manager, scheduler} {
				flag, wanted := row.flags[daemon]
				if p := m.process(daemon); p != nil && wanted {
					var values []string
					for _, f := range p.Named(flag) {
						values = append(values, f.Value)
					}
					all = append(all, said{m, p.Where(flag), "--" + flag, strings.Join(values, " ")})
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
			x.machine.find(ruleSettingsDiffer, at, "%s: differs from %d others on the %s", own(x.what), most, own(what))
		}
	}
}

// serviceAccounts checks that every API server accepts the tokens that any
// controller manager or API server signs.
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
					m.find(ruleNoCertificate, p.Where(row.flag), "--%s names a public key, but signing needs the private one", own(row.flag))
				}
				all = append(all, said{m, read.Whole(file.Path), "--" + row.flag, contents.Keys[0].Public})
			}
		}
	}
	disagree("service account key", all)
}
