package check

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"hagen/gen/read"
)

// proxyLines checks that HAProxy can read the values of keywords.
func (m *machine) proxyLines() {
	for _, p := range m.proxies {
		for _, l := range p.Lines {
			switch l.Words[0].Text {
			case "server":
				m.options(p, l.Words[min(3, len(l.Words)):])
			case "default-server":
				m.options(p, l.Words[1:])
			case "bind":
				m.options(p, l.Words[min(2, len(l.Words)):])
			}
			m.proxyValue(p, l.Words)
		}
	}
}

// options are the words of a bind or server line after its address.
func (m *machine) options(p *read.Proxy, words []read.Word) {
	for i := 0; i+1 < len(words); i++ {
		if read.OptionHasValue(words[i].Text) {
			m.proxyValue(p, words[i:i+2])
			i++
		}
	}
}

// proxyLists are keywords with the words that may follow them.
var proxyLists = []struct {
	keyword string
	values  []string
}{
	{"mode", []string{"tcp", "http", "health", "log"}},
	{"balance", []string{"roundrobin", "static-rr", "leastconn", "first", "source", "uri", "url_param", "hdr", "random", "rdp-cookie", "hash", "sticky"}},
	{"verify", []string{"none", "required", "optional"}},
	{"on-marked-down", []string{"shutdown-sessions"}},
	{"on-marked-up", []string{"shutdown-backup-sessions"}},
	{"observe", []string{"layer4", "layer7"}},
	{"on-error", []string{"fastinter", "fail-check", "sudden-death", "mark-down"}},
}

// proxyTimes are keywords with durations, and the range that makes sense. What
// the cluster file accepts is at most a warning.
var proxyTimes = []struct {
	keyword     string
	least, most time.Duration
}{
	{"timeout connect", 50 * time.Millisecond, time.Minute},
	{"timeout client", time.Second, read.LongestProxyTime},
	{"timeout server", time.Second, read.LongestProxyTime},
	{"timeout tunnel", time.Minute, read.LongestProxyTime},
	{"timeout check", 100 * time.Millisecond, time.Minute},
	{"timeout", 0, read.LongestProxyTime}, // any other
	{"inter", 200 * time.Millisecond, read.LongestProxyTime},
	{"fastinter", 10 * time.Millisecond, read.LongestProxyTime},
	{"downinter", 200 * time.Millisecond, read.LongestProxyTime},
	{"slowstart", 0, 10 * time.Minute},
}

// proxyNumbers are keywords with numbers, and their range.
var proxyNumbers = []struct {
	keyword     string
	least, most int
}{
	{"maxconn", 0, 2_000_000}, {"weight", 0, 256}, {"rise", 1, 20}, {"fall", 1, 20}, {"retries", 0, 20}, {"maxqueue", 0, 1_000_000}, {"minconn", 0, 2_000_000},
}

// fewConnections are too few for any cluster: a watch is a connection.
const fewConnections = 100

// proxyValue checks the value after a keyword against the tables.
func (m *machine) proxyValue(p *read.Proxy, words []read.Word) {
	keyword, value, found := keyedBy(words)
	if !found {
		return
	}
	for _, row := range proxyLists {
		name, _, _ := strings.Cut(value.Text, "(")
		if row.keyword == keyword && !slices.Contains(row.values, name) {
			m.find(ruleProxyValue, p.Place(value.At), "%s is %q", own(keyword), value.Text).Remedy = "write one of " + strings.Join(row.values, ", ")
		}
	}
	for _, row := range proxyNumbers {
		if row.keyword != keyword {
			continue
		}
		n, err := strconv.Atoi(value.Text)
		switch {
		case err != nil || n < row.least || n > row.most:
			m.find(ruleProxyValue, p.Place(value.At), "%s is %q, not a number from %d to %d", own(keyword), value.Text, row.least, row.most)
		case keyword == "maxconn" && 0 < n && n < fewConnections:
			found := m.find(ruleConnectionLimits, p.Place(value.At), "maxconn is %d, but every daemon has several connections", n)
			found.Severity, found.Remedy = Warning, "write a thousand or more"
		}
	}
	for _, row := range proxyTimes {
		if row.keyword != keyword && (row.keyword != "timeout" || words[0].Text != "timeout") {
			continue
		}
		switch t, ok := read.ParseProxyTime(value.Text); {
		case !ok:
			m.find(ruleProxyValue, p.Place(value.At), "%s is %q, which is not a time", own(keyword), value.Text).Remedy = "write a number with its unit: 500ms, 10s, 5m, 1h"
		case t < row.least:
			m.find(ruleProxyTimeouts, p.Place(value.At), "%s is %s, less than %s", own(keyword), value.Text, row.least)
		case t > row.most:
			m.find(ruleProxyTimeouts, p.Place(value.At), "%s is %s, more than %s", own(keyword), value.Text, row.most)
		}
		return
	}
}

// keyedBy returns a line's keyword and the value after it.
func keyedBy(words []read.Word) (keyword string, value read.Word, found bool) {
	n := 1
	if words[0].Text == "timeout" {
		n = 2
	}
	if len(words) <= n {
		return "", read.Word{}, false
	}
	return strings.Join(read.Texts(words[:n]), " "), words[n], true
}
