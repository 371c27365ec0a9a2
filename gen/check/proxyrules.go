package check

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// haproxyRules: what HAProxy must do in front of API servers.
func (m *machine) haproxyRules() {
	m.proxyLines()
	for _, p := range m.proxies {
		if p.kind == "global" {
			m.openFiles(p)
			m.connections(p)
		}
		if l := p.line("default_backend"); len(l) > 1 && m.behind(p) == p && p.kind != "defaults" {
			m.find(ruleProxyValue, p.place(l[1].at), "there is no backend %s", l[1].text)
		}
		servers := p.servers()
		if len(servers) == 0 {
			continue
		}
		if mode := p.line("mode"); len(mode) < 2 || mode[1].text != "tcp" {
			at := whole(p.file.Path)
			if len(mode) > 1 {
				at = p.place(mode[1].at)
			}
			m.find(ruleProxyMode, at, "%s %s is not in mode tcp", p.kind, p.name)
		}
		if l := p.line("disabled"); l != nil {
			m.find(ruleIdleServer, p.place(l[0].at), "%s %s is disabled", p.kind, p.name)
		}
		for _, name := range []string{"connect", "client", "server"} {
			if p.line("timeout", name) == nil {
				m.find(ruleOddTime, whole(p.file.Path), "%s %s has no timeout %s", p.kind, p.name, name)
			}
		}
		m.answers(p)
		for _, s := range servers {
			m.server(p, s)
		}
	}
}

// idle are options of a server that keep connections from it.
var idle = []struct{ option, value, problem string }{
	{"disabled", "disabled", "is disabled"},
	{"backup", "backup", "is a backup: it gets connections only when no other lives"},
	{"weight", "0", "has weight 0: it gets no connection"},
}

func (m *machine) server(p *proxy, s server) {
	at := p.place(s.address.at)
	for _, row := range idle {
		if w, given := s.options[row.option]; given && w.text == row.value {
			m.find(ruleIdleServer, p.place(w.at), "server %s %s", s.name, row.problem)
		}
	}
	switch off, given := s.options["no-check"]; {
	case given:
		m.find(ruleUnchecked, p.place(off.at), "server %s is never checked", s.name)
	case !s.has("check"):
		m.find(ruleUnchecked, at, "server %s is never checked", s.name)
	default:
		m.slow(p, s)
	}
	if asks := p.line("option", "httpchk"); asks == nil {
		return // a port that accepts is all that is asked
	}
	switch {
	case !s.has("check-ssl") && !s.has("ssl"):
		m.find(ruleUnverified, at, "server %s is checked without TLS", s.name)
	case s.value("verify") != "required" || !s.has("ca-file"):
		m.find(ruleUnverified, at, "server %s is checked without verifying its certificate", s.name)
	case !s.has("verifyhost"):
		m.find(ruleUnverified, at, "server %s may show any master's certificate", s.name)
	}
}

// patience is how long a dead server may get its share of connections.
const patience = time.Minute

// slow: a dead server is found out. The first check that fails comes an
// interval after the last, the others after fastinter (configuration manual,
// 5.2).
func (m *machine) slow(p *proxy, s server) {
	fall := 3
	if n, err := strconv.Atoi(s.value("fall")); err == nil {
		fall = n
	}
	inter, ok := readProxyTime(s.value("inter"))
	if !ok {
		inter = 2 * time.Second
	}
	next, ok := readProxyTime(s.value("fastinter"))
	if !ok {
		next = inter
	}
	if all := inter + time.Duration(fall-1)*next; all > patience {
		at := s.address
		for _, option := range []string{"fall", "fastinter", "inter"} {
			if w, given := s.options[option]; given {
				at = w
			}
		}
		m.find(ruleSlowCheck, p.place(at.at), "server %s is found dead after %s", s.name, all)
	}
}

// readyAnswer is what a healthy API server says to /readyz
// (k8s.io/apiserver, pkg/server/healthz).
const readyCode, readyText = 200, "ok"

// answers: a check takes a healthy API server's answer for one.
func (m *machine) answers(p *proxy) {
	for _, l := range p.lines {
		words := l.words
		if len(words) < 4 || words[0].text != "http-check" || words[1].text != "expect" {
			continue
		}
		words, not := words[2:], false
		for len(words) > 2 && !slices.Contains(expectations, words[0].text) {
			not = not || words[0].text == "!"
			words = words[1:]
		}
		if len(words) < 2 {
			continue
		}
		if matches, known := expects(words[0].text, words[1].text); known && matches == not {
			m.find(ruleHealthAnswer, p.place(words[1].at), "a healthy API server answers %d and %q", readyCode, readyText)
		}
	}
}

var expectations = []string{"status", "rstatus", "string", "rstring"}

// expects says whether the answer matches what is expected.
func expects(kind, pattern string) (matches, known bool) {
	switch kind {
	case "status":
		for part := range strings.SplitSeq(pattern, ",") {
			first, last, isRange := strings.Cut(part, "-")
			low, err := strconv.Atoi(first)
			high, err2 := strconv.Atoi(last)
			if !isRange {
				high, err2 = low, nil
			}
			if err != nil || err2 != nil {
				return false, true
			}
			matches = matches || low <= readyCode && readyCode <= high
		}
		return matches, true
	case "string":
		return strings.Contains(readyText, pattern), true
	}
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return false, false // PCRE knows more
	}
	if kind == "rstatus" {
		return expression.MatchString(strconv.Itoa(readyCode)), true
	}
	return expression.MatchString(readyText), true
}

// openFiles: two sockets a connection, and some for checks and logs.
func (m *machine) openFiles(p *proxy) {
	limit := p.line("maxconn")
	if len(limit) < 2 {
		return
	}
	connections, err := strconv.Atoi(limit[1].text)
	files, fileErr := strconv.Atoi(p.unit.value("Service", "LimitNOFILE"))
	if err == nil && fileErr == nil && files < 2*connections {
		d, _ := p.unit.directive("Service", "LimitNOFILE")
		m.find(ruleOpenFiles, p.unit.place(d.valueAt), "LimitNOFILE=%d is too little for maxconn %d", files, connections)
	}
}

// connections: clients cannot take all connections that HAProxy has.
func (m *machine) connections(global *proxy) {
	limit := global.line("maxconn")
	if len(limit) < 2 {
		return
	}
	all, err := strconv.Atoi(limit[1].text)
	for _, p := range m.proxies {
		own := p.line("maxconn")
		if p.kind == "global" || len(own) < 2 || err != nil {
			continue
		}
		if n, err := strconv.Atoi(own[1].text); err == nil && n >= all {
			m.find(ruleConnections, global.place(limit[1].at), "maxconn %d is no more than the %d of %s", all, n, strings.TrimSpace(p.kind+" "+p.name))
			return
		}
	}
}
