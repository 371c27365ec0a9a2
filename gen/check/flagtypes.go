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

// flagType is a row: a type of flag in plain words, what to write, and which
// values daemons accept; without reads, any text.
type flagType struct {
	plain, remedy string
	reads         func(string) bool
}

const (
	digits = "write only digits, without a unit: 1Gi is 1073741824"
	timed  = "write a number with its unit: 500ms, 5s, 10m, 1h"
)

// flagTypes are the types in the records of flags: pflag's, those of
// k8s.io/component-base/cli/flag, of Go's package flag, and etcd's own.
var flagTypes = map[string]flagType{
	"string": {}, "text": {}, "list": {}, "strings": {}, "stringSlice": {}, "stringArray": {}, "namedCertKey": {}, "mapStringString": {}, "version[=true]": {},

	"bool":      {"a switch, true or false", "write true or false", reads(strconv.ParseBool)},
	"int":       {"a whole number", digits, signed(64)},
	"int64":     {"a whole number", digits, signed(64)},
	"int32":     {"a whole number", digits, signed(32)},
	"Level":     {"a whole number, 0 or more, in digits", digits, level},
	"uint":      {"a whole number, 0 or more", digits, unsigned(64)},
	"uint64":    {"a whole number, 0 or more", digits, unsigned(64)},
	"uint32":    {"a whole number from 0 to 4294967295", digits, unsigned(32)},
	"float":     {"a number", "write a number", decimal},
	"float32":   {"a number", "write a number", decimal},
	"duration":  {"a duration", timed, reads(time.ParseDuration)},
	"ip":        {"an IP address", "write an address", reads(netip.ParseAddr)},
	"ipnet":     {"an address range", "write an address with a prefix length: 10.32.0.0/16", reads(netip.ParsePrefix)},
	"portRange": {"a port range", "write two ports: 30000-32767", isPortRange},
	"quantity":  {"a quantity", "write a number with a unit: 512Ki, 1Mi", quantity().MatchString},
	"urls":      {"a list of URLs that etcd accepts", "write https://ADDRESS:PORT, separated by commas, with nothing after the port", eachOf(isEtcdURL)},

	"int32Slice":                         {"a list of whole numbers", "write numbers separated by commas", eachOf(signed(32))},
	"stringToString":                     {"a list of names with values", "write NAME=VALUE, separated by commas", eachOf(isPair)},
	"mapStringBool":                      {"a list of features", "write FEATURE=true or FEATURE=false, separated by commas", eachOf(isSwitched)},
	"colonSeparatedMultimapStringString": {"a list of features", "write FEATURE=true or FEATURE=false, separated by commas", eachOf(isSwitched)},
	"pattern=N,...":                      {"a list of levels", "write FILE=LEVEL, separated by commas", eachOf(isLevelled)},
}

func reads[T any](parse func(string) (T, error)) func(string) bool {
	return func(v string) bool { _, err := parse(v); return err == nil }
}

// signed and unsigned parse a number with an optional base prefix, as Go does:
// 0x10, 1_000.
func signed(bits int) func(string) bool {
	return func(v string) bool { _, err := strconv.ParseInt(v, 0, bits); return err == nil }
}

func unsigned(bits int) func(string) bool {
	return func(v string) bool { _, err := strconv.ParseUint(v, 0, bits); return err == nil }
}

// level parses a log level (k8s.io/component-base, logs/api/v1): digits only,
// with leading zeros allowed.
func level(v string) bool { _, err := strconv.ParseUint(v, 10, 31); return err == nil }

func decimal(v string) bool { _, err := strconv.ParseFloat(v, 64); return err == nil }

// eachOf accepts lists whose items are all accepted. An empty list has none.
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

// isPortRange accepts one port, two with a dash, or one and how many follow:
// PORT+COUNT (k8s.io/apimachinery, pkg/util/net, PortRange).
func isPortRange(v string) bool {
	first, last, _ := strings.Cut(strings.Replace(v, "+", "-", 1), "-")
	port := func(v string) bool { _, err := strconv.ParseUint(v, 10, 16); return err == nil }
	return port(first) && (last == "" || port(last))
}

