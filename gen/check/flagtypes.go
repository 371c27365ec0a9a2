package check

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hagen/gen/lazy"
	"hagen/gen/read"
	"hagen/profiles"
)

// flagType is a row: what a type of flag is in plain words, what to write, and
// which values daemons read. Without reads any text is one.
type flagType struct {
	plain, remedy string
	reads         func(string) bool
}

const (
	digits = "write digits alone, without a unit: 1Gi is 1073741824"
	timed  = "write a number with its unit: 500ms, 5s, 10m, 1h"
)

// flagTypes are the types in the records of flags: pflag's, those of
// k8s.io/component-base/cli/flag, of Go's package flag, and etcd's own.
var flagTypes = map[string]flagType{
	"string": {}, "text": {}, "list": {}, "strings": {}, "stringSlice": {}, "stringArray": {}, "namedCertKey": {}, "mapStringString": {}, "version[=true]": {},

	"bool":      {"switch: true or false", "write true or false", reads(strconv.ParseBool)},
	"int":       {"whole number", digits, signed(64)},
	"int64":     {"whole number", digits, signed(64)},
	"int32":     {"whole number", digits, signed(32)},
	"Level":     {"whole number from 0 on, in digits", digits, level},
	"uint":      {"whole number from 0 on", digits, unsigned(64)},
	"uint64":    {"whole number from 0 on", digits, unsigned(64)},
	"uint32":    {"whole number from 0 to 4294967295", digits, unsigned(32)},
	"float":     {"number", "write a number", decimal},
	"float32":   {"number", "write a number", decimal},
	"duration":  {"duration", timed, reads(time.ParseDuration)},
	"ip":        {"IP address", "write an address", reads(netip.ParseAddr)},
	"ipnet":     {"range of addresses", "write an address with a length: 10.32.0.0/16", reads(netip.ParsePrefix)},
	"portRange": {"range of ports", "write two ports: 30000-32767", isPortRange},
	"quantity":  {"quantity", "write a number with a unit: 512Ki, 1Mi", quantity().MatchString},
	"urls":      {"list of URLs as etcd reads them", "write https://ADDRESS:PORT, with commas between and nothing behind the port", eachOf(isEtcdURL)},

	"int32Slice":                         {"list of whole numbers", "write numbers with commas between", eachOf(signed(32))},
	"stringToString":                     {"list of names with values", "write NAME=VALUE, with commas between", eachOf(isPair)},
	"mapStringBool":                      {"list of features", "write FEATURE=true or FEATURE=false, with commas between", eachOf(isSwitched)},
	"colonSeparatedMultimapStringString": {"list of features", "write FEATURE=true or FEATURE=false, with commas between", eachOf(isSwitched)},
	"pattern=N,...":                      {"list of levels", "write FILE=LEVEL, with commas between", eachOf(isLevelled)},
}

// repeatable are types of flags that may be given more than once.
var repeatable = []string{"strings", "stringSlice", "stringArray", "stringToString", "mapStringString", "namedCertKey", "int32Slice", "colonSeparatedMultimapStringString", "pattern=N,..."}

func reads[T any](parse func(string) (T, error)) func(string) bool {
	return func(v string) bool { _, err := parse(v); return err == nil }
}

// signed and unsigned read a number in the base that it names, as Go does: 0x10, 1_000.
func signed(bits int) func(string) bool {
	return func(v string) bool { _, err := strconv.ParseInt(v, 0, bits); return err == nil }
}

func unsigned(bits int) func(string) bool {
	return func(v string) bool { _, err := strconv.ParseUint(v, 0, bits); return err == nil }
}

// level is how much is logged (k8s.io/component-base, logs/api/v1): in digits
// alone, of which the first may be 0.
func level(v string) bool { _, err := strconv.ParseUint(v, 10, 31); return err == nil }

func decimal(v string) bool { _, err := strconv.ParseFloat(v, 64); return err == nil }

// eachOf: every item of a list is read. An empty list has none.
func eachOf(item func(string) bool) func(string) bool {
	return func(v string) bool {
		for part := range strings.SplitSeq(v, ",") {
			if v != "" && !item(strings.TrimSpace(part)) {
				return false
			}
		}
		return true
	}
}

func isPair(v string) bool { return strings.Contains(v, "=") }

func isSwitched(v string) bool {
	_, state, _ := strings.Cut(v, "=")
	_, err := strconv.ParseBool(state)
	return err == nil || v == ""
}

func isLevelled(v string) bool {
	file, n, _ := strings.Cut(v, "=")
	return file != "" && level(n) || v == ""
}

// isPortRange: one port, two with a dash, or one and how many follow (k8s.io/apimachinery,
// pkg/util/net, PortRange).
func isPortRange(v string) bool {
	first, last, _ := strings.Cut(strings.Replace(v, "+", "-", 1), "-")
	port := func(v string) bool { _, err := strconv.ParseUint(v, 10, 16); return err == nil }
	return port(first) && (last == "" || port(last))
}

// quantity is k8s.io/apimachinery's (pkg/api/resource).
var quantity = lazy.Regexp(`^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$`)

// hostPort is what net.SplitHostPort takes apart.
var hostPort = lazy.Regexp(`^(?:\[[^\]]*\]|[^:\[\]]*):[0-9]*$`)

