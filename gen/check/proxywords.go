package check

import (
	_ "embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed haproxy.txt
var haproxyText string

// proxyWords are the keywords that HAProxy knows: by the kind of section, and
// as options of bind and server, where true is for those before a value.
var proxyWords = sync.OnceValue(func() map[string]map[string]bool {
	places := map[string]map[string]bool{}
	for line := range strings.Lines(haproxyText) {
		place, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if place == "#" {
			continue
		}
		if places[place] == nil {
			places[place] = map[string]bool{}
		}
		name, value := strings.CutSuffix(name, "=")
		places[place][name] = value
	}
	return places
})

// proxyLines: HAProxy knows every keyword, and can read its value.
func (m *machine) proxyLines() {
	known := proxyWords()
	for _, p := range m.proxies {
		words := known[p.kind]
		if words == nil {
			continue // a kind of section that nobody has looked into
		}
		for _, l := range p.lines {
			m.keyword(p, l.words, words)
			switch l.words[0].text {
			case "server":
				m.options(p, l.words[min(3, len(l.words)):], known["server"])
			case "default-server":
				m.options(p, l.words[1:], known["server"])
			case "bind":
				m.options(p, l.words[min(2, len(l.words)):], known["bind"])
			}
			m.proxyValue(p, l.words)
		}
	}
}

// keyword looks for the longest keyword with which a line may begin.
func (m *machine) keyword(p *proxy, words []word, known map[string]bool) {
	if t := words[0].text; (t == "no" || t == "default") && len(words) > 1 {
		words = words[1:]
	}
	for n := min(3, len(words)); n > 0; n-- {
		if _, found := known[strings.Join(texts(words[:n]), " ")]; found {
			return
		}
	}
	// The first word may be right, and the second is not.
	all, wrong := []string{}, words[0]
	for name := range known {
		first, rest, more := strings.Cut(name, " ")
		switch {
		case !more || first != words[0].text || len(words) < 2:
			all = append(all, first)
		default:
			second, _, _ := strings.Cut(rest, " ")
			all, wrong = append(all, second), words[1]
		}
	}
	m.strangeWord(p, wrong, all)
}

// options are the words of a bind or server line after its address.
func (m *machine) options(p *proxy, words []word, known map[string]bool) {
	for i := 0; i < len(words); i++ {
		value, found := known[words[i].text]
		if !found {
			var all []string
			for name := range known {
				all = append(all, name)
			}
			m.strangeWord(p, words[i], all)
			return // whether the next word is its value nobody knows
		}
		if value {
			i++
			if i < len(words) {
				m.proxyValue(p, words[i-1:i+1])
			}
		}
	}
}

func (m *machine) strangeWord(p *proxy, w word, known []string) {
	slices.Sort(known)
	if meant := nearest(w.text, known); meant != "" && meant != w.text {
		m.find(ruleMisspelledWord, p.place(w.at), "%s is no keyword of HAProxy's here", w.text).Remedy = "write " + meant
		return
	}
	m.find(ruleUnknownWord, p.place(w.at), "%s is no keyword of HAProxy 2.6 in a %s section", w.text, p.kind)
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

// proxyTimes are keywords with times, and between what they make sense. What
// hagen's cluster file takes is a warning at most.
var proxyTimes = []struct {
	keyword     string
	least, most time.Duration
}{
	{"timeout connect", 50 * time.Millisecond, time.Minute},
	{"timeout client", time.Second, longest},
	{"timeout server", time.Second, longest},
	{"timeout tunnel", time.Minute, longest},
	{"timeout check", 100 * time.Millisecond, time.Minute},
	{"timeout", 0, longest}, // any other
	{"inter", 200 * time.Millisecond, longest},
	{"fastinter", 10 * time.Millisecond, longest},
	{"downinter", 200 * time.Millisecond, longest},
	{"slowstart", 0, 10 * time.Minute},
}

// longest is what HAProxy can keep: milliseconds in 31 bits.
const longest = 1<<31*time.Millisecond - 1

// proxyNumbers are keywords with numbers, and between what they make sense.
var proxyNumbers = []struct {
	keyword     string
	least, most int
}{
	{"maxconn", 0, 2_000_000}, {"weight", 0, 256}, {"rise", 1, 20}, {"fall", 1, 20}, {"retries", 0, 20}, {"maxqueue", 0, 1_000_000}, {"minconn", 0, 2_000_000},
}

// fewConnections are too few for any cluster: a watch is a connection.
const fewConnections = 100

var proxyTime = regexp.MustCompile(`^([0-9]{1,10})(us|ms|s|m|h|d)?$`)

// readProxyTime reads HAProxy's times; a bare number is milliseconds
// (configuration manual, 2.5).
func readProxyTime(text string) (time.Duration, bool) {
	parts := proxyTime.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(parts[1]) // at most ten digits
	unit := map[string]time.Duration{"us": time.Microsecond, "": time.Millisecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[parts[2]]
	if time.Duration(n) > longest/unit {
		return longest, true
	}
	return time.Duration(n) * unit, true
}

// proxyValue holds the value after a keyword against the tables.
func (m *machine) proxyValue(p *proxy, words []word) {
	keyword, value, found := keyedBy(words)
	if !found {
		return
	}
	for _, row := range proxyLists {
		name, _, _ := strings.Cut(value.text, "(")
		if row.keyword == keyword && !slices.Contains(row.values, name) {
			m.find(ruleProxyValue, p.place(value.at), "%s is %q", keyword, value.text).Remedy = "write one of " + strings.Join(row.values, ", ")
		}
	}
	for _, row := range proxyNumbers {
		if row.keyword != keyword {
			continue
		}
		n, err := strconv.Atoi(value.text)
		switch {
		case err != nil || n < row.least || n > row.most:
			m.find(ruleProxyValue, p.place(value.at), "%s is %q, and no number from %d to %d", keyword, value.text, row.least, row.most)
		case keyword == "maxconn" && 0 < n && n < fewConnections:
			found := m.find(ruleConnections, p.place(value.at), "maxconn is %d, and every daemon has several connections", n)
			found.Severity, found.Remedy = Warning, "write a thousand or more"
		}
	}
	for _, row := range proxyTimes {
		if row.keyword != keyword && (row.keyword != "timeout" || words[0].text != "timeout") {
			continue
		}
		switch t, ok := readProxyTime(value.text); {
		case !ok:
			m.find(ruleProxyValue, p.place(value.at), "%s is %q, which is no time", keyword, value.text).Remedy = "write a number with its unit: 500ms, 10s, 5m, 1h"
		case t < row.least:
			m.find(ruleOddTime, p.place(value.at), "%s is %s, less than %s", keyword, value.text, row.least)
		case t > row.most:
			m.find(ruleOddTime, p.place(value.at), "%s is %s, more than %s", keyword, value.text, row.most)
		}
		return
	}
}

// keyedBy gives a line's keyword and the value after it.
func keyedBy(words []word) (keyword string, value word, found bool) {
	n := 1
	if words[0].text == "timeout" {
		n = 2
	}
	if len(words) <= n {
		return "", word{}, false
	}
	return strings.Join(texts(words[:n]), " "), words[n], true
}
