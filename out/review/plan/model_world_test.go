package plan

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/lazy"
	"hagen/gen/node"
	"hagen/out/review/facts"
	"hagen/out/review/order"
)

// The model is a cluster in which nothing runs: who listens where, who is a member of
// etcd, which certificate a server shows, and who dials what. It takes a plan's steps as
// the plan prints them, and knows the plan's commands by their text alone.

// world is a cluster at a point of a plan.
type world struct {
	plan          *Plan
	before, after modelled
	machines      map[string]*machine
	members       []etcdMember
	down          map[string]bool // "host unit" that a step has stopped; "host " is all of it
	workstation   modelled        // whose documents and kubeconfig are on the workstation
	joins         map[string]string
	dialled       []string // names and addresses under which clients dial any API server: those of before
	leader        string   // of etcd: a host
	downgrade     string   // the minor release that etcd has been let go back to
	next          int      // the step that follows
	problems      []string
	trace         func(s string) // is told of each step; nil for nobody
}

// machine is what a machine has on its disk and runs.
type machine struct {
	host      cluster.Host
	on, holds bool // it has power; etcd has data
	anew      bool // it has been installed since the plan began
	disk      node.Node
	runs      map[string]service // by unit
	installed map[string]string  // versions by product
	unread    map[string]bool    // units that systemd has not read since they were written
}

// service is a unit as it was started.
type service struct {
	at      node.Node // the files then
	version string
}

// etcdMember is a row of etcd's list of members.
type etcdMember struct {
	name, peer       string
	started, learner bool
}

// newWorld is the healthy cluster of before the plan.
func newWorld(p *Plan, before, after modelled) *world {
	w := &world{plan: p, before: before, after: after, machines: map[string]*machine{}, down: map[string]bool{}, workstation: before,
		dialled: control.SharedNames(before.file)}
	steps := p.Order.Steps
	if p.Reimage {
		steps = p.ReimageSteps
	}
	_, w.joins = order.Joining(steps)
	for _, h := range before.file.Hosts() {
		n := before.machine(h.Name)
		m := &machine{host: h, on: !w.away(h.Name), disk: copied(n), runs: map[string]service{}, installed: facts.Versions(n), unread: map[string]bool{}}
		w.machines[h.Name] = m
		if w.away(h.Name) {
			continue // and out of etcd
		}
		w.startAll(m)
		if e, is := facts.MemberOf(&n); is {
			m.holds = true
			w.members = append(w.members, etcdMember{e.Name, e.PeerURLs, true, false})
		}
	}
	w.elect()
	return w
}

// away reports whether a machine takes no part in the plan.
func (w *world) away(host string) bool { return slices.Contains(w.plan.Without, host) }

func copied(n node.Node) node.Node {
	n.Files, n.Units = slices.Clone(n.Files), slices.Clone(n.Units)
	return n
}

func (w *world) problem(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(w.problems, text) {
		w.problems = append(w.problems, text)
	}
}

// startAll starts all units that start with a machine.
func (w *world) startAll(m *machine) {
	for _, u := range m.disk.WithContainers().Units {
		if u.Enabled {
			m.start(u.Name)
		}
	}
}

func (m *machine) start(unit string) {
	m.runs[unit] = service{at: copied(m.disk), version: m.installed[strings.TrimSuffix(unit, ".service")]}
}

// reload makes a unit read its files again; its process stays.
func (m *machine) reload(unit string) {
	m.runs[unit] = service{at: copied(m.disk), version: m.runs[unit].version}
}

// write puts a file or unit of a document onto the disk.
func (m *machine) write(from node.Node, place string) bool {
	for _, u := range from.Units {
		if from.UnitPath(u.Name) == place && !strings.HasPrefix(place, node.QuadletDir+"/") {
			m.unread[u.Name] = true
			m.disk.Units = append(slices.DeleteFunc(m.disk.Units, func(o node.Unit) bool { return o.Name == u.Name }), u)
			return true
		}
	}
	for _, f := range from.Files {
		if f.Path == place {
			m.disk.Files = append(slices.DeleteFunc(m.disk.Files, func(o node.File) bool { return o.Path == f.Path }), f)
			return true
		}
	}
	return false
}

func (m *machine) remove(place string) {
	m.disk.Units = slices.DeleteFunc(m.disk.Units, func(u node.Unit) bool { return m.disk.UnitPath(u.Name) == place })
	m.disk.Files = slices.DeleteFunc(m.disk.Files, func(f node.File) bool { return f.Path == place })
}

