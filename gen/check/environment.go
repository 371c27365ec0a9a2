package check

import (
	"strings"

	"hagen/gen/read"
)

// variables returns the flags that are set in etcd's environment. etcd reads
// them like flags and ignores empty ones (go.etcd.io/etcd, pkg/flags). A flag
// on the command line wins.
func (m *facts) variables(p *read.Process) (out []read.Flag) {
	v, _, _ := m.version(etcd)
	known := m.records.of(etcd, v).flags
	at := map[string]int{}
	for _, f := range environment(p) {
		if _, given := p.Flag(f.Name); given || f.Value == "" || known[f.Name].Name == "" || f.Name == "version" { // etcd looks for that before
			continue
		}
		if i, again := at[f.Name]; again { // the last one counts (systemd.exec(5))
			out[i] = f
			continue
		}
		at[f.Name] = len(out)
		out = append(out, f)
	}
	return out
}

// environment lists etcd's variables in a unit.
func environment(p *read.Process) (out []read.Flag) {
	for _, w := range p.Unit.All("Service", "Environment") {
		variable, value, _ := strings.Cut(w.Text, "=")
		if like, is := strings.CutPrefix(variable, "ETCD_"); is {
			name := strings.ReplaceAll(strings.ToLower(like), "_", "-")
			out = append(out, read.Flag{Name: name, Value: value, Given: true, Variable: variable, At: w.At, ValueAt: w.At + len(variable) + 1})
		}
	}
	return out
}
