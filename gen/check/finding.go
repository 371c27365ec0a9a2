package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"hagen/gen/read"
)

// Severity is how bad a finding is.
type Severity string

// An error means that the machine will not work, or not as written; a warning
// may be intended.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one violation of a rule.
type Finding struct {
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"` // its name in docs/check.md
	Host     string   `json:"host"` // "" for a file of no machine
	Item     string   `json:"item"` // path, unit or user
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"` // in bytes, from 1
	Text     string   `json:"text,omitempty"`   // the line, or what stands for one that is hidden
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

// machine is one machine under check: its facts, which no check changes, and
// its findings.
type machine struct {
	*facts
	set      *set
	rules    map[string]rule // by name
	findings []Finding
}

// tooMany is how many findings about one machine are kept.
const tooMany = 1000

// find adds a finding of a rule and returns it: the caller may change it until
// the next one is found. Arguments that are not of type own are quotes.
func (m *machine) find(name string, p read.Place, format string, args ...any) *Finding {
	r := m.rules[name]
	f := Finding{Severity: r.severity, Rule: name, Host: m.Name, Item: p.Item, Problem: fmt.Sprintf(format, quotes(args)...), Why: r.why, Remedy: r.remedy}
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

// sorted returns a machine's findings without duplicates: errors before
// warnings, then in the order of the document. A finding that follows from
// another about the same line is left out.
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
