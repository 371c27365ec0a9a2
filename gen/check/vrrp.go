package check

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/network"
	"hagen/gen/node"
)

const keepalivedConfig = "/etc/keepalived/keepalived.conf"

// VirtualRouter is a machine that holds a virtual address in turn with others:
// what its keepalived.conf says of it (VRRP, RFC 5798).
type VirtualRouter struct {
	Host    string
	ID      string // the number that tells virtual routers on one network apart
	Address string // the virtual address
	Source  string // the machine's own
}

// VirtualRouters reads those of the nodes that are some.
func VirtualRouters(nodes []node.Node) []VirtualRouter {
	var out []VirtualRouter
	for _, n := range nodes {
		m := &machine{Node: n, files: map[string]node.File{}}
		for _, f := range n.Files {
			m.files[f.Path] = f
		}
		for _, r := range m.routers() {
			out = append(out, VirtualRouter{n.Name, r.routerID, r.address, r.source})
		}
	}
	return out
}

// vrrp is what a keepalived.conf says of one virtual address.
type vrrp struct {
	*machine
	text                                string          // of the whole file
	begin, end                          int             // where it speaks of this address
	words                               map[string]word // what follows a keyword, there or before any address; the last counts
	routerID, priority, source, address string
	peers                               []string
}

var (
	vrrpBegin  = regexp.MustCompile(`(?m)^vrrp_instance `)
	vrrpPeers  = regexp.MustCompile(`unicast_peer \{([^}]*)\}`)
	vrrpHeld   = regexp.MustCompile(`virtual_ipaddress \{\s*(\S+)`)
	vrrpScript = regexp.MustCompile(`(?m)^\s*script "([^"]*)"`)
)

// routers reads the keepalived.conf of a machine that has one: a virtual
// address each.
func (m *machine) routers() (out []vrrp) {
	f, found := m.files[keepalivedConfig]
	if !found {
		return nil
	}
	text := string(f.Contents)
	begins := vrrpBegin.FindAllStringIndex(text, -1)
	if begins == nil {
		begins = [][]int{{0}}
	}
	for i, begin := range begins {
		r := vrrp{machine: m, text: text, begin: begin[0], end: len(text), words: map[string]word{}}
		if i+1 < len(begins) {
			r.end = begins[i+1][0]
		}
		r.read(0, begins[0][0])
		r.read(r.begin, r.end)
		r.routerID, r.priority, r.source = r.words["virtual_router_id"].text, r.words["priority"].text, r.words["unicast_src_ip"].text
		own := text[r.begin:r.end]
		if found := vrrpPeers.FindStringSubmatch(own); found != nil {
			r.peers = strings.Fields(found[1])
		}
		if found := vrrpHeld.FindStringSubmatch(own); found != nil {
			r.address, _, _ = strings.Cut(found[1], "/")
		}
		out = append(out, r)
	}
	return out
}

// read takes the words of a part of the file.
func (r *vrrp) read(begin, end int) {
	at := begin
	for line := range strings.Lines(r.text[begin:end]) {
		if words := split(line, at); len(words) > 1 && words[0].text != "" && !strings.ContainsAny(words[0].text[:1], "#!") {
			r.words[words[0].text] = words[1]
		}
		at += len(line)
	}
}

// at is the place of a word in what keepalived.conf says of the address, or
// else in all of it.
func (r vrrp) at(word string) place {
	if i := strings.Index(r.text[r.begin:r.end], word); i >= 0 {
		return place{keepalivedConfig, r.text, r.begin + i}
	}
	return place{keepalivedConfig, r.text, strings.Index(r.text, word)}
}

// family is that of the address: 4 or 6.
func (r vrrp) family() int {
	a, _ := netip.ParseAddr(r.address) // what is none is found elsewhere
	return network.Family(a)
}

// scriptUser is who runs keepalived's checks; "" if none is named.
func (m *machine) scriptUser() string {
	for _, r := range m.routers() {
		return r.words["script_user"].text
	}
	return ""
}

var (
	shellDial = regexp.MustCompile(`/dev/tcp/([^/\s]+)/(\d+)`)
	shellAsks = regexp.MustCompile(`GET (/\S*)`)
	// The address whose interface a script looks for: in place, or as the
	// argument of a function.
	shellOwn = regexp.MustCompile(`(?m)ip -o addr show to ([0-9a-f.:]+)|^find INTERFACE\w* (\S+) `)
)

// keepalivedRules: keepalived runs as it may, and asks what HAProxy answers.
func (m *machine) keepalivedRules() {
	all := m.routers()
	if len(all) == 0 {
		return
	}
	r := all[0]
	m.vrrpWords(r)
	if user := m.scriptUser(); !m.hasUser(user) {
		m.find(ruleOwner, r.at("script_user"), "runs scripts as user %s, whom the document does not make", user)
	}
	if script := vrrpScript.FindStringSubmatch(r.text); script != nil {
		if !strings.HasPrefix(script[1], "/") {
			m.find(ruleReference, r.at(script[1]), "runs %s, which is no absolute path", script[1])
		}
		for _, w := range strings.Fields(script[1]) {
			if f, there := m.files[w]; there {
				m.monitor(f)
			}
		}
	}
	for _, r := range all {
		if !strings.Contains(r.text[r.begin:r.end], "track_script") {
			m.find(ruleMonitor, whole(keepalivedConfig), "tracks no script, so a dead HAProxy would keep the address").Remedy = "add track_script with the check of HAProxy"
		}
	}
	if p := m.process("keepalived"); p == nil {
		m.find(ruleUnreadFile, whole(keepalivedConfig), "is there, but no unit runs keepalived")
	}
	m.interfaceOf(all)
}

