// Package check checks machines, one by one and against each other. It reads
// documents, not the tables they were made from, so it finds mistakes in the
// tables and changes made by hand.
package check

import (
	"slices"
	"sync"

	"hagen/gen/node"
)

// Run checks every machine by itself and all of them together. Findings come
// machine by machine, in the order of its document.
func Run(in Input) Report {
	all := checks()
	s := newSet(in, rulesOf(all))
	var held sync.WaitGroup
	for _, m := range s.machines {
		held.Go(func() {
			for _, c := range all {
				if c.within != nil {
					c.within(m)
				}
			}
		})
	}
	held.Wait()
	for _, c := range all {
		if c.across != nil && !(c.warns && in.ErrorsOnly) {
			c.across(s)
		}
	}
	var report Report
	for _, m := range s.everybody() {
		report.Findings = append(report.Findings, m.sorted()...)
	}
	var nodes []node.Node
	for _, m := range s.everybody() {
		nodes = append(nodes, m.Node)
	}
	Hide(report.Findings, nodes, in.Show...)
	report.Findings = slices.Compact(report.Findings)
	if in.ErrorsOnly {
		report.Findings = slices.DeleteFunc(report.Findings, func(f Finding) bool { return f.Severity != Error })
	}
	for _, c := range all {
		if c.notes != nil {
			report.Notes = append(report.Notes, c.notes(s)...)
		}
	}
	report.Notes = append(report.Notes, s.unchecked()...)
	return report
}

// checks returns all checks, by subject.
func checks() []check {
	return slices.Concat(
		accountRules, pathRules, sourceRules, secretRules, certificateRules, unitRules, flagRules, portRules, interfaceRules, configRules,
		proxyRules, virtualRules, accessRules, limitRules, serviceRules, documentRules, diskRules, hostRules, memberRules, agreementRules, rangeRules, kubeconfigRules, connectionRules, identityRules, rightsRules, equalityRules,
	)
}

// Severities returns all rules, for the documentation.
func Severities() map[string]Severity {
	out := map[string]Severity{}
	for name, r := range rulesOf(checks()) {
		out[name] = r.severity
	}
	return out
}

// rulesOf returns the rules of checks by name.
func rulesOf(all []check) map[string]rule {
	out := map[string]rule{}
	for _, c := range all {
		for _, r := range c.rules {
			out[r.name] = r
		}
	}
	return out
}
