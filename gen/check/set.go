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
	people   *machine            // without name or units: it holds people's kubeconfigs
	resolved map[string]resolved // by name
	signed   signatures
}

// newSet reads all machines, and then what follows from all of them.
func newSet(in Input, rules map[string]rule) *set {
	s := &set{now: in.Now, machines: make([]*machine, len(in.Machines))}
	records, texts := readRecords(in.Machines), new(texts)
	var learnt sync.WaitGroup
	for i, m := range in.Machines {
		learnt.Go(func() { s.machines[i] = &machine{facts: newFacts(m, records, texts), set: s, rules: rules} })
	}
	learnt.Wait()
	s.people = &machine{facts: newFacts(Machine{Node: node.Node{Files: in.Kubeconfigs}}, nil, texts), set: s, rules: rules}
	s.resolved = s.readNames()
	s.locate()
	s.signed = readSignatures(s.everybody(), in.Signed)
	return s
}

// everybody returns all machines, and people.
func (s *set) everybody() []*machine { return append(slices.Clone(s.machines), s.people) }

// running lists the machines that run a daemon.
func (s *set) running(daemon string) []*machine {
	return slices.DeleteFunc(slices.Clone(s.machines), func(m *machine) bool { return m.process(daemon) == nil })
}

// of returns the machine with these facts.
func (s *set) of(f *facts) *machine {
	for _, m := range s.machines {
		if m.facts == f {
			return m
		}
	}
	return s.people
}

// locate sets the addresses of each machine: those in /etc/hosts, else those
// that its etcd, API server and keepalived name as its own.
func (s *set) locate() {
	for _, m := range s.machines {
		agreed, _ := s.majority(m.Name)
		m.known = append(m.known, agreed...)
		if len(agreed) == 0 {
			m.known = m.claimed()
		}
		for _, r := range m.routers {
			if a, err := netip.ParseAddr(r.Address); err == nil {
				m.virtual = append(m.virtual, a)
			}
		}
	}
}

// resolved is what /etc/hosts of all machines say about a name.
type resolved struct {
	addresses []netip.Addr // that most of them give it
	same      bool         // all of them do
}

// majority returns the addresses that most machines give a name; same is true
// if all do.
func (s *set) majority(name string) (addresses []netip.Addr, same bool) {
	t, known := s.resolved[name]
	return t.addresses, t.same || !known
}

// readNames resolves all names in /etc/hosts of any machine.
func (s *set) readNames() map[string]resolved {
	out := map[string]resolved{}
	for _, m := range s.machines {
		for name := range m.hosts.Names {
			if _, known := out[name]; !known {
				out[name] = s.vote(name)
			}
		}
	}
	return out
}

// vote returns the addresses that most machines with an /etc/hosts give a
// name.
func (s *set) vote(name string) resolved {
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
	return resolved{best, len(votes) < 2}
}

// keyOf returns which certificate a misplaced key belongs to: ", but of
// kubem01's /etc/etcd/pki/etcd-server.pem".
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

// resolve returns the addresses of a host; known is false if nothing in the
// set gives any.
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

// unchecked lists what could not be checked.
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
		out = append(out, fmt.Sprintf("the documents are redacted: the signatures of %d certificates could not be verified, everything else was checked by the redacted text", twins))
	}
	if opaque > 0 {
		out = append(out, fmt.Sprintf("%d files are redacted so far that their contents could not be checked", opaque))
	}
	if len(unmapped) > 0 {
		out = append(out, "no document has the addresses of "+strings.Join(unmapped, ", ")+": connections there could not be checked")
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