// interfaceOf: the script that looks for the interface of an address looks for
// the one from which keepalived speaks.
func (m *machine) interfaceOf(all []vrrp) {
	var sources []string
	for _, r := range all {
		sources = append(sources, r.source)
	}
	for _, f := range m.Files {
		for _, own := range shellOwn.FindAllSubmatch(f.Contents, -1) {
			sought := string(own[1]) + string(own[2])
			if !slices.Contains(sources, sought) && all[0].source != "" {
				m.find(ruleVirtual, in(f, sought), "looks for the interface of %s, unicast_src_ip is %s", sought, strings.Join(sources, " and "))
			}
		}
	}
}

// monitor holds what a check asks against what HAProxy answers.
func (m *machine) monitor(f node.File) {
	dialled, asked := shellDial.FindSubmatch(f.Contents), shellAsks.FindSubmatch(f.Contents)
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
		if uri := l.proxy.line("monitor-uri"); len(uri) < 2 || uri[1].text != string(asked[1]) {
			m.find(ruleMonitor, in(f, "GET "+string(asked[1])), "asks for %s, which is not HAProxy's monitor-uri", asked[1])
		}
		return
	}
	m.find(ruleNotBound, in(f, string(dialled[0])), "asks %s, where nothing listens", socketText(address, port))
}

func socketText(address netip.Addr, port int) string {
	return netip.AddrPortFrom(address, uint16(port)).String()
}

// virtualAddresses: the machines that hold a virtual address in turn speak of
// the same one to each other, none is another's equal, and every API server
// can be verified under it. There is one of each family at most.
func (s *set) virtualAddresses() {
	families := map[int][]vrrp{}
	for _, m := range s.machines {
		for _, r := range m.routers() {
			families[r.family()] = append(families[r.family()], r)
		}
	}
	for _, family := range []int{4, 6} {
		if all := families[family]; len(all) > 0 {
			s.virtualRouter(all)
		}
	}
}

// virtualRouter is about one virtual address.
func (s *set) virtualRouter(all []vrrp) {
	for _, keyword := range []string{"vrrp_version", "virtual_router_id", "advert_int"} {
		unite(all, "virtual_router_id", keyword, func(r vrrp) string { return r.words[keyword].text })
	}
	unite(all, "virtual_ipaddress", "virtual address", func(r vrrp) string { return r.address })
	for i, r := range all {
		for j, other := range all {
			if i != j && !slices.Contains(r.peers, other.source) {
				r.find(ruleVirtual, r.at("unicast_peer"), "does not name %s of %s as a peer", other.source, other.Name)
			}
			if i < j && r.priority == other.priority {
				r.find(ruleVirtual, r.at("priority "), "has the priority of %s", other.Name)
			}
		}
		if len(r.peers) != len(all)-1 || slices.Contains(r.peers, r.source) {
			r.find(ruleVirtual, r.at("unicast_peer"), "has %d peers, there are %d other machines", len(r.peers), len(all)-1)
		}
		if source, err := netip.ParseAddr(r.source); err == nil && len(r.known) > 0 && !slices.Contains(r.known, source) {
			r.find(ruleVirtual, r.at("unicast_src_ip"), "has %s as its source, which is not the machine's address", r.source)
		}
		if len(r.proxies) == 0 {
			r.find(ruleVirtual, whole(keepalivedConfig), "would take the address to a machine without HAProxy")
		}
		if address, err := netip.ParseAddr(r.address); err == nil {
			for _, m := range s.machines {
				if slices.Contains(m.known, address) {
					r.find(ruleVirtual, r.at(r.address), "holds %s, which is %s's own address", r.address, m.Name)
				}
			}
		} else {
			r.find(ruleVirtual, r.at("virtual_ipaddress"), "holds %q, which is no address", r.address)
		}
	}
	masters := 0
	for _, r := range all {
		if r.words["state"].text == "MASTER" {
			if masters++; masters > 1 {
				r.find(ruleVirtual, place{keepalivedConfig, r.text, r.words["state"].at}, "begins as MASTER, and so does another").Remedy = "write state BACKUP"
			}
		}
	}
	var covered, bare []*machine
	for _, m := range s.machines {
		if c, found := m.certificate(m.process(apiServer).value("tls-cert-file")); !found {
		} else if c.VerifyHostname(all[0].address) == nil {
			covered = append(covered, m)
		} else {
			bare = append(bare, m)
		}
	}
	for _, m := range bare {
		if len(covered) > 0 {
			m.find(ruleNotCovered, whole(m.process(apiServer).value("tls-cert-file")), "is not valid for %s, which others dial", all[0].address)
		}
	}
	for _, r := range all {
		if len(covered) == 0 && len(bare) > 0 {
			r.find(ruleNotCovered, r.at(r.address), "holds %s, for which no API server's certificate is valid", r.address)
		}
	}
}

// unite: machines that hold one address in turn say the same of it. Of two
// that differ nobody knows which is meant.
func unite(all []vrrp, otherwise, what string, value func(vrrp) string) {
	best, most := common(all, value)
	for _, r := range all {
		if value(r) == best && 2*most > len(all) {
			continue
		}
		at, found := r.words[what]
		place := place{keepalivedConfig, r.text, at.at}
		if !found {
			place = r.at(otherwise)
		}
		for _, other := range all {
			if value(other) != value(r) {
				r.find(ruleVirtual, place, "has %s %s, %s has %s", what, cmp.Or(value(r), "none"), other.Name, cmp.Or(value(other), "none"))
				break
			}
		}
	}
}
