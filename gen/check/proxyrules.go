package check

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"hagen/gen/read"
)

// proxyRules are about HAProxy.
var proxyRules = []check{
	{within: (*machine).haproxyRules, rules: []rule{
		{ruleProxyMode, Error, "HAProxy would read TLS as HTTP and refuse every request",
			"write mode tcp"},
		{ruleProxyValue, Error, "HAProxy refuses the configuration",
			"write a value that HAProxy accepts"},
		{ruleProxyTimeouts, Warning, "working connections would be cut, or dead ones kept; a number without unit is milliseconds",
			"write a time with its unit: 1s, 1m, 1d"},
		{ruleSlowCheck, Error, "until then, a dead master gets its share of connections",
			"check more often: inter 1s fall 2"},
		{ruleServerDisabled, Error, "the API server does no work, and may not take over when the others fail",
			"remove the option"},
		{ruleHealthAnswer, Error, "the check marks every healthy master as down",
			"write http-check expect status 200"},
		{ruleConnectionLimits, Error, "when clients have all connections, HAProxy does not answer checks of itself",
			"write a global maxconn above those of the sections"},
		{ruleTLSNotVerified, Error, "any server that answers is trusted",
			"write check-ssl verify required ca-file, and verifyhost with the master's name"},
		{ruleNoHealthCheck, Error, "a dead master keeps getting its share of connections",
			"write check on the server or default-server line"},
		{ruleOpenFiles, Error, "HAProxy refuses to start unless it may open two sockets per connection",
			"raise LimitNOFILE= above twice maxconn, or lower maxconn"},
	}},
	{within: (*machine).proxyLines},
	{across: (*set).backends, rules: []rule{
		{ruleHealthPath, Error, "the API server answers the check with 401, so every master is marked as down",
			"request a path that the authentication configuration opens to anonymous requests"},
		{ruleBackends, Error, "a load balancer sends no connections to an API server that it does not name",
			"name every master's API server in haproxy.cfg once"},
	}},
}

// haproxyRules checks what HAProxy needs in front of API servers.
func (m *machine) haproxyRules() {
	for _, p := range m.proxies {
		if p.Kind == "global" {
			m.openFiles(p)
			m.connections(p)
			for _, key := range privileged {
				if l := p.Line(key); l != nil && p.Unit.User() != "" && p.Unit.User() != "root" {
					m.find(ruleProxyValue, p.Place(l[0].At), "%s needs root, but the unit runs as %s", own(key), p.Unit.User()).Remedy = "remove it: systemd sets HAProxy's user"
				}
			}
		}
		m.exposed(p)
		m.refers(p)
		servers := p.Servers()
		if len(servers) == 0 {
			continue
		}
		if mode := p.Line("mode"); len(mode) < 2 || mode[1].Text != "tcp" {
			at := read.Whole(p.File.Path)
			if len(mode) > 1 {
				at = p.Place(mode[1].At)
			}
			m.find(ruleProxyMode, at, "%s %s is not in mode tcp", own(p.Kind), p.Name)
		}
		if l := p.Line("disabled"); l != nil {
			m.find(ruleServerDisabled, p.Place(l[0].At), "%s %s is disabled", own(p.Kind), p.Name)
		}
		for _, name := range []string{"connect", "client", "server"} {
			if p.Line("timeout", name) == nil {
				m.find(ruleProxyTimeouts, read.Whole(p.File.Path), "%s %s has no timeout %s", own(p.Kind), p.Name, own(name))
			}
		}
		m.answers(p)
		names := map[string]bool{}
		for _, s := range servers {
			if names[s.Name] {
				m.find(ruleProxyValue, p.Place(s.Address.At), "two servers are named %s", s.Name).Remedy = "give each its own name"
			}
			names[s.Name] = true
			m.server(p, s)
		}
	}
}

