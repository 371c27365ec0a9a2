package check

import (
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

// knownFlags: every flag of a daemon is one that its release accepts, given
// once, with a value of its type.
func (m *machine) knownFlags() {
	for _, p := range m.processes {
		if !daemons[p.Name].flags || !p.Main {
			continue
		}
		v, n, _ := m.version(p.Name)
		r := recordOf(p.Name, v)
		if !r.known {
			if n.product != "" {
				m.find(ruleUnknownRelease, m.at(binariesPath, n.at), "hagen has no record of the flags of %s %s", p.Name, n.version)
			} else {
				m.find(ruleUnknownRelease, p.Unit.Place(p.Path.At), "nothing says which release of %s this is", p.Name)
			}
		}
		given := map[string]bool{}
		for _, f := range p.Flags {
			at := p.Unit.Place(f.At)
			row, found := r.flags[f.Name]
			switch {
			case r.flags == nil:
			case !found:
				found := m.find(ruleUnknownFlag, at, "%s %s has no flag --%s", p.Name, v, f.Name)
				if meant := nearestFlag(f.Name, r); meant != "" {
					found.Remedy = "write --" + meant
				}
				continue
			default:
				m.flagValue(p, f, row)
				m.listedValues(p, f, row)
			}
			if given[f.Name] && !slices.Contains(repeatable, row.Type) {
				m.find(ruleFlagTwice, at, "--%s is given twice", f.Name)
			}
			given[f.Name] = true
		}
		for _, w := range p.Args {
			if strings.HasPrefix(w.Text, "\\") {
				m.find(ruleSyntax, p.Unit.Place(w.At), "a backslash that does not end its line")
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

// timers: etcd's own rule (etcd, embed.Config.Validate).
func (m *machine) timers() {
	p := m.process(etcd)
	if p == nil {
		return
	}
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(p.Value(name)); err == nil {
			return n
		}
		return otherwise
	}
	heartbeat, election := number("heartbeat-interval", 100), number("election-timeout", 1000)
	if 5*heartbeat > election {
		m.find(ruleTimers, p.Where("election-timeout"), "--election-timeout %d is less than five times --heartbeat-interval %d", election, heartbeat)
	}
}

// compaction: etcd's own rule (server/embed, parseCompactionRetention). Hours
// and revisions are numbers, a time is one of hours; releases before 3.3 have
// nothing but hours, of which the flag's type says all.
func (m *machine) compaction() {
	const flag = "auto-compaction-retention"
	p := m.process(etcd)
	v, _, _ := m.version(etcd)
	value := p.Value(flag)
	if value == "" || recordOf(etcd, v).flags[flag].Type != "string" {
		return
	}
	if n, err := strconv.Atoi(value); err == nil && n >= 0 {
		return
	}
	t, err := time.ParseDuration(value)
	switch {
	case err != nil:
		m.find(ruleFlagValue, p.Where(flag), "--%s is neither a whole number from 0 on nor a duration", flag).Remedy = "write hours, 5, or a duration, 30m"
	case t < 0:
		m.find(ruleOddFlag, p.Where(flag), "--%s is %s, and nobody keeps less than nothing", flag, value).Remedy = "write 0 to keep all, or a duration"
	case p.Value("auto-compaction-mode") == "revision":
		m.find(ruleOddFlag, p.Where(flag), "--%s is a time, and --auto-compaction-mode=revision counts revisions: etcd takes its nanoseconds for them", flag).
			Remedy = "write how many revisions are kept, or leave the mode out"
	}
}
