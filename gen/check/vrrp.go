package check

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/gen/read"
)

// virtualRules are about virtual addresses.
var virtualRules = []check{
	{within: (*machine).vrrpWords},
	{within: (*machine).keepalivedRules, rules: []rule{
		{ruleKeepalivedCheck, Error, "keepalived considers a healthy HAProxy dead and gives the address away",
			"let the script request the port and path of HAProxy's monitor-uri"},
	}},
	{across: (*set).virtualAddresses, rules: []rule{
		{ruleVirtualIP, Error, "the machines would not agree on who holds the address",
			"on each machine, write the others as peers, its own address as source, its own priority, and the same number and address"},
	}},
}

// vrrp is a virtual address and a machine that may hold it.
type vrrp struct {
	*machine
	*read.Router
}

// holds lists the virtual addresses that the machine may hold.
func (m *machine) holds() (out []vrrp) {
	for _, r := range m.routers {
		out = append(out, vrrp{m, r})
	}
	return out
}

var (
	vrrpScript = lazy.Regexp(`(?m)^\s*script "([^"]*)"`)

	shellDial = lazy.Regexp(`/dev/tcp/([^/\s]+)/(\d+)`)
	shellAsks = lazy.Regexp(`GET (/\S*)`)
	// The address whose interface a script looks for: in place, or as the
	// argument of a function.
	shellOwn = lazy.Regexp(`(?m)ip -o addr show to ([0-9a-f.:]+)|^find INTERFACE\w* (\S+) `)
)

// keepalivedRules checks that keepalived may run its scripts, and that they
// request what HAProxy answers.
func (m *machine) keepalivedRules() {
	all := m.holds()
	if len(all) == 0 {
		return
	}
	r := all[0]
	if user := m.scriptUser(); !m.hasUser(user) {
		m.find(ruleUnknownAccount, r.Where("script_user"), "runs scripts as user %s, which the document does not create", user)
	}
	if script := vrrpScript().FindStringSubmatch(r.Text); script != nil {
		if !strings.HasPrefix(script[1], "/") {
			m.find(ruleMissingFile, r.Where(script[1]), "runs %s, which is not an absolute path", script[1])
		}
		for _, w := range strings.Fields(script[1]) {
			if f, there := m.files[w]; there {
				m.monitor(f)
			}
		}
	}
	for _, r := range all {
		if !strings.Contains(r.Section(), "track_script") {
			m.find(ruleKeepalivedCheck, read.Whole(read.KeepalivedConf), "tracks no script, so a dead HAProxy would keep the address").Remedy = "add track_script with the check of HAProxy"
		}
	}
	if p := m.process("keepalived"); p == nil {
		m.find(ruleUnreadFile, read.Whole(read.KeepalivedConf), "exists, but no unit runs keepalived")
	}
	m.interfaceOf(all)
}

// interfaceOf checks that the script looks for the interface of the address
// from which keepalived sends.
func (m *machine) interfaceOf(all []vrrp) {
	var sources []string
	for _, r := range all {
		sources = append(sources, r.Source)
	}
	for _, f := range m.Files {
		for _, own := range shellOwn().FindAllSubmatch(f.Contents, -1) {
			sought := string(own[1]) + string(own[2])
			if !slices.Contains(sources, sought) && all[0].Source != "" {
				m.find(ruleVirtualIP, read.In(f, sought), "looks for the interface of %s, but unicast_src_ip is %s", sought, strings.Join(sources, " and "))
			}
		}
	}
}

// monitor checks that a script requests what HAProxy answers.
func (m *machine) monitor(f node.File) {
	dialled, asked := shellDial().FindSubmatch(f.Contents), shellAsks().FindSubmatch(f.Contents)
	if dialled == nil || asked == nil {
		return
	}
	address, err := netip.ParseAddr(string(dialled[1]))
	port, _ := strconv.Atoi(string(dialled[2]))
	if err != nil {
		return
	}
	for _, l := range m.listeners {
		if l.proxy == nil || !l.takes(address, port) {
			continue
		}
		if uri := l.proxy.Line("monitor-uri"); len(uri) < 2 || uri[1].Text != string(asked[1]) {
			m.find(ruleKeepalivedCheck, read.In(f, "GET "+string(asked[1])), "requests %s, which is not HAProxy's monitor-uri", asked[1])
		}
		return
	}
	m.find(ruleNoListener, read.In(f, string(dialled[0])), "connects to %s, where nothing listens", socketText(address, port))
}

