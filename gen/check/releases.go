package check

import (
	"slices"

	"hagen/gen/read"
	"hagen/profiles"
)

// version returns the version of a binary that binaries.sh asks for.
func (m *facts) version(product string) (v profiles.Version, n read.Step, ok bool) {
	for _, n := range m.needs {
		if n.Product == product {
			v, ok := profiles.ParseVersion(n.Version)
			return v, n, ok
		}
	}
	return profiles.Version{}, read.Step{}, false
}

// record is what a release of a daemon accepts, by flag.
type record struct {
	flags map[string]profiles.Flag
	known bool // hagen knows the release, with or without a record of its flags
}

// records are those of the releases that machines ask for, by daemon and line
// of versions.
type records map[recordKey]record

type recordKey struct{ daemon, line string }

func (r records) of(daemon string, v profiles.Version) record { return r[recordKey{daemon, v.Line()}] }

// readRecords reads them, each once.
func readRecords(machines []Machine) records {
	out := records{}
	for _, m := range machines {
		for _, s := range read.StepsOf(m.Node) {
			v, ok := profiles.ParseVersion(s.Version)
			key := recordKey{s.Product, v.Line()}
			if _, known := out[key]; ok && !known && daemons[s.Product].flags {
				out[key] = readRecord(s.Product, key.line)
			}
		}
	}
	return out
}

// readRecord returns what a line of a daemon's versions accepts. etcd's flags
// are in the record of the Kubernetes releases that it belongs to.
func readRecord(daemon, line string) (out record) {
	for _, release := range profiles.Releases() {
		of := release.Minor
		if daemon == etcd {
			of = release.Etcd.Line()
		}
		if of != line || out.flags != nil {
			continue
		}
		out.known = true
		if flags, recorded := profiles.Flags(release.Minor, daemon); recorded {
			out.flags = make(map[string]profiles.Flag, len(flags))
			for _, f := range flags {
				out.flags[f.Name] = f
			}
		}
	}
	return out
}

// repeatable are types of flags that may be given more than once.
var repeatable = []string{"strings", "stringSlice", "stringArray", "stringToString", "mapStringString", "namedCertKey", "int32Slice", "colonSeparatedMultimapStringString", "pattern=N,..."}

// counted returns the flags of a name that count: the last, or all if the flag may be
// given several times.
func (m *machine) counted(p *read.Process, flag string) []read.Flag {
	all := p.Named(flag)
	if len(all) < 2 {
		return all
	}
	v, _, _ := m.version(p.Name)
	if row, found := m.records.of(p.Name, v).flags[flag]; found && slices.Contains(repeatable, row.Type) {
		return all
	}
	return all[len(all)-1:]
}
