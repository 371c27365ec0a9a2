package check

import (
	"cmp"
	"fmt"
	"maps"
	"math"
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
	people   *machine // of no name, without units: it holds people's kubeconfigs
	verified sync.Map // [2]string, fingerprints of leaf and authority: bool
	told     map[string]told
	remarks  []string // for the notes, which checks add
}

// newSet reads all machines, and then what follows from all of them.
func newSet(in Input, rules map[string]rule) *set {
	s := &set{now: in.Now, told: map[string]told{}, machines: make([]*machine, len(in.Machines))}
	var learnt sync.WaitGroup
	for i, m := range in.Machines {
		learnt.Go(func() { s.machines[i] = &machine{facts: newFacts(m), set: s, rules: rules} })
	}
	learnt.Wait()
	s.people = &machine{facts: newFacts(Machine{Node: node.Node{Files: in.Kubeconfigs}}), set: s, rules: rules}
	s.locate()
	return s
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

// signedBy says whether an authority signed a certificate. Of a twin the names
// alone are known.
func (s *set) signedBy(c, authority read.Certificate) bool {
	if !authority.IsCA || c.Issuer != authority.Subject {
		return false
	}
	if c.Twin || authority.Twin {
		return true
	}
	pair := [2]string{c.Identity, authority.Identity}
	if known, found := s.verified.Load(pair); found {
		return known.(bool)
	}
	signed := c.CheckSignatureFrom(authority.Certificate) == nil
	s.verified.Store(pair, signed)
	return signed
}

// signedByAny says whether one of several authorities signed a certificate.
func (s *set) signedByAny(c read.Certificate, authorities []read.Certificate) bool {
	for _, a := range authorities {
		if s.signedBy(c, a) {
			return true
		}
	}
	return false
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

// sorted gives a machine's findings without repetitions: errors before
// warnings, then in the order of the document. What follows from another
// finding about the same line is left out.
func (m *machine) sorted() []Finding {
	order := map[string]int{}
	for i, f := range m.Files {
		order[f.Path] = i
	}
	for i, u := range m.units {
		for _, p := range u.Parts {
			order[p.Item] = len(m.Files) + i
		}
	}
	findings := slices.DeleteFunc(slices.Clone(m.findings), func(f Finding) bool {
		return f.Rule == ruleBackends && slices.ContainsFunc(m.findings, func(other Finding) bool {
			return other.Rule != f.Rule && other.Item == f.Item && other.Line == f.Line
		})
	})
	line := func(f Finding) int { return cmp.Or(f.Line, math.MaxInt) }
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(order[a.Item], order[b.Item]), cmp.Compare(line(a), line(b)))
	})
	seen := map[Finding]bool{}
	return slices.DeleteFunc(findings, func(f Finding) bool {
		twice := seen[f]
		seen[f] = true
		return twice
	})
}

// tooMany findings about one machine help nobody.
const tooMany = 1000

// find adds a finding of a rule. The caller may say more on what is returned, until the
// next one is found.
func (m *machine) find(name string, p read.Place, format string, args ...any) *Finding {
	r := m.rules[name]
	f := Finding{Severity: r.severity, Rule: name, Host: m.Name, Item: p.Item, Problem: fmt.Sprintf(format, args...), Why: r.why, Remedy: r.remedy}
	line, column, text := p.Position()
	if f.Line, f.Column = line, column; line > 0 {
		f.Text = text
	}
	if len(m.findings) == tooMany {
		return &f
	}
	m.findings = append(m.findings, f)
	return &m.findings[len(m.findings)-1]
}

// check is a function with the rules whose findings it makes. A rule that several
// make stands with the first.
type check struct {
	within func(*machine) // one machine
	across func(*set)     // all of them
	warns  bool           // no finding is an error
	rules  []rule
}

// machine is one machine under check: its facts, which are read before the first
// check and written by none, and what was found.
type machine struct {
	*facts
	set      *set
	rules    map[string]rule // by name
	findings []Finding
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