// quantity is the syntax of a quantity (k8s.io/apimachinery, pkg/api/resource).
var quantity = lazy.Regexp(`^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$`)

// hostPort matches what net.SplitHostPort accepts.
var hostPort = lazy.Regexp(`^(?:\[[^\]]*\]|[^:\[\]]*):[0-9]*$`)

// isEtcdURL applies etcd's own rule (go.etcd.io/etcd, client/pkg/types,
// NewURLs).
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

// flagValue checks a value against its flag's type. A flag's default is always
// valid.
func (m *machine) flagValue(p *read.Process, f read.Flag, row profiles.Flag) {
	value, at := strings.ReplaceAll(f.Value, "%%", "%"), p.Unit.Place(f.ValueAt)
	switch kind := flagTypes[row.Type]; {
	case row.Type == "bool" && !f.Given:
	case row.Type == "bool" && f.Apart:
		m.find(ruleFlagValue, at, "%s is separated from its value: a switch needs a = there", own(f.Said())).Remedy = "write " + f.Said() + "=, and the value without a blank"
	case kind.reads == nil || kind.reads(value) || value != "" && value == row.Default:
	default:
		m.find(ruleFlagValue, at, "%s is not %s", own(f.Said()), own(kind.plain)).Remedy = kind.remedy
	}
}

// anyCase are flags whose words may be in capitals (go.uber.org/zap, Level).
var anyCase = []string{"log-level"}

// features are types of lists whose items are FEATURE=true; those of several
// components name one before it: kube:FEATURE=true.
var features = []string{"mapStringBool", "colonSeparatedMultimapStringString"}

// listedValues checks each word against those of the release. A flag that
// takes one word is checked whole. A feature may be another component's; a
// controller may be excluded with -, and * means all.
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
		found := m.find(ruleFlagValue, p.Unit.Place(w.At), "%s has no %s in this release", own(f.Said()), name)
		found.Remedy = "write one of those that hagen releases RELEASE --flags --json lists"
		if meant := nearest(name, row.Values); meant != "" {
			found.Remedy = "write " + quote(meant)
		} else if len(row.Values) < 10 {
			found.Remedy = "write one of " + strings.Join(row.Values, ", ")
		} else if f.Name == "controllers" {
			found.Severity = Warning // some have older names, too
		}
		found.Remedy += quote("") // which of them it is depends on the value
	}
}

// timers checks etcd's own rule (etcd, embed.Config.Validate).
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

// compaction checks etcd's own rule (server/embed, parseCompactionRetention):
// hours and revisions are numbers, and hours may be a duration. Releases
// before 3.3 have only hours, which the flag's type covers.
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
		m.find(ruleFlagValue, p.Where(flag), "%s is neither a whole number, 0 or more, nor a duration", own(said)).Remedy = "write hours (5) or a duration (30m)"
	case t < 0:
		m.find(ruleFlagLimit, p.Where(flag), "%s is %s, but must not be negative", own(said), value).Remedy = "write 0 to keep all, or a duration"
	case p.Value("auto-compaction-mode") == "revision":
		m.find(ruleFlagLimit, p.Where(flag), "%s is a duration, but --auto-compaction-mode=revision counts revisions: etcd takes its nanoseconds as the number", own(said)).
			Remedy = "write the number of revisions to keep, or leave the mode out"
	}
}

// twofold reports flags that are also given as a variable: etcd refuses both.
func (m *machine) twofold() {
	p := m.process(etcd)
	if p == nil {
		return
	}
	for _, f := range environment(p) {
		if other, given := p.Flag(f.Name); given && other.Variable == "" {
			m.find(ruleDuplicateFlag, p.Unit.Place(f.At), "%s and --%s are the same setting: etcd refuses both", own(f.Variable), own(f.Name))
		}
	}
}
