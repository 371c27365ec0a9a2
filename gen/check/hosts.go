package check

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"hagen/gen/read"
)

const hostsPath = "/etc/hosts"

// hostsLine is a line of /etc/hosts (hosts(5)).
type hostsLine struct {
	address netip.Addr
	names   []read.Word
}

// readHosts reads the machine's /etc/hosts, if the document brings it.
func (m *machine) readHosts() {
	f, found := m.files[hostsPath]
	m.hasHosts, m.names = found, map[string][]netip.Addr{}
	at := 0
	for line := range strings.Lines(string(f.Contents)) {
		before, _, _ := strings.Cut(line, "#")
		words := read.Split(before, at)
		if len(words) > 0 {
			address, err := netip.ParseAddr(words[0].Text)
			switch {
			case err != nil:
				m.find(ruleHosts, read.At(f, words[0].At), "%s is no address", words[0].Text)
			case len(words) == 1:
				m.find(ruleHosts, read.At(f, words[0].At), "%s has no name", words[0].Text)
			default:
				m.hosts = append(m.hosts, hostsLine{address, words[1:]})
				for _, w := range words[1:] {
					if !slices.Contains(m.names[w.Text], address) {
						m.names[w.Text] = append(m.names[w.Text], address)
					}
				}
			}
		}
		at += len(line)
	}
}

// lookup gives the addresses of a name by the machine's /etc/hosts.
func (m *machine) lookup(name string) []netip.Addr { return m.names[name] }

// loopbacks are what localhost means where nothing else is said.
var loopbacks = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}

// hostsFiles: every machine is told the same, and knows all of them.
func (s *set) hostsFiles() {
	for _, m := range s.machines {
		if !m.hasHosts {
			if slices.ContainsFunc(s.machines, func(other *machine) bool { return other.hasHosts }) {
				m.find(ruleHosts, read.Whole(hostsPath), "is missing, and other machines have it")
			}
			continue
		}
		f := m.files[hostsPath]
		if len(m.lookup("localhost")) == 0 {
			m.find(ruleHosts, read.Whole(hostsPath), "does not know localhost")
		}
		for _, other := range s.machines {
			if other.Name != "" && len(m.lookup(other.Name)) == 0 {
				m.find(ruleHosts, read.Whole(hostsPath), "does not know %s", other.Name)
			}
		}
		of := map[netip.Addr]string{}
		for _, other := range s.machines {
			for _, a := range m.lookup(other.Name) {
				if first, taken := of[a]; taken && first != other.Name && !a.IsLoopback() {
					m.find(ruleHosts, read.In(f, a.String()), "gives %s to both %s and %s", a, first, other.Name)
				}
				of[a] = other.Name
			}
		}
		for _, l := range m.hosts {
			for _, w := range l.names {
				told, same := s.majority(w.Text)
				if !same && !slices.Contains(told, l.address) {
					m.find(ruleHosts, read.At(f, w.At), "gives %s the address %s, which other machines do not", w.Text, l.address)
				}
			}
		}
	}
}

// brought are files that every operating system has already.
var brought = []string{hostsPath, "/etc/hostname"}

// overwrites: a file that is there may be replaced.
func (m *machine) overwrites() {
	for _, path := range brought {
		if f, found := m.files[path]; found && !f.Overwrite {
			m.find(ruleOverwrite, read.Whole(path), "is there already, and may not be replaced")
		}
	}
}

// told is what machines say of a name.
type told struct {
	addresses []netip.Addr // that most of them give it
	same      bool         // all say so
}

// majority gives the addresses that most machines know a name by; same is true
// if all say so.
func (s *set) majority(name string) ([]netip.Addr, bool) {
	if t, known := s.told[name]; known {
		return t.addresses, t.same
	}
	votes := map[string]int{}
	say := map[string][]netip.Addr{}
	most := 0
	var best []netip.Addr
	for _, m := range s.machines {
		if !m.hasHosts {
			continue
		}
		addresses := slices.SortedFunc(slices.Values(m.lookup(name)), netip.Addr.Compare)
		key := fmt.Sprint(addresses)
		votes[key]++
		say[key] = addresses
	}
	for _, key := range slices.Sorted(maps.Keys(votes)) {
		if n := votes[key]; n > most || n == most && len(say[key]) > len(best) {
			most, best = n, say[key]
		}
	}
	s.told[name] = told{best, len(votes) < 2}
	return best, len(votes) < 2
}

// addresses finds out which addresses each machine has: those by which
// /etc/hosts knows it; else those that its etcd, API server and keepalived
// speak of as their own. Then nothing may bind another one.
func (s *set) addresses() {
	for _, m := range s.machines {
		told, _ := s.majority(m.Name)
		m.known = append(m.known, told...)
		if len(told) == 0 {
			m.known = m.claimed()
		}
		for _, r := range m.routers() {
			if a, err := netip.ParseAddr(r.Address); err == nil {
				m.virtual = append(m.virtual, a)
			}
		}
	}
	for _, m := range s.machines {
		for _, l := range m.listeners {
			if len(m.known) > 0 && !l.address.IsUnspecified() && l.address.IsValid() && !l.address.IsLoopback() &&
				!slices.Contains(m.known, l.address) && !slices.Contains(m.virtual, l.address) {
				m.find(ruleBindElsewhere, l.at, "%s binds %s, which the machine does not have", l.process, l.address)
			}
		}
		if p := m.process(apiServer); p != nil {
			a, err := netip.ParseAddr(p.Value("advertise-address"))
			if err == nil && !a.IsUnspecified() && len(m.known) > 0 && !slices.Contains(m.known, a) {
				m.find(ruleBindElsewhere, p.Where("advertise-address"), "--advertise-address is %s, which the machine does not have", a)
			}
		}
	}
}

// claimed are the addresses that a machine's daemons call their own.
func (m *machine) claimed() (out []netip.Addr) {
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil && !a.IsLoopback() && !a.IsUnspecified() && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	if p := m.process(etcd); p != nil {
		for _, w := range read.List(p.Value("initial-advertise-peer-urls"), -1) {
			add(read.ParseURL(w.Text).Host)
		}
	}
	if p := m.process(apiServer); p != nil {
		add(p.Value("advertise-address"))
	}
	for _, r := range m.routers() {
		add(r.Source)
	}
	return out
}
