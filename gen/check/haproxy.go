package check

import (
	"maps"
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
	at       int    // of its first word
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
	options map[string]word // by name; the word is the value, of a switch itself
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
			section = &proxy{file: file, unit: u, kind: words[0].text, at: words[0].at, defaults: defaults}
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

// only6 says whether the line of a bind says v6only.
func (p *proxy) only6(bind word) bool {
	return slices.ContainsFunc(p.lines, func(l proxyLine) bool {
		return len(l.words) > 1 && l.words[1].at == bind.at && slices.Contains(texts(l.words), "v6only")
	})
}

// servers lists the servers of a section.
func (p *proxy) servers() (out []server) {
	known := proxyWords()["server"]
	add := func(words []word, to map[string]word) {
		for i := 0; i < len(words); i++ {
			name := words[i].text
			if known[name] && i+1 < len(words) {
				i++
			}
			if plain, off := strings.CutPrefix(name, "no-"); off {
				delete(to, plain)
			}
			to[name] = words[i]
		}
	}
	defaults := map[string]word{}
	if p.defaults != nil {
		if l := p.defaults.line("default-server"); l != nil {
			add(l[1:], defaults)
		}
	}
	for _, l := range p.lines {
		switch {
		case l.words[0].text == "default-server":
			add(l.words[1:], defaults)
		case l.words[0].text == "server" && len(l.words) > 2:
			s := server{proxy: p, name: l.words[1].text, address: l.words[2], options: maps.Clone(defaults)}
			add(l.words[3:], s.options)
			out = append(out, s)
		}
	}
	return out
}

// has says whether an option is given.
func (s server) has(option string) bool { _, given := s.options[option]; return given }

// value gives an option's value, "" for none.
func (s server) value(option string) string { return s.options[option].text }

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
	if port = portOf(text[i+1:]); port == 0 {
		return netip.Addr{}, 0, false
	}
	if host == "" || host == "*" {
		return netip.IPv4Unspecified(), port, true
	}
	address, err := netip.ParseAddr(host)
	return address, port, err == nil
}

// portOf reads a port; 0 for none.
func portOf(text string) int {
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0
	}
	return port
}
