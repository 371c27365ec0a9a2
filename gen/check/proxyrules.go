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
			"write a value that HAProxy takes"},
		{ruleProxyTimeouts, Warning, "connections would be cut that are sound, or kept that are dead; a number without unit is milliseconds",
			"write a time with its unit: 1s, 1m, 1d"},
		{ruleSlowCheck, Error, "so long a dead master gets its share of connections",
			"check more often: inter 1s fall 2"},
		{ruleServerDisabled, Error, "an API server that gets no connections does no work, and is missed only when the others die",
			"remove the word"},
		{ruleHealthAnswer, Error, "the check takes every healthy master for dead",
			"write http-check expect status 200"},
		{ruleConnectionLimits, Error, "when clients have all connections HAProxy answers nobody who asks about itself",
			"write a global maxconn above those of the sections"},
		{ruleTLSNotVerified, Error, "the health check would believe anybody who answers",
			"write check-ssl verify required ca-file, and verifyhost with the master's name"},
		{ruleNoHealthCheck, Error, "a dead master would go on getting its share of connections",
			"write check on the server or default-server line"},
		{ruleOpenFiles, Error, "HAProxy refuses to start when it may not open two sockets a connection",
			"raise LimitNOFILE= above twice maxconn, or lower maxconn"},
	}},
	{within: (*machine).proxyLines},
	{across: (*set).backends, rules: []rule{
		{ruleHealthPath, Error, "the API server answers the check with 401, so every master is taken for dead",
			"ask for a path that the authentication configuration leaves to everybody"},
		{ruleBackends, Error, "an API server that no balancer knows gets no connection",
			"name every master's API server in haproxy.cfg once"},
	}},
}

