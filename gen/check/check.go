// Package check says what must hold within a machine and across a set of
// them. It judges documents by what stands in them, not by the tables they
// were made from, so it finds what the tables get wrong and what somebody
// changed by hand.
package check

import (
	"slices"
	"sync"
)

// Run checks every machine by itself and all of them together. Findings come
// machine by machine, in the order in which they stand in its document.
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
	hide(report.Findings, s.everybody())
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

// checks lists all of them, subject by subject.
func checks() []check {
	return slices.Concat(
		accountRules, pathRules, sourceRules, secretRules, certificateRules, unitRules, flagRules, portRules, interfaceRules, configRules,
		proxyRules, virtualRules, accessRules, limitRules, serviceRules, documentRules, diskRules, hostRules, memberRules, agreementRules, rangeRules, kubeconfigRules, connectionRules, identityRules, equalityRules,
	)
}

// Severities lists all rules, for the documentation.
func Severities() map[string]Severity {
	out := map[string]Severity{}
	for name, r := range rulesOf(checks()) {
		out[name] = r.severity
	}
	return out
}

// rulesOf gives the rules of checks by their names.
func rulesOf(all []check) map[string]rule {
	out := map[string]rule{}
	for _, c := range all {
		for _, r := range c.rules {
			out[r.name] = r
		}
	}
	return out
}
