// Package check says what must hold within a machine and across a set of
// them. It judges documents by what stands in them, not by the tables they
// were made from, so it finds what the tables get wrong and what somebody
// changed by hand.
package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/profiles"
)

// Severity says how bad a finding is.
type Severity string

// An error is something that does not work, or not as it says; a warning may
// be meant.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that does not hold.
type Finding struct {
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"` // its name in docs/check.md
	Host     string   `json:"host"` // "" for a file of no machine
	Item     string   `json:"item"` // path, unit or user
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"` // in bytes, from 1
	Text     string   `json:"text,omitempty"`   // the line; never one that may hold a secret
	Problem  string   `json:"problem"`          // a clause without a stop
	Why      string   `json:"why"`
	Remedy   string   `json:"remedy"`
}

// String gives "host: item: problem".
func (f Finding) String() string {
	if f.Host == "" {
		return f.Item + ": " + f.Problem
	}
	return f.Host + ": " + f.Item + ": " + f.Problem
}

// Machine is one machine of the set. A row of profiles that is empty stands
// for an operating system of which nothing is known.
type Machine struct {
	Node      node.Node
	OS        profiles.OS
	Differing []string // names of documents beside the node's that say something else
	Meta      *Meta    // of cloud-init; nil for none
}

// Meta is what cloud-init's meta-data says of a machine.
type Meta struct {
	InstanceID, LocalHostname string
	Derived                   string // the instance-id that follows from what stands beside it
}

// Input is what is checked.
type Input struct {
	Machines    []Machine
	Kubeconfigs []node.File // those of people, who dial the cluster from anywhere
	Now         time.Time   // for expiry, which a zero time leaves out
	ErrorsOnly  bool        // leaves out what may be meant
}

// Report is what a check found. Notes say what could not be checked, and what
// is no fault where it is meant.
type Report struct {
	Findings []Finding
	Notes    []string
}

// Run checks every machine by itself and all of them together. Findings come
// machine by machine, in the order in which they stand in its document.
func Run(in Input) Report {
	s := &set{now: in.Now, told: map[string]told{}, machines: make([]*machine, len(in.Machines))}
	var learnt, held sync.WaitGroup
	for i, m := range in.Machines {
		learnt.Go(func() { s.machines[i] = newMachine(s, m) })
	}
	learnt.Wait()
	for _, m := range s.machines {
		held.Go(m.within)
	}
	held.Wait()
	s.people = newMachine(s, Machine{Node: node.Node{Files: in.Kubeconfigs}})
	s.across()
	if !in.ErrorsOnly {
		s.drift()
	}
	var report Report
	for _, m := range append(slices.Clone(s.machines), s.people) {
		report.Findings = append(report.Findings, m.sorted()...)
	}
	if in.ErrorsOnly {
		report.Findings = slices.DeleteFunc(report.Findings, func(f Finding) bool { return f.Severity != Error })
	}
	report.Notes = s.notes()
	return report
}

// set is all machines, and what is known of them together.
type set struct {
	now      time.Time
	machines []*machine
	people   *machine // of no name, without units: it holds people's kubeconfigs
	verified sync.Map // [2]string, fingerprints of leaf and authority: bool
	told     map[string]told
	remarks  []string // for the notes
	misses   []miss
}

// within holds what a machine says against itself.
func (m *machine) within() {
	for _, rule := range []func(){
		m.owners, m.paths, m.references, m.programs, m.sources, m.unpacked, m.secrets, m.readable, m.writable, m.pairs, m.authorities, m.expiry,
		m.unitSyntax, m.starts, m.ordering, m.knownFlags, m.binds, m.interfaceFiles, m.kinds,
		m.haproxyRules, m.keepalivedRules, m.hostname, m.timers, m.compaction, m.boundNames, m.callers, m.sense, m.wideOpen, m.overwrites, m.services, m.further, m.disks,
	} {
		rule()
	}
}

// across holds machines against each other: what one says of another must be
// what the other says of itself.
func (s *set) across() {
	for _, rule := range []func(){
		s.uniqueNames, s.sameAuthorities, s.hostsFiles, s.addresses, s.interfaces, s.members, s.agreement, s.serviceAccounts, s.ranges,
		s.leaders, s.unready, s.dials, s.backends, s.virtualAddresses, s.kubeconfigs, s.elsewhere,
	} {
		rule()
	}
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
		return f.Rule == ruleBackends.name && slices.ContainsFunc(m.findings, func(other Finding) bool {
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

// find adds a finding. The caller may say more on what is returned, until the
// next one is found.
func (m *machine) find(r *rule, p read.Place, format string, args ...any) *Finding {
	f := Finding{Severity: r.severity, Rule: r.name, Host: m.Name, Item: p.Item, Problem: fmt.Sprintf(format, args...), Why: r.why, Remedy: r.remedy}
	line, column, text := p.Position()
	if f.Line, f.Column = line, column; line > 0 && !node.HoldsSecret([]byte(p.Text)) && !delicate.MatchString(text) {
		f.Text = text
	}
	if len(m.findings) == tooMany {
		return &f
	}
	m.findings = append(m.findings, f)
	return &m.findings[len(m.findings)-1]
}
