package check

import (
	"sync"

	"hagen/profiles"
)

// version gives the version of a binary that binaries.sh asks for.
func (m *facts) version(product string) (v profiles.Version, n need, ok bool) {
	for _, n := range m.needs {
		if n.product == product {
			v, ok := profiles.ParseVersion(n.version)
			return v, n, ok
		}
	}
	return profiles.Version{}, need{}, false
}

// record is what a release of a daemon accepts, by flag.
type record struct {
	flags map[string]profiles.Flag
	known bool // the release is hagen's, whether its flags are on record or not
}

type recordKey struct {
	daemon string
	line   string // of versions
}

// recordOf gives what a version of a daemon accepts. etcd's flags stand in the
// record of the Kubernetes releases that it belongs to.
func recordOf(daemon string, v profiles.Version) record {
	recordLock.Lock()
	defer recordLock.Unlock()
	key := recordKey{daemon, v.Line()}
	if r, found := records[key]; found {
		return r
	}
	var out record
	for _, release := range profiles.Releases() {
		of := release.Minor
		if daemon == etcd {
			of = release.Etcd.Line()
		}
		if of != v.Line() || out.flags != nil {
			continue
		}
		out.known = true
		if flags, recorded := profiles.Flags(release.Minor); recorded {
			out.flags = map[string]profiles.Flag{}
			for _, f := range flags {
				if f.Component == daemon {
					out.flags[f.Name] = f
				}
			}
		}
	}
	records[key] = out
	return out
}

var (
	recordLock sync.Mutex
	records    = map[recordKey]record{}
)
