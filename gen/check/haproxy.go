package check

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/node"
)

// proxy is a section of haproxy.cfg that listens, sends on, or both. What it
// does not say itself it takes from the defaults before it.
type proxy struct {
	file     node.File
	unit     *unit // that runs haproxy with this file
	kind     string
	name     string
	lines    []proxyLine
	defaults *proxy // the last such section before; nil for none
}

// proxyLine is one line, split at blanks.
type proxyLine struct {
	words []word
}

// server is one server line, with what default-server adds to it.
type server struct {
	proxy   *proxy
	name    string
	address word
	options map[string]string
	checked bool
}

// proxySections are the keywords that begin a section (HAProxy's configuration
// manual, 2.1).
var proxySections = []string{"global", "defaults", "listen", "frontend", "backend", "resolvers", "peers", "userlist", "cache", "program", "mailers", "http-errors", "ring", "log-forward", "fcgi-app", "crt-store", "traces"}

// readProxies reads the configuration of every HAProxy that a unit runs.
func (m *machine) readProxies() (out []*proxy) {
	for _, p := range m.processes {
		if p.name != haproxy || !p.main {
			continue
		}
		for _, f := range p.flags {
			if file, found := m.files[f.value]; found && f.name == "f" {
				out = append(out, parseProxies(file, p.unit)...)
			}
		}
	}
	return out
}

func parseProxies(file node.File, u *unit) (out []*proxy) {
	var section, defaults *proxy
	at := 0
	for line := range strings.Lines(string(file.Contents)) {
		words := split(uncommented(line), at)
		at += len(line)
		switch {
		case len(words) == 0:
		case slices.Contains(proxySections, words[0].text):
			section = &proxy{file: file, unit: u, kind: words[0].text, defaults: defaults}
			if len(words) > 1 {
				section.name = words[1].text
			}
			if section.kind == "defaults" {
				section.defaults, defaults = nil, section
			}
			out = append(out, section)
		case section != nil:
			section.lines = append(section.lines, proxyLine{words})
		}
	}
	return out
}

func uncommented(line string) string {
	if before, _, found := strings.Cut(line, "#"); found && (before == "" || strings.HasSuffix(before, " ") || strings.HasSuffix(before, "\t")) {
		return before
	}
	return line
}

// line gives the last line of a section that begins with these words; of its
// defaults, if it has none.
func (p *proxy) line(keys ...string) []word {
	var found []word
	for _, l := range p.lines {
		if len(l.words) >= len(keys) && slices.Equal(texts(l.words[:len(keys)]), keys) {
			found = l.words
		}
	}
	if found == nil && p.defaults != nil {
		return p.defaults.line(keys...)
	}
	return found
}

func (p *proxy) place(at int) place { return place{p.file.Path, string(p.file.Contents), at} }

// binds lists the addresses that a section listens on.
func (p *proxy) binds() (out []word, tls bool) {
	for _, l := range p.lines {
		if l.words[0].text == "bind" && len(l.words) > 1 {
			for part := range strings.SplitSeq(l.words[1].text, ",") {
				out = append(out, word{part, l.words[1].at})
			}
			tls = tls || slices.Contains(texts(l.words), "ssl")
		}
	}
	return out, tls
}

// valued are options of a server line that are followed by a value.
var valued = []string{"ca-file", "verify", "verifyhost", "inter", "fastinter", "downinter", "rise", "fall", "on-marked-down", "on-marked-up", "maxconn", "maxqueue", "weight", "slowstart", "port", "addr", "sni", "check-sni", "crt", "on-error", "minconn", "observe", "error-limit", "alpn", "check-alpn", "cookie", "id", "init-addr", "resolvers", "source", "track"}

// servers lists the servers of a section.
func (p *proxy) servers() (out []server) {
	defaults := map[string]string{}
	checked := false
	add := func(words []word, to map[string]string) (check bool) {
		for i := 0; i < len(words); i++ {
			switch w := words[i].text; {
			case slices.Contains(valued, w) && i+1 < len(words):
				to[w] = words[i+1].text
				i++
			case w == "check":
				check = true
			default:
				to[w] = "yes"
			}
		}
		return check
	}
	if p.defaults != nil {
		if l := p.defaults.line("default-server"); l != nil {
			checked = add(l[1:], defaults)
		}
	}
	for _, l := range p.lines {
		switch {
		case l.words[0].text == "default-server":
			checked = add(l.words[1:], defaults) || checked
		case l.words[0].text == "server" && len(l.words) > 2:
			s := server{proxy: p, name: l.words[1].text, address: l.words[2], options: map[string]string{}}
			for k, v := range defaults {
				s.options[k] = v
			}
			s.checked = add(l.words[3:], s.options) || checked
			out = append(out, s)
		}
	}
	return out
}

// behind gives the section whose servers get what this one takes in.
func (m *machine) behind(p *proxy) *proxy {
	if backend := p.line("default_backend"); len(backend) > 1 {
		for _, other := range m.proxies {
			if other.kind == "backend" && other.name == backend[1].text {
				return other
			}
		}
	}
	return p
}

// haproxyRules: what HAProxy must do in front of API servers.
func (m *machine) haproxyRules() {
	for _, p := range m.proxies {
		if p.kind == "global" {
			m.openFiles(p)
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
		for _, s := range servers {
			m.server(p, s)
		}
	}
}

func (m *machine) server(p *proxy, s server) {
	at := p.place(s.address.at)
	if !s.checked {
		m.find(ruleUnchecked, at, "server %s is never checked", s.name)
	}
	asks := p.line("option", "httpchk")
	if asks == nil {
		return // a port that accepts is all that is asked
	}
	switch {
	case s.options["check-ssl"] == "" && s.options["ssl"] == "":
		m.find(ruleUnverified, at, "server %s is checked without TLS", s.name)
	case s.options["verify"] != "required" || s.options["ca-file"] == "":
		m.find(ruleUnverified, at, "server %s is checked without verifying its certificate", s.name)
	case s.options["verifyhost"] == "":
		m.find(ruleUnverified, at, "server %s may show any master's certificate", s.name)
	}
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

// socket reads address:port, with an empty address or * for all.
func socket(text string) (address netip.Addr, port int, ok bool) {
	for _, prefix := range []string{"ipv4@", "ipv6@"} {
		text = strings.TrimPrefix(text, prefix)
	}
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return netip.Addr{}, 0, false
	}
	host := strings.Trim(text[:i], "[]")
	port, err := strconv.Atoi(text[i+1:])
	if err != nil || port < 1 || port > 65535 {
		return netip.Addr{}, 0, false
	}
	if host == "" || host == "*" {
		return netip.IPv4Unspecified(), port, true
	}
	address, err = netip.ParseAddr(host)
	return address, port, err == nil
}
