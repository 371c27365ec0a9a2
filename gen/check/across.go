package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/read"
)

func (s *set) uniqueNames() {
	seen := map[string]bool{}
	for _, m := range s.machines {
		if seen[m.Name] {
			m.find(ruleNames, read.Whole("/etc/hostname"), "two machines have this name")
		}
		seen[m.Name] = true
	}
}

// sameAuthorities: a file that holds authorities holds the same ones on every
// machine that has the file.
func (s *set) sameAuthorities() {
	byPath := map[string][]said{}
	for _, m := range s.machines {
		held, names := map[string]string{}, map[string]string{}
		for _, c := range m.certs {
			if c.IsCA {
				held[c.Path] += c.Identity
				names[c.Path] = c.Subject
			}
		}
		for path, identities := range held {
			byPath[path] = append(byPath[path], said{m, read.Whole(path), names[path], identities})
		}
	}
	for path, all := range byPath {
		best, _ := common(all, func(x said) string { return x.value })
		for _, x := range all {
			if x.value != best {
				x.machine.find(ruleSameAuthority, read.Whole(path), "holds another authority than the same file on other machines: %s", x.what)
			}
		}
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

// common gives the value that most have, and how many do; the first of those
// that are equally frequent.
func common[T any](all []T, value func(T) string) (best string, most int) {
	votes := map[string]int{}
	for _, x := range all {
		votes[value(x)]++
	}
	for _, x := range all {
		if v := value(x); votes[v] > most {
			best, most = v, votes[v]
		}
	}
	return best, most
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

// ranges: services, pods and machines have addresses of their own, and the API
// server's certificate covers the first service.
func (s *set) ranges() {
	for _, m := range s.machines {
		api, controllers := m.process(apiServer), m.process(manager)
		if api == nil {
			continue
		}
		services := m.prefixes(api, "service-cluster-ip-range")
		var pods []netip.Prefix
		if controllers != nil {
			pods = m.prefixes(controllers, "cluster-cidr")
			m.prefixes(controllers, "service-cluster-ip-range")
		}
		for _, service := range services {
			for _, pod := range pods {
				if service.Overlaps(pod) {
					m.find(ruleRanges, api.Where("service-cluster-ip-range"), "the ranges of services, %s, and pods, %s, overlap", service, pod)
				}
			}
			if c, found := m.certificate(api.Value("tls-cert-file")); found {
				if first := service.Masked().Addr().Next(); c.VerifyHostname(first.String()) != nil {
					m.find(ruleNotCovered, read.Whole(c.Path), "is not valid for %s, the first of --service-cluster-ip-range, which pods dial", first)
				}
			}
		}
		for _, other := range s.machines {
			for _, a := range other.known {
				for _, r := range append(slices.Clone(services), pods...) {
					if r.Contains(a) {
						m.find(ruleRanges, api.Where("service-cluster-ip-range"), "%s holds %s, which is %s", r, a, other.Name)
					}
				}
			}
		}
		m.families(api, services, pods)
		m.nodePorts(api)
	}
}

// families: an API server tells its address in the family of the first range of
// services, and no list holds two ranges of one.
func (m *machine) families(api *read.Process, services, pods []netip.Prefix) {
	for _, row := range []struct {
		ranges []netip.Prefix
		flag   string
	}{{services, "service-cluster-ip-range"}, {pods, "cluster-cidr"}} {
		p := api
		if row.flag == "cluster-cidr" {
			p = m.process(manager)
		}
		if n := len(row.ranges); n > 2 || n == 2 && row.ranges[0].Addr().Is4() == row.ranges[1].Addr().Is4() {
			m.find(ruleFamilies, p.Where(row.flag), "--%s holds %d ranges, and there is one of each family", row.flag, n)
		}
	}
	if len(services) == 0 {
		return
	}
	if a, err := netip.ParseAddr(api.Value("advertise-address")); err == nil && !a.IsUnspecified() && a.Is4() != services[0].Addr().Is4() {
		m.find(ruleFamilies, api.Where("advertise-address"), "--advertise-address is %s, the first of --service-cluster-ip-range is %s", a, services[0])
	}
}

func (m *machine) prefixes(p *read.Process, flag string) (out []netip.Prefix) {
	f, found := p.Flag(flag)
	if !found {
		return nil
	}
	for _, w := range read.List(f.Value, f.ValueAt) {
		prefix, err := netip.ParsePrefix(w.Text)
		if err != nil {
			m.find(ruleFlagValue, p.Unit.Place(w.At), "--%s is no range of addresses", flag)
			continue
		}
		out = append(out, prefix)
	}
	return out
}

// nodePorts: no service gets a port that a daemon of the machine has.
func (m *machine) nodePorts(p *read.Process) {
	first, last, _ := strings.Cut(p.Value("service-node-port-range"), "-")
	low, err := strconv.Atoi(first)
	high, err2 := strconv.Atoi(last)
	if err != nil || err2 != nil {
		return
	}
	for _, l := range m.listeners {
		if low <= l.port && l.port <= high {
			m.find(ruleRanges, p.Where("service-node-port-range"), "--service-node-port-range holds port %d, which %s binds", l.port, l.process)
		}
	}
}

// backends: every API server stands behind every load balancer, once; and its
// health check asks for what anybody may see.
func (s *set) backends() {
	var servers []*listener
	for _, m := range s.machines {
		for _, l := range m.listeners {
			if l.process == apiServer && l.tls {
				servers = append(servers, l)
			}
		}
	}
	for _, m := range s.machines {
		for _, p := range m.proxies {
			lines := p.Servers()
			if len(lines) == 0 {
				continue
			}
			met, strange := map[*listener]int{}, false
			for _, line := range lines {
				if from, err := netip.ParseAddr(read.ParseURL(line.Value("source")).Host); err == nil && len(m.known) > 0 && !slices.Contains(m.known, from) && !from.IsUnspecified() {
					m.find(ruleBindElsewhere, p.Place(line.Options["source"].At), "server %s is called from %s, which the machine does not have", line.Name, from).Remedy = "remove source"
				}
				t := read.ParseURL(line.Address.Text)
				a, err := netip.ParseAddr(t.Host)
				var found *listener
				for _, l := range servers {
					if err == nil && slices.Contains(l.machine.known, a) && l.takes(a, t.Port) {
						found = l
					}
				}
				if found == nil {
					strange = true
					m.find(ruleBackends, p.Place(line.Address.At), "sends requests to %s, where no API server listens", t)
					continue
				}
				if met[found]++; met[found] > 1 {
					m.find(ruleBackends, p.Place(line.Address.At), "names %s twice", t)
				}
				s.healthPath(m, p, found)
			}
			if len(met) < len(servers) && !strange {
				m.find(ruleBackends, read.Whole(p.File.Path), "has %d servers for %d API servers", len(met), len(servers))
			}
		}
	}
}

func (s *set) healthPath(m *machine, p *read.Proxy, l *listener) {
	asks := p.Line("option", "httpchk")
	if len(asks) == 0 {
		return
	}
	asked := asks[len(asks)-1]
	if len(asks) > 3 && asks[2].Text != "GET" {
		m.find(ruleHealthPath, p.Place(asks[2].At), "asks with %s, and everybody may only GET", asks[2].Text).Remedy = "write GET"
	}
	if i := slices.IndexFunc(asks, func(w read.Word) bool { return strings.HasPrefix(w.Text, "/") }); i >= 0 {
		asked = asks[i]
	}
	paths, all := l.machine.open()
	if !all && !slices.Contains(paths, asked.Text) {
		m.find(ruleHealthPath, p.Place(asked.At), "asks for %s, which %s answers to nobody without a certificate", asked.Text, l.machine.Name)
	}
}

// notes say what could not be checked, and what may be meant.
func (s *set) notes() []string {
	out := s.remarks
	twins, opaque, unmapped := 0, 0, []string{}
	for _, m := range append(slices.Clone(s.machines), s.people) {
		for _, f := range m.Files {
			c := m.pem[f.Path]
			if slices.ContainsFunc(c.Certificates, func(c read.Certificate) bool { return c.Twin }) {
				twins++
			}
			if c.Opaque {
				opaque++
			}
		}
		if len(m.known) == 0 && m != s.people {
			unmapped = append(unmapped, m.Name)
		}
	}
	if twins > 0 {
		out = append(out, fmt.Sprintf("the documents are redacted: of %d certificates the signatures could not be verified, all else was checked by what the redacted text says", twins))
	}
	if opaque > 0 {
		out = append(out, fmt.Sprintf("%d files are redacted so far that nothing is known of what they hold", opaque))
	}
	if len(unmapped) > 0 {
		out = append(out, "no document tells the addresses of "+strings.Join(unmapped, ", ")+": what leads there could not be checked")
	}
	return out
}