// haproxyRules: what HAProxy must do in front of API servers.
func (m *machine) haproxyRules() {
	for _, p := range m.proxies {
		if p.Kind == "global" {
			m.openFiles(p)
			m.connections(p)
			for _, key := range privileged {
				if l := p.Line(key); l != nil && p.Unit.User() != "" && p.Unit.User() != "root" {
					m.find(ruleProxyValue, p.Place(l[0].At), "%s takes root, and the unit runs as %s", key, p.Unit.User()).Remedy = "remove it: systemd gives HAProxy its user"
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
			m.find(ruleProxyMode, at, "%s %s is not in mode tcp", p.Kind, p.Name)
		}
		if l := p.Line("disabled"); l != nil {
			m.find(ruleServerDisabled, p.Place(l[0].At), "%s %s is disabled", p.Kind, p.Name)
		}
		for _, name := range []string{"connect", "client", "server"} {
			if p.Line("timeout", name) == nil {
				m.find(ruleProxyTimeouts, read.Whole(p.File.Path), "%s %s has no timeout %s", p.Kind, p.Name, name)
			}
		}
		m.answers(p)
		names := map[string]bool{}
		for _, s := range servers {
			if names[s.Name] {
				m.find(ruleProxyValue, p.Place(s.Address.At), "two servers are called %s", s.Name).Remedy = "give each a name of its own"
			}
			names[s.Name] = true
			m.server(p, s)
		}
	}
}

// exposed: what HAProxy tells of itself is for its own machine, and a port with
// TLS has a certificate.
func (m *machine) exposed(p *read.Proxy) {
	if p.Kind == "defaults" || p.Kind == "global" {
		return
	}
	for _, l := range p.Lines {
		words := read.Texts(l.Words)
		if words[0] == "bind" && slices.Contains(words, "ssl") && !slices.Contains(words, "crt") && !slices.Contains(words, "crt-list") {
			m.find(ruleProxyValue, p.Place(l.Words[0].At), "bind speaks TLS without a certificate: crt is missing").
				Remedy = "remove ssl: HAProxy passes the API servers' TLS on"
		}
	}
	if p.Line("stats", "enable") == nil {
		return
	}
	binds, _ := p.Binds()
	for _, w := range binds {
		if a, _, ok := read.Socket(w.Text); ok && !a.IsLoopback() {
			found := m.find(ruleAuthentication, p.Place(w.At), "everybody on the network may see HAProxy's statistics")
			found.Severity, found.Remedy = Warning, "bind 127.0.0.1"
		}
	}
}

// refers: backends that are named are there, and names are given once. What is
// refused outright gets no connection.
func (m *machine) refers(p *read.Proxy) {
	for _, other := range m.proxies {
		if other == p {
			break
		}
		if other.Name != "" && other.Name == p.Name && (p.Kind == other.Kind || p.Kind == "listen" || other.Kind == "listen") && p.Kind != "defaults" && other.Kind != "defaults" {
			m.find(ruleProxyValue, p.Place(p.At), "two sections are called %s", p.Name).Remedy = "give each a name of its own"
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
			m.find(ruleServerDisabled, p.Place(l.Words[0].At), "%s %s refuses every connection", p.Kind, p.Name).Remedy = "say whom it refuses: if …"
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

func (m *machine) server(p *read.Proxy, s read.Server) {
	at := p.Place(s.Address.At)
	for _, row := range idle {
		if w, given := s.Options[row.option]; given && w.Text == row.value {
			m.find(ruleServerDisabled, p.Place(w.At), "server %s %s", s.Name, row.problem)
		}
	}
	switch off, given := s.Options["no-check"]; {
	case given:
		m.find(ruleNoHealthCheck, p.Place(off.At), "server %s is never checked", s.Name)
	case !s.Has("check"):
		m.find(ruleNoHealthCheck, at, "server %s is never checked", s.Name)
	default:
		m.slow(p, s)
	}
	if t := read.ParseURL(s.Address.Text); s.Has("port") && s.Value("port") != strconv.Itoa(t.Port) || s.Has("addr") && s.Value("addr") != t.Host {
		w := s.Options["port"]
		if s.Has("addr") {
			w = s.Options["addr"]
		}
		m.find(ruleNoHealthCheck, p.Place(w.At), "server %s is checked elsewhere than it serves", s.Name).Remedy = "remove port and addr"
	}
	if asks := p.Line("option", "httpchk"); asks == nil {
		return // a port that accepts is all that is asked
	}
	switch {
	case !s.Has("check-ssl") && !s.Has("ssl"):
		m.find(ruleTLSNotVerified, at, "server %s is checked without TLS", s.Name)
	case s.Value("verify") != "required" || !s.Has("ca-file"):
		m.find(ruleTLSNotVerified, at, "server %s is checked without verifying its certificate", s.Name)
	case !s.Has("verifyhost"):
		m.find(ruleTLSNotVerified, at, "server %s may show any master's certificate", s.Name)
	}
}

// patience is how long a dead server may get its share of connections.
const patience = time.Minute

// slow: a dead server is found out.
func (m *machine) slow(p *read.Proxy, s read.Server) {
	if all, at := s.Notices(); all > patience {
		m.find(ruleSlowCheck, p.Place(at.At), "server %s is found dead after %s", s.Name, all)
	}
}

// readyAnswer is what a healthy API server says to /readyz
// (k8s.io/apiserver, pkg/server/healthz).
const readyCode, readyText = 200, "ok"

// answers: a check takes a healthy API server's answer for one.
func (m *machine) answers(p *read.Proxy) {
	for _, l := range p.Lines {
		words := l.Words
		if len(words) < 4 || words[0].Text != "http-check" || words[1].Text != "expect" {
			continue
		}
		if p.Line("option", "httpchk") == nil {
			m.find(ruleHealthAnswer, p.Place(words[0].At), "http-check says nothing without option httpchk").Remedy = "write option httpchk GET /readyz"
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
func (m *machine) openFiles(p *read.Proxy) {
	limit := p.Line("maxconn")
	if len(limit) < 2 {
		return
	}
	connections, err := strconv.Atoi(limit[1].Text)
	files, fileErr := strconv.Atoi(p.Unit.Value("Service", "LimitNOFILE"))
	if err == nil && fileErr == nil && files < 2*connections {
		d, _ := p.Unit.Directive("Service", "LimitNOFILE")
		m.find(ruleOpenFiles, p.Unit.Place(d.ValueAt), "LimitNOFILE=%d is too little for maxconn %d", files, connections)
	}
}

// connections: clients cannot take all connections that HAProxy has.
func (m *machine) connections(global *read.Proxy) {
	limit := global.Line("maxconn")
	if len(limit) < 2 {
		return
	}
	all, err := strconv.Atoi(limit[1].Text)
	for _, p := range m.proxies {
		own := p.Line("maxconn")
		if p.Kind == "global" || len(own) < 2 || err != nil {
			continue
		}
		if n, err := strconv.Atoi(own[1].Text); err == nil && n >= all {
			m.find(ruleConnectionLimits, global.Place(limit[1].At), "maxconn %d is no more than the %d of %s", all, n, strings.TrimSpace(p.Kind+" "+p.Name))
			return
		}
	}
}