// virtualAddresses checks that the machines that share a virtual address agree
// on it, that no two have the same priority, and that every API server's
// certificate is valid for it. There is at most one address of each family.
func (s *set) virtualAddresses() {
	families := map[int][]vrrp{}
	for _, m := range s.machines {
		for _, r := range m.holds() {
			families[r.Family()] = append(families[r.Family()], r)
		}
	}
	for _, family := range []int{4, 6} {
		if all := families[family]; len(all) > 0 {
			s.virtualRouter(all)
		}
	}
}

// virtualRouter checks one virtual address.
func (s *set) virtualRouter(all []vrrp) {
	for _, keyword := range []string{"vrrp_version", "virtual_router_id", "advert_int"} {
		unite(all, "virtual_router_id", keyword, func(r vrrp) string { return r.Words[keyword].Text })
	}
	unite(all, "virtual_ipaddress", "virtual address", func(r vrrp) string { return r.Address })
	for i, r := range all {
		for j, other := range all {
			if i != j && !slices.Contains(r.Peers, other.Source) {
				r.find(ruleVirtualIP, r.Where("unicast_peer"), "does not name %s of %s as a peer", other.Source, other.Name)
			}
			if i < j && r.Priority == other.Priority {
				r.find(ruleVirtualIP, r.Where("priority "), "has the same priority as %s", other.Name)
			}
		}
		if len(r.Peers) != len(all)-1 || slices.Contains(r.Peers, r.Source) {
			r.find(ruleVirtualIP, r.Where("unicast_peer"), "has %d peers, but there are %d other machines", len(r.Peers), len(all)-1)
		}
		if source, err := netip.ParseAddr(r.Source); err == nil && len(r.known) > 0 && !slices.Contains(r.known, source) {
			r.find(ruleVirtualIP, r.Where("unicast_src_ip"), "has %s as its source, which is not the machine's address", r.Source)
		}
		if len(r.proxies) == 0 {
			r.find(ruleVirtualIP, read.Whole(read.KeepalivedConf), "would move the address to a machine without HAProxy")
		}
		if address, err := netip.ParseAddr(r.Address); err == nil {
			for _, m := range s.machines {
				if slices.Contains(m.known, address) {
					r.find(ruleVirtualIP, r.Where(r.Address), "holds %s, which is %s's own address", r.Address, own(m.Name))
				}
			}
		} else {
			r.find(ruleVirtualIP, r.Where("virtual_ipaddress"), "holds %q, which is not an address", r.Address)
		}
	}
	masters := 0
	for _, r := range all {
		if r.Words["state"].Text == "MASTER" {
			if masters++; masters > 1 {
				r.find(ruleVirtualIP, r.Router.At(r.Words["state"].At), "starts as MASTER, and so does another machine").Remedy = "write state BACKUP"
			}
		}
	}
	var covered, bare []*machine
	for _, m := range s.machines {
		if c, found := m.certificate(m.process(apiServer).Value("tls-cert-file")); !found {
		} else if c.VerifyHostname(all[0].Address) == nil {
			covered = append(covered, m)
		} else {
			bare = append(bare, m)
		}
	}
	for _, m := range bare {
		if len(covered) > 0 {
			m.find(ruleNameNotInCertificate, read.Whole(m.process(apiServer).Value("tls-cert-file")), "is not valid for %s, which clients dial", all[0].Address)
		}
	}
	for _, r := range all {
		if len(covered) == 0 && len(bare) > 0 {
			r.find(ruleNameNotInCertificate, r.Where(r.Address), "holds %s, for which no API server's certificate is valid", r.Address)
		}
	}
}

// unite checks that machines that share an address have the same value. If two
// differ, both are reported.
func unite(all []vrrp, otherwise, what string, value func(vrrp) string) {
	best, most := common(all, value)
	for _, r := range all {
		if value(r) == best && 2*most > len(all) {
			continue
		}
		at, found := r.Words[what]
		place := r.Router.At(at.At)
		if !found {
			place = r.Where(otherwise)
		}
		for _, other := range all {
			if value(other) != value(r) {
				r.find(ruleVirtualIP, place, "has %s %s, but %s has %s", own(what), cmp.Or(value(r), "none"), own(other.Name), cmp.Or(value(other), "none"))
				break
			}
		}
	}
}