// up reports whether a unit works.
func (w *world) up(host, unit string) bool {
	m := w.machines[host]
	if m == nil || !m.on || w.down[host+" "] || w.down[host+" "+unit] {
		return false
	}
	_, runs := m.runs[unit]
	return runs
}

// flag is a flag of a unit as it was started.
func (w *world) flag(host, unit, name string) string {
	return facts.Flag(w.machines[host].runs[unit].at, unit, name)
}

// parsedCertificate is the first certificate in a file; nil if it has none.
var parsedCertificate = lazy.Memo(func(contents string) *x509.Certificate {
	block, _ := pem.Decode([]byte(contents))
	if block == nil {
		return nil
	}
	c, _ := x509.ParseCertificate(block.Bytes)
	return c
})

// hosts are the machines with power that run a unit, in order of their names.
func (w *world) hosts(unit string) (out []string) {
	for name := range w.machines {
		if w.up(name, unit) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// certificate is what a server shows: what is on its disk, or if its release does not read
// the file again, what was there when it started.
func (w *world) certificate(host, unit, flag string) *x509.Certificate {
	m := w.machines[host]
	place, from := w.flag(host, unit, flag), m.disk
	if w.before.file.Profile.Name == "classic" && unit == facts.APIUnit {
		from = m.runs[unit].at
	}
	return parsedCertificate(string(facts.FileAt(from, place).Contents))
}

// covers reports whether a server's certificate has a name or an address.
func (w *world) covers(host, unit, flag, name string) bool {
	c := w.certificate(host, unit, flag)
	return c != nil && (c.VerifyHostname(name) == nil || strings.HasPrefix(name, "*.") && slices.Contains(c.DNSNames, name))
}

// proxy is what a haproxy.cfg says.
type proxy struct {
	binds   []string
	servers [][2]string // the address, and the name that a certificate has to have
	alive   string
}

var (
	bindLine   = regexp.MustCompile(`(?m)^    bind (\S+)`)
	serverLine = regexp.MustCompile(`(?m)^    server (?:secure_)?(\S+) (\S+)(.*)`)
)

// proxyOf is the HAProxy of a machine as it was started or last reloaded.
func (w *world) proxyOf(host string) proxy {
	return parsedProxy(string(facts.FileAt(w.machines[host].runs[facts.HAProxyUnit].at, "/etc/haproxy/haproxy.cfg").Contents))
}

var parsedProxy = lazy.Memo(func(text string) (p proxy) {
	for _, found := range bindLine.FindAllStringSubmatch(text, -1) {
		p.binds = append(p.binds, found[1])
	}
	for _, found := range serverLine.FindAllStringSubmatch(text, -1) {
		name := found[1]
		if !strings.Contains(found[3], "verifyhost") {
			name = ""
		}
		p.servers = append(p.servers, [2]string{found[2], name})
	}
	p.alive = facts.Alive(node.Node{Files: []node.File{{Path: "/etc/haproxy/haproxy.cfg", Contents: []byte(text)}}})
	return p
})

// listens reports whether an address and port are among those that a HAProxy binds.
func (p proxy) listens(at netip.AddrPort) bool {
	return slices.ContainsFunc(p.binds, func(bind string) bool {
		return bind == at.String() || bind == fmt.Sprintf(":%d", at.Port()) || bind == fmt.Sprintf(":::%d", at.Port())
	})
}

// servers returns the hosts of the API servers that answer at an address, directly or
// through HAProxy.
func (w *world) servers(at netip.AddrPort) (hosts []string) {
	for _, host := range w.ready() {
		if w.has(host, at.Addr()) && w.flag(host, facts.APIUnit, "--secure-port") == fmt.Sprint(at.Port()) {
			hosts = append(hosts, host)
		}
	}
	for _, host := range w.hosts(facts.HAProxyUnit) {
		if p := w.proxyOf(host); (w.has(host, at.Addr()) || w.mayHold(host, at.Addr()) || w.public(at.Addr())) && (p.listens(at) || w.public(at.Addr())) {
			hosts = append(hosts, w.behind(p)...)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// ready returns the hosts whose API server finds etcd.
func (w *world) ready() []string {
	return slices.DeleteFunc(w.hosts(facts.APIUnit), func(host string) bool {
		return !slices.ContainsFunc(strings.Split(w.flag(host, facts.APIUnit, "--etcd-servers"), ","), func(u string) bool { return w.etcdFor(host, u) })
	})
}

// behind returns the hosts of the API servers that a HAProxy finds.
func (w *world) behind(p proxy) (hosts []string) {
	for _, s := range p.servers {
		at, err := netip.ParseAddrPort(s[0])
		if err != nil {
			w.problem("haproxy.cfg has a server at %q", s[0])
			continue
		}
		for _, host := range w.ready() {
			if w.has(host, at.Addr()) && w.flag(host, facts.APIUnit, "--secure-port") == fmt.Sprint(at.Port()) && (s[1] == "" || w.covers(host, facts.APIUnit, "--tls-cert-file", s[1])) {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts
}

// has reports whether an address is a machine's own.
func (w *world) has(host string, address netip.Addr) bool {
	// With dns: external no file of a load balancer says its address, so that no plan can
	// know when it gets another: it has both.
	if w.hidden(host) && slices.Contains(slices.Concat(w.before.hostOf(host).Addresses, w.after.hostOf(host).Addresses), address) {
		return true
	}
	return slices.Contains(w.machines[host].host.Addresses, address)
}

// public reports whether the network translates an address to machines with HAProxy.
func (w *world) public(address netip.Addr) bool {
	return slices.Contains(slices.Concat(w.before.file.Balancing.PublicIPs, w.after.file.Balancing.PublicIPs), address)
}

// hidden reports whether no file says a machine's address.
func (w *world) hidden(host string) bool { return len(facts.OwnAddresses(&w.machines[host].disk)) == 0 }

// boot installs a machine and lets it start.
func (w *world) boot(s Step, reimage bool) {
	h := w.after.hostOf(s.Host)
	m, there := w.machines[s.Host]
	switch {
	case h.Name == "":
		w.problem("no document for %s", s.Host)
		return
	case reimage != (there && m.on):
		w.problem("%s has power: %v, and the step is %s", s.Host, there && m.on, s.Action)
	}
	for name, other := range w.machines {
		if name != s.Host && other.on && !w.hidden(name) && slices.ContainsFunc(h.Addresses, func(a netip.Addr) bool { return w.has(name, a) }) {
			w.problem("%s boots with an address that %s has", s.Host, name)
		}
	}
	if !there {
		m = &machine{}
		w.machines[s.Host] = m
	}
	tree, _, _ := strings.Cut(s.Document, "/")
	m.host, m.on, m.disk, m.runs, m.installed = h, true, copied(w.after.machine(s.Host)), map[string]service{}, facts.Versions(w.after.machine(s.Host))
	m.unread, m.anew = map[string]bool{}, true
	if want := path.Join(tree, w.after.Cluster.Name, s.Host); s.Document != want {
		w.problem("%s boots with %q", s.Host, s.Document)
	}
	w.startAll(m)
	if e, is := facts.MemberOf(&m.disk); is {
		w.joinEtcd(m, e, tree == "join")
	}
}

// joinEtcd starts a machine's member: with data as the member that it was, without as one
// that was added and that names all others.
func (w *world) joinEtcd(m *machine, e facts.Member, joins bool) {
	i := slices.IndexFunc(w.members, func(o etcdMember) bool { return o.peer == e.PeerURLs && (o.name == e.Name || o.name == "") })
	if i < 0 {
		w.problem("%s: etcd has no member at %s", m.host.Name, e.PeerURLs)
		delete(m.runs, facts.EtcdUnit)
		return
	}
	if !m.holds {
		named := e.Cluster
		if list := w.joins[m.host.Name]; joins && list != "" {
			named = list
		}
		want := []string{}
		for _, o := range w.members {
			for url := range strings.SplitSeq(o.peer, ",") {
				name := o.name
				if name == "" {
					name = e.Name
				}
				want = append(want, name+"="+url)
			}
		}
		got := strings.Split(named, ",")
		slices.Sort(got)
		slices.Sort(want)
		if !joins || !slices.Equal(got, want) {
			w.problem("%s: etcd names the members %s, and has %s; existing: %v", m.host.Name, strings.Join(got, ","), strings.Join(want, ","), joins)
		}
	}
	m.holds, w.members[i].name, w.members[i].started = true, e.Name, true
}