// isEtcdURL is etcd's own rule (go.etcd.io/etcd, client/pkg/types, NewURLs).
func isEtcdURL(v string) bool {
	u, err := url.Parse(v)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "http", "https":
		return hostPort().MatchString(u.Host) && u.Path == ""
	}
	return u.Scheme == "unix" || u.Scheme == "unixs"
}

// flagValue reads a value as its flag's type does. A flag's default can be read.
func (m *machine) flagValue(p *read.Process, f read.Flag, row profiles.Flag) {
	value, at := strings.ReplaceAll(f.Value, "%%", "%"), p.Unit.Place(f.ValueAt)
	switch kind := flagTypes[row.Type]; {
	case row.Type == "bool" && !f.Given:
	case row.Type == "bool" && f.Apart:
		m.find(ruleFlagValue, at, "%s stands apart from its value: a switch takes none there", f.Said()).Remedy = "write " + f.Said() + "=" + f.Value
	case kind.reads == nil || kind.reads(value) || value != "" && value == row.Default:
	default:
		m.find(ruleFlagValue, at, "%s is no %s", f.Said(), kind.plain).Remedy = kind.remedy
	}
}

// anyCase are flags whose words may be in capitals, too (go.uber.org/zap, Level).
var anyCase = []string{"log-level"}

// features are types of lists whose items are FEATURE=true; those of several
// components name one before it: kube:FEATURE=true.
var features = []string{"mapStringBool", "colonSeparatedMultimapStringString"}

// listedValues: each word is one that the release has, of a flag that takes one
// word the whole value. Of a list of features an item may be another component's;
// of controllers one may be taken out, or all be meant.
func (m *machine) listedValues(p *read.Process, f read.Flag, row profiles.Flag) {
	words := read.List(f.Value, f.ValueAt)
	if row.Type == "string" && f.Value != "" {
		words = []read.Word{{Text: f.Value, At: f.ValueAt}}
	}
	for _, w := range words {
		name := w.Text
		switch {
		case slices.Contains(anyCase, f.Name):
			name = strings.ToLower(name)
		case f.Name == "controllers" && name == "*":
			continue
		case f.Name == "controllers":
			name = strings.TrimPrefix(name, "-")
		case slices.Contains(features, row.Type):
			name, _, _ = strings.Cut(name, "=")
			component, feature, others := strings.Cut(name, ":")
			if others && component != "kube" {
				continue
			} else if others {
				name = feature
			}
		}
		if len(row.Values) == 0 || slices.Contains(row.Values, name) {
			continue
		}
		found := m.find(ruleFlagValue, p.Unit.Place(w.At), "%s has no %s in this release", f.Said(), name)
		found.Remedy = "write one of those that hagen releases RELEASE --flags --json lists"
		if meant := nearest(name, row.Values); meant != "" {
			found.Remedy = "write " + meant
		} else if len(row.Values) < 10 {
			found.Remedy = "write one of " + strings.Join(row.Values, ", ")
		} else if f.Name == "controllers" {
			found.Severity = Warning // some have older names, too
		}
	}
}

// timers: etcd's own rule (etcd, embed.Config.Validate).
func (m *machine) timers() {
	p := m.process(etcd)
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(p.Value(name)); err == nil {
			return n
		}
		return otherwise
	}
	heartbeat, election := number("heartbeat-interval", 100), number("election-timeout", 1000)
	if 5*heartbeat > election {
		m.find(ruleEtcdTimers, p.Where("election-timeout"), "--election-timeout %d is less than five times --heartbeat-interval %d", election, heartbeat)
	}
}

// compaction: etcd's own rule (server/embed, parseCompactionRetention). Hours
// and revisions are numbers, a time is one of hours; releases before 3.3 have
// nothing but hours, of which the flag's type says all.
func (m *machine) compaction() {
	const flag = "auto-compaction-retention"
	p := m.process(etcd)
	v, _, _ := m.version(etcd)
	f, _ := p.Flag(flag)
	value, said := f.Value, f.Said()
	if value == "" || m.records.of(etcd, v).flags[flag].Type != "string" {
		return
	}
	if n, err := strconv.Atoi(value); err == nil && n >= 0 {
		return
	}
	t, err := time.ParseDuration(value)
	switch {
	case err != nil:
		m.find(ruleFlagValue, p.Where(flag), "%s is neither a whole number from 0 on nor a duration", said).Remedy = "write hours, 5, or a duration, 30m"
	case t < 0:
		m.find(ruleFlagLimit, p.Where(flag), "%s is %s, and nobody keeps less than nothing", said, value).Remedy = "write 0 to keep all, or a duration"
	case p.Value("auto-compaction-mode") == "revision":
		m.find(ruleFlagLimit, p.Where(flag), "%s is a time, and --auto-compaction-mode=revision counts revisions: etcd takes its nanoseconds for them", said).
			Remedy = "write how many revisions are kept, or leave the mode out"
	}
}

// twofold: etcd ends when a flag and its variable are given.
func (m *machine) twofold() {
	p := m.process(etcd)
	if p == nil {
		return
	}
	for _, f := range environment(p) {
		if other, given := p.Flag(f.Name); given && other.Variable == "" {
			m.find(ruleDuplicateFlag, p.Unit.Place(f.At), "%s says what --%s says: etcd refuses both", f.Variable, f.Name)
		}
	}
}
