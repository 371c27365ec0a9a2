package check

import (
	"maps"
	"slices"
	"strings"

	"hagen/gen/read"
)

// flagRules are about flags.
var flagRules = []check{
	{within: (*machine).knownFlags, rules: []rule{
		{ruleUnknownFlag, Error, "the daemon prints its usage and exits",
			"remove the flag; hagen releases RELEASE --flags lists the valid ones"},
		{ruleDuplicateFlag, Error, "all but the last are silently ignored",
			"remove one"},
		{ruleFlagValue, Error, "the daemon cannot read the value and exits",
			"write a value of the flag's type"},
		{ruleUnknownRelease, Warning, "without a record of its flags, they cannot be checked",
			"name a release that hagen knows in /etc/hagen/binaries.sh; hagen releases lists them"},
	}},
	{within: (*machine).timers, rules: []rule{
		{ruleEtcdTimers, Error, "etcd refuses an election timeout below five heartbeats",
			"write --election-timeout at ten times --heartbeat-interval"},
	}},
	{within: (*machine).compaction},
	{within: (*machine).twofold},
}

// knownFlags checks that the release has every flag of a daemon, given once,
// with a value of its type.
func (m *machine) knownFlags() {
	for _, p := range m.processes {
		if !daemons[p.Name].flags || !p.Main {
			continue
		}
		v, n, _ := m.version(p.Name)
		r := m.records.of(p.Name, v)
		if !r.known {
			if n.Product != "" {
				m.find(ruleUnknownRelease, m.at(read.BinariesPath, n.Wanted), "hagen has no record of the flags of %s %s", own(p.Name), n.Version)
			} else {
				m.find(ruleUnknownRelease, p.Unit.Place(p.Path.At), "the release of %s is unknown", own(p.Name))
			}
		}
		given := map[string]bool{}
		for _, f := range p.Flags {
			at := p.Unit.Place(f.At)
			row, found := r.flags[f.Name]
			switch {
			case r.flags == nil:
			case !found:
				meant := nearest(f.Name, slices.Sorted(maps.Keys(r.flags)))
				found := m.find(ruleUnknownFlag, at, "%s %s has no flag --%s", own(p.Name), own(v.String()), nameOf(f.Name, meant))
				if meant != "" {
					found.Remedy = "write --" + meant
				}
				continue
			default:
				m.flagValue(p, f, row)
				m.listedValues(p, f, row)
			}
			if given[f.Name] && !slices.Contains(repeatable, row.Type) {
				m.find(ruleDuplicateFlag, at, "--%s is given twice", own(f.Name))
			}
			given[f.Name] = true
		}
		for _, w := range p.Args {
			if strings.HasPrefix(w.Text, "\\") {
				m.find(ruleSyntax, p.Unit.Place(w.At), "has a backslash that does not end its line")
			}
		}
	}
}
