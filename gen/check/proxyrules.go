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
			for _, key := range privileged {
				if l := p.line(key); l != nil && p.unit.user() != "" && p.unit.user() != "root" {
					m.find(ruleProxyValue, p.place(l[0].at), "%s takes root, and the unit runs as %s", key, p.unit.user()).Remedy = "remove it: systemd gives HAProxy its user"
				}
			}
		}
		m.exposed(p)
		m.refers(p)
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
		names := map[string]bool{}
		for _, s := range servers {
			if names[s.name] {
				m.find(ruleProxyValue, p.place(s.address.at), "two servers are called %s", s.name).Remedy = "give each a name of its own"
			}
			names[s.name] = true
			m.server(p, s)
		}
	}
}

// exposed: what HAProxy tells of itself is for its own machine, and a port with
// TLS has a certificate.
func (m *machine) exposed(p *proxy) {
	if p.kind == "defaults" || p.kind == "global" {
		return
	}
	for _, l := range p.lines {
		words := texts(l.words)
		if words[0] == "bind" && slices.Contains(words, "ssl") && !slices.Contains(words, "crt") && !slices.Contains(words, "crt-list") {
			m.find(ruleProxyValue, p.place(l.words[0].at), "bind speaks TLS without a certificate: crt is missing").
				Remedy = "remove ssl: HAProxy passes the API servers' TLS on"
		}
	}
	if p.line("stats", "enable") == nil {
		return
	}
	binds, _ := p.binds()
	for _, w := range binds {
		if a, _, ok := socket(w.text); ok && !a.IsLoopback() {
			found := m.find(ruleCallers, p.place(w.at), "everybody on the network may see HAProxy's statistics")
			found.Severity, found.Remedy = Warning, "bind 127.0.0.1"
		}
	}
}

// refers: backends that are named are there, and names are given once. What is
// refused outright gets no connection.
func (m *machine) refers(p *proxy) {
	for _, other := range m.proxies {
		if other == p {
			break
		}
		if other.name != "" && other.name == p.name && (p.kind == other.kind || p.kind == "listen" || other.kind == "listen") && p.kind != "defaults" && other.kind != "defaults" {
			m.find(ruleProxyValue, p.place(p.at), "two sections are called %s", p.name).Remedy = "give each a name of its own"
		}
	}
	for _, l := range p.lines {
		words := texts(l.words)
		switch {
		case (words[0] == "default_backend" || words[0] == "use_backend") && len(words) > 1:
			if !slices.ContainsFunc(m.proxies, func(o *proxy) bool {
				return (o.kind == "backend" || o.kind == "listen") && o.name == words[1]
			}) && !strings.Contains(words[1], "%[") {
				m.find(ruleProxyValue, p.place(l.words[1].at), "there is no backend %s", words[1]).Remedy = "name a backend of the file"
			}
		case words[0] == "tcp-request" && (slices.Contains(words, "reject") || slices.Contains(words, "silent-drop")) && !slices.Contains(words, "if") && !slices.Contains(words, "unless"):
			m.find(ruleIdleServer, p.place(l.words[0].at), "%s %s refuses every connection", p.kind, p.name).Remedy = "say whom it refuses: if …"
		}
	}
}

// idle are options of a server that keep connections from it.
var idle = []struct{ option, value, problem string }{
	{"disabled", "disabled", "is disabled"},
	{"backup", "backup", "is a backup: it gets connections only when no other lives"},
	{"weight", "0", "has weight 0: it gets no connection"},
	{"ssl", "ssl", "is spoken to in TLS around the client's own"},
	{"send-proxy", "send-proxy", "is sent the PROXY protocol, which API servers do not speak"},
	{"send-proxy-v2", "send-proxy-v2", "is sent the PROXY protocol, which API servers do not speak"},
	{"send-proxy-v2-ssl", "send-proxy-v2-ssl", "is sent the PROXY protocol, which API servers do not speak"},
}

// privileged are keywords that HAProxy can follow as root alone.
var privileged = []string{"chroot", "user", "group", "uid", "gid"}

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
	if t := readURL(s.address.text); s.has("port") && s.value("port") != strconv.Itoa(t.port) || s.has("addr") && s.value("addr") != t.host {
		w := s.options["port"]
		if s.has("addr") {
			w = s.options["addr"]
		}
		m.find(ruleUnchecked, p.place(w.at), "server %s is checked elsewhere than it serves", s.name).Remedy = "remove port and addr"
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

// notices is how long it takes until a server that does not answer is taken for
// dead. The first check that fails comes an interval after the last, the others
// after fastinter (configuration manual, 5.2). The word is the first option that
// says so.
func (s server) notices() (time.Duration, word) {
	fall, at := 3, s.address
	for _, option := range []string{"fall", "fastinter", "inter"} {
		if w, given := s.options[option]; given {
			at = w
		}
	}
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
	return inter + time.Duration(fall-1)*next, at
}

// slow: a dead server is found out.
func (m *machine) slow(p *proxy, s server) {
	if all, at := s.notices(); all > patience {
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
		if p.line("option", "httpchk") == nil {
			m.find(ruleHealthAnswer, p.place(words[0].at), "http-check says nothing without option httpchk").Remedy = "write option httpchk GET /readyz"
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