// exposed checks that HAProxy's statistics are local, and that a port with TLS
// has a certificate.
func (m *machine) exposed(p *read.Proxy) {
	if p.Kind == "defaults" || p.Kind == "global" {
		return
	}
	for _, l := range p.Lines {
		words := read.Texts(l.Words)
		if words[0] == "bind" && slices.Contains(words, "ssl") && !slices.Contains(words, "crt") && !slices.Contains(words, "crt-list") {
			m.find(ruleProxyValue, p.Place(l.Words[0].At), "bind has ssl without a certificate: crt is missing").
				Remedy = "remove ssl: HAProxy passes the API servers' TLS through"
		}
	}
	if p.Line("stats", "enable") == nil {
		return
	}
	binds, _ := p.Binds()
	for _, w := range binds {
		if a, _, ok := read.Socket(w.Text); ok && !a.IsLoopback() {
			found := m.find(ruleAuthentication, p.Place(w.At), "HAProxy's statistics are open to the whole network")
			found.Severity, found.Remedy = Warning, "bind 127.0.0.1"
		}
	}
}

// refers checks that named backends exist, that names are unique, and that no
// section refuses every connection.
func (m *machine) refers(p *read.Proxy) {
	for _, other := range m.proxies {
		if other == p {
			break
		}
		if other.Name != "" && other.Name == p.Name && (p.Kind == other.Kind || p.Kind == "listen" || other.Kind == "listen") && p.Kind != "defaults" && other.Kind != "defaults" {
			m.find(ruleProxyValue, p.Place(p.At), "two sections are named %s", p.Name).Remedy = "give each its own name"
		}
	}
	for _, l := range p.Lines {
		words := read.Texts(l.Words)
		switch {
		case (words[0] == "default_backend" || words[0] == "use_backend") && len(words) > 1:
			if !slices.ContainsFunc(m.proxies, func(o *read.Proxy) bool {
				return (o.Kind == "backend" || o.Kind == "listen") && o.Name == words[1]
			}) && !strings.Contains(words[1], "%[") {
				m.find(ruleProxyValue, p.Place(l.Words[1].At), "there is no backend %s", words[1]).Remedy = "name a backend of the file"
			}
		case words[0] == "tcp-request" && (slices.Contains(words, "reject") || slices.Contains(words, "silent-drop")) && !slices.Contains(words, "if") && !slices.Contains(words, "unless"):
			m.find(ruleServerDisabled, p.Place(l.Words[0].At), "%s %s refuses every connection", own(p.Kind), p.Name).Remedy = "add a condition: if …"
		}
	}
}

// idle are options of a server that keep connections from it.
var idle = []struct{ option, value, problem string }{
	{"disabled", "disabled", "is disabled"},
	{"backup", "backup", "is a backup: it gets connections only when all others are down"},
	{"weight", "0", "has weight 0: it gets no connections"},
	{"ssl", "ssl", "gets TLS around the client's own TLS"},
	{"send-proxy", "send-proxy", "gets the PROXY protocol, which API servers do not support"},
	{"send-proxy-v2", "send-proxy-v2", "gets the PROXY protocol, which API servers do not support"},
	{"send-proxy-v2-ssl", "send-proxy-v2-ssl", "gets the PROXY protocol, which API servers do not support"},
}

// privileged are keywords that need HAProxy to run as root.
var privileged = []string{"chroot", "user", "group", "uid", "gid"}

func (m *machine) server(p *read.Proxy, s read.Server) {
	at := p.Place(s.Address.At)
	for _, row := range idle {
		if w, given := s.Options[row.option]; given && w.Text == row.value {
			m.find(ruleServerDisabled, p.Place(w.At), "server %s %s", s.Name, own(row.problem))
		}
	}
	switch off, given := s.Options["no-check"]; {
	case given:
		m.find(ruleNoHealthCheck, p.Place(off.At), "server %s has no health check", s.Name)
	case !s.Has("check"):
		m.find(ruleNoHealthCheck, at, "server %s has no health check", s.Name)
	default:
		m.slow(p, s)
	}
	if t := read.ParseURL(s.Address.Text); s.Has("port") && s.Value("port") != strconv.Itoa(t.Port) || s.Has("addr") && s.Value("addr") != t.Host {
		w := s.Options["port"]
		if s.Has("addr") {
			w = s.Options["addr"]
		}
		m.find(ruleNoHealthCheck, p.Place(w.At), "server %s is checked at another address or port than it serves", s.Name).Remedy = "remove port and addr"
	}
	if asks := p.Line("option", "httpchk"); asks == nil {
		return // a TCP check only connects
	}
	switch {
	case !s.Has("check-ssl") && !s.Has("ssl"):
		m.find(ruleTLSNotVerified, at, "server %s is checked without TLS", s.Name)
	case s.Value("verify") != "required" || !s.Has("ca-file"):
		m.find(ruleTLSNotVerified, at, "server %s is checked without verifying its certificate", s.Name)
	case !s.Has("verifyhost"):
		m.find(ruleTLSNotVerified, at, "server %s may present any master's certificate", s.Name)
	}
}

