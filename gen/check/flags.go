package check

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"hagen/profiles"
)

const (
	etcd      = "etcd"
	apiServer = "kube-apiserver"
	manager   = "kube-controller-manager"
	scheduler = "kube-scheduler"
	haproxy   = "haproxy"
)

// daemons are the programs of which more is known here than that they run.
var daemons = map[string]struct{ flags bool }{
	etcd: {true}, apiServer: {true}, manager: {true}, scheduler: {true}, haproxy: {}, "keepalived": {},
}

// version gives the version of a binary that binaries.sh asks for.
func (m *machine) version(product string) (v profiles.Version, n need, ok bool) {
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

var (
	recordLock sync.Mutex
	records    = map[recordKey]record{}
)

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

// repeatable are types of flags that may be given more than once.
var repeatable = []string{"strings", "stringSlice", "stringArray", "stringToString", "mapStringString", "namedCertKey", "int32Slice", "colonSeparatedMultimapStringString", "pattern=N,..."}

// knownFlags: every flag of a daemon is one that its release accepts, given
// once, with a value of its type.
func (m *machine) knownFlags() {
	for _, p := range m.processes {
		if !daemons[p.name].flags || !p.main {
			continue
		}
		v, n, _ := m.version(p.name)
		r := recordOf(p.name, v)
		if !r.known {
			if n.product != "" {
				m.find(ruleUnknownRelease, m.at(binariesPath, n.at), "hagen has no record of the flags of %s %s", p.name, n.version)
			} else {
				m.find(ruleUnknownRelease, p.unit.place(p.path.at), "nothing says which release of %s this is", p.name)
			}
		}
		given := map[string]bool{}
		for _, f := range p.flags {
			at := p.unit.place(f.at)
			row, found := r.flags[f.name]
			switch {
			case r.flags == nil:
			case !found:
				found := m.find(ruleUnknownFlag, at, "%s %s has no flag --%s", p.name, v, f.name)
				if meant := nearestFlag(f.name, r); meant != "" {
					found.Remedy = "write --" + meant
				}
				continue
			default:
				m.flagValue(p, f, row)
				m.listedValues(p, f, row)
			}
			if given[f.name] && !slices.Contains(repeatable, row.Type) {
				m.find(ruleFlagTwice, at, "--%s is given twice", f.name)
			}
			given[f.name] = true
		}
		for _, w := range p.args {
			if strings.HasPrefix(w.text, "\\") {
				m.find(ruleSyntax, p.unit.place(w.at), "a backslash that does not end its line")
			}
		}
	}
}

func nearestFlag(name string, r record) string {
	var known []string
	for k := range r.flags {
		known = append(known, k)
	}
	slices.Sort(known)
	return nearest(name, known)
}

// typeNames are types in words that are not pflag's.
var typeNames = map[string]string{
	"ip": "IP address", "bool": "switch: true or false", "int": "number", "int32": "number", "Level": "number",
	"float": "number", "float32": "number", "portRange": "range of ports",
}

// flagValue reads a value as its flag's type does. etcd's help names no types;
// its defaults tell them.
func (m *machine) flagValue(p *process, f flag, row profiles.Flag) {
	kind, value := row.Type, strings.ReplaceAll(f.value, "%%", "%")
	if kind == "" && (row.Default == "true" || row.Default == "false") {
		kind = "bool"
	} else if _, err := strconv.Atoi(row.Default); kind == "" && err == nil && row.Default != "0" {
		kind = "int"
	}
	var err error
	switch kind {
	case "bool":
		if f.given {
			_, err = strconv.ParseBool(value)
		}
	case "int", "int32", "Level":
		_, err = strconv.Atoi(value)
	case "duration":
		_, err = time.ParseDuration(value)
	case "float", "float32":
		_, err = strconv.ParseFloat(value, 64)
	case "ip":
		_, err = netip.ParseAddr(value)
	case "portRange":
		first, last, _ := strings.Cut(value, "-")
		_, err = strconv.ParseUint(first, 10, 16)
		if _, second := strconv.ParseUint(last, 10, 16); err == nil && last != "" {
			err = second
		}
	}
	if err != nil {
		if plain, known := typeNames[kind]; known {
			kind = plain
		}
		m.find(ruleFlagValue, p.unit.place(f.valueAt), "--%s is no %s", f.name, kind)
	}
}

// listedValues: each word is one that the release has. Items of a list may be
// taken out of it, a feature may be another component's and is on or off.
func (m *machine) listedValues(p *process, f flag, row profiles.Flag) {
	for _, w := range list(f.value, f.valueAt) {
		name, _, _ := strings.Cut(strings.TrimLeft(w.text, "+-"), "=")
		component, feature, others := strings.Cut(name, ":")
		switch {
		case others && component != "kube":
			continue
		case others:
			name = feature
		}
		if len(row.Values) == 0 || name == "*" || slices.Contains(row.Values, name) {
			continue
		}
		found := m.find(ruleFlagValue, p.unit.place(w.at), "--%s has no %s in this release", f.name, name)
		found.Remedy = "write one of those that hagen releases RELEASE --flags --json lists"
		if meant := nearest(name, row.Values); meant != "" {
			found.Remedy = "write " + meant
		} else if len(row.Values) < 10 {
			found.Remedy = "write one of " + strings.Join(row.Values, ", ")
		} else if f.name == "controllers" {
			found.Severity = Warning // some have older names, too
		}
	}
}

// timers: etcd's own rule (etcd, embed.Config.Validate).
func (m *machine) timers() {
	p := m.process(etcd)
	if p == nil {
		return
	}
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(p.value(name)); err == nil {
			return n
		}
		return otherwise
	}
	heartbeat, election := number("heartbeat-interval", 100), number("election-timeout", 1000)
	if 5*heartbeat > election {
		m.find(ruleTimers, p.where("election-timeout"), "--election-timeout %d is less than five times --heartbeat-interval %d", election, heartbeat)
	}
}
