package check

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"hagen/gen/node"
	"hagen/gen/read"
)

// set is all machines, and what is known of them together.
type set struct {
	now      time.Time
	machines []*machine
	people   *machine        // of no name, without units: it holds people's kubeconfigs
	told     map[string]told // by name
	signed   signatures
}

// newSet reads all machines, and then what follows from all of them.
func newSet(in Input, rules map[string]rule) *set {
	s := &set{now: in.Now, machines: make([]*machine, len(in.Machines))}
	records := readRecords(in.Machines)
	var learnt sync.WaitGroup
	for i, m := range in.Machines {
		learnt.Go(func() { s.machines[i] = &machine{facts: newFacts(m, records), set: s, rules: rules} })
	}
	learnt.Wait()
	s.people = &machine{facts: newFacts(Machine{Node: node.Node{Files: in.Kubeconfigs}}, nil), set: s, rules: rules}
	s.told = s.readNames()
	s.locate()
	s.signed = readSignatures(s.everybody())
	return s
}

// everybody is all machines, and people.
func (s *set) everybody() []*machine { return append(slices.Clone(s.machines), s.people) }

// running lists the machines that run a daemon.
func (s *set) running(daemon string) []*machine {
	return slices.DeleteFunc(slices.Clone(s.machines), func(m *machine) bool { return m.process(daemon) == nil })
}

// of gives the machine of some facts.
func (s *set) of(f *facts) *machine {
	for _, m := range s.machines {
		if m.facts == f {
			return m
		}
	}
	return s.people
}

// locate finds out which addresses each machine has: those by which
// /etc/hosts knows it; else those that its etcd, API server and keepalived
// speak of as their own.
func (s *set) locate() {
	for _, m := range s.machines {
		told, _ := s.majority(m.Name)
		m.known = append(m.known, told...)
		if len(told) == 0 {
			m.known = m.claimed()
		}
		for _, r := range m.routers {
			if a, err := netip.ParseAddr(r.Address); err == nil {
				m.virtual = append(m.virtual, a)
			}
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
func (s *set) majority(name string) (addresses []netip.Addr, same bool) {
	t, known := s.told[name]
	return t.addresses, t.same || !known
}

// readNames finds out what machines say of all names that they know.
func (s *set) readNames() map[string]told {
	out := map[string]told{}
	for _, m := range s.machines {
		for name := range m.hosts.Names {
			if _, known := out[name]; !known {
				out[name] = s.vote(name)
			}
		}
	}
	return out
}

// vote lets the machines that have an /etc/hosts say what a name means.
func (s *set) vote(name string) told {
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
	return told{best, len(votes) < 2}
}

// keyOf tells of a key that is in the wrong file which certificate it belongs
// to: ", but that of kubem01's /etc/etcd/pki/etcd-server.pem".
func (s *set) keyOf(k read.Key, here *machine) string {
	for _, m := range append([]*machine{here}, s.machines...) {
		for _, c := range m.certs {
			switch {
			case c.Public != k.Public:
			case m == here:
				return ", but of " + c.Path
			default:
				return fmt.Sprintf(", but of %s's %s", m.Name, c.Path)
			}
		}
	}
	return ""
}

// resolve gives the addresses of a host; known is false if nothing in the set
// could tell.
func (s *set) resolve(m *facts, host string) (out []netip.Addr, known bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, true
	}
	if m.hasHosts {
		return m.lookup(host), true
	}
	if out, _ = s.majority(host); len(out) > 0 {
		return out, true
	}
	for _, other := range s.machines {
		if other.Name == host && len(other.known) > 0 {
			return other.known, true
		}
	}
	if host == "localhost" {
		return loopbacks, true
	}
	return nil, false
}

// unchecked says what could not be checked.
func (s *set) unchecked() (out []string) {
	twins, opaque, unmapped := 0, 0, []string{}
	for _, m := range s.everybody() {
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

// said is one daemon's value of something that all must agree on.
type said struct {
	machine *machine
	at      read.Place
	what    string
	value   string
}