// detectWithin is how long a dead server may get its share of connections.
const detectWithin = time.Minute

// slow checks that a dead server is detected in time.
func (m *machine) slow(p *read.Proxy, s read.Server) {
	if all, at := s.Notices(); all > detectWithin {
		m.find(ruleSlowCheck, p.Place(at.At), "server %s is marked as down only after %s", s.Name, all)
	}
}

// readyCode and readyText are what a healthy API server answers to /readyz
// (k8s.io/apiserver, pkg/server/healthz).
const readyCode, readyText = 200, "ok"

// answers checks that a health check accepts the answer of a healthy API
// server.
func (m *machine) answers(p *read.Proxy) {
	for _, l := range p.Lines {
		words := l.Words
		if len(words) < 4 || words[0].Text != "http-check" || words[1].Text != "expect" {
			continue
		}
		if p.Line("option", "httpchk") == nil {
			m.find(ruleHealthAnswer, p.Place(words[0].At), "http-check has no effect without option httpchk").Remedy = "write option httpchk GET /readyz"
			continue
		}
		words, not := words[2:], false
		for len(words) > 2 && !slices.Contains(expectations, words[0].Text) {
			not = not || words[0].Text == "!"
			words = words[1:]
		}
		if len(words) < 2 {
			continue
		}
		if matches, known := expects(words[0].Text, words[1].Text); known && matches == not {
			m.find(ruleHealthAnswer, p.Place(words[1].At), "a healthy API server answers %d and %q", readyCode, readyText)
		}
	}
}

var expectations = []string{"status", "rstatus", "string", "rstring"}

// expects reports whether a healthy answer matches what is expected.
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
		return false, false // PCRE has more syntax
	}
	if kind == "rstatus" {
		return expression.MatchString(strconv.Itoa(readyCode)), true
	}
	return expression.MatchString(readyText), true
}

// openFiles checks that HAProxy may open two sockets per connection.
func (m *machine) openFiles(p *read.Proxy) {
	limit := p.Line("maxconn")
	if len(limit) < 2 {
		return
	}
	connections, err := strconv.Atoi(limit[1].Text)
	files, fileErr := strconv.Atoi(p.Unit.Value("Service", "LimitNOFILE"))
	if err == nil && fileErr == nil && files < 2*connections {
		d, _ := p.Unit.Directive("Service", "LimitNOFILE")
		m.find(ruleOpenFiles, p.Unit.Place(d.ValueAt), "LimitNOFILE=%d is too low for maxconn %d", files, connections)
	}
}

// connections checks that clients cannot take all connections that HAProxy
// has.
func (m *machine) connections(global *read.Proxy) {
	limit := global.Line("maxconn")
	if len(limit) < 2 {
		return
	}
	all, err := strconv.Atoi(limit[1].Text)
	for _, p := range m.proxies {
		of := p.Line("maxconn")
		if p.Kind == "global" || len(of) < 2 || err != nil {
			continue
		}
		if n, err := strconv.Atoi(of[1].Text); err == nil && n >= all {
			m.find(ruleConnectionLimits, global.Place(limit[1].At), "maxconn %d is not above the %d of %s", all, n, strings.TrimSpace(p.Kind+" "+p.Name))
			return
		}
	}
}
