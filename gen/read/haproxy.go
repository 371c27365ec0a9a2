package read

import (
	"maps"
	"slices"
	"strings"

	"hagen/gen/node"
)

// Proxy is a section of haproxy.cfg that listens, sends on, or both. Settings
// that it lacks come from the defaults section before it.
type Proxy struct {
	File     node.File
	Unit     *Unit // that runs haproxy with this file
	Kind     string
	Name     string
	Lines    []proxyLine
	At       int    // of its first word
	defaults *Proxy // the last such section before; nil for none
}

// proxyLine is one line, split at spaces.
type proxyLine struct {
	Words []Word
}

// Server is one server line, with what default-server adds to it.
type Server struct {
	proxy   *Proxy
	Name    string
	Address Word
	Options map[string]Word // by name; the word is the value, of a switch itself
}

// proxySections are the keywords that begin a section (HAProxy's configuration
// manual, 2.1).
var proxySections = []string{"global", "defaults", "listen", "frontend", "backend", "resolvers", "peers", "userlist", "cache", "program", "mailers", "http-errors", "ring", "log-forward", "fcgi-app", "crt-store", "traces"}

// serverValues are options of a server that have a value (configuration
// manual, 5.2), with those of bind that are checked.
var serverValues = strings.Fields(`
	addr agent-addr agent-inter agent-port agent-send alpn ca-file check-alpn check-proto check-sni ciphers ciphersuites cookie crl-file crt
	downinter error-limit fall fastinter id init-addr inter log-proto max-reuse maxconn maxqueue minconn namespace npn observe on-error
	on-marked-down on-marked-up pool-low-conn pool-max-conn pool-purge-delay port proto proxy-v2-options redir resolve-net resolve-opts
	resolve-prefer resolvers rise slowstart sni socks4 source ssl-max-ver ssl-min-ver tcp-ut track usesrc verify verifyhost weight ws`)

// OptionHasValue reports whether the word after an option is its value.
func OptionHasValue(option string) bool { return slices.Contains(serverValues, option) }

// ParseProxies reads the sections of the haproxy.cfg that a unit runs.
func ParseProxies(file node.File, u *Unit) (out []*Proxy) {
	var section, defaults *Proxy
	at := 0
	for line := range strings.Lines(string(file.Contents)) {
		words := Split(uncommented(line), at)
		at += len(line)
		switch {
		case len(words) == 0:
		case slices.Contains(proxySections, words[0].Text):
			section = &Proxy{File: file, Unit: u, Kind: words[0].Text, At: words[0].At, defaults: defaults}
			if len(words) > 1 {
				section.Name = words[1].Text
			}
			if section.Kind == "defaults" {
				section.defaults, defaults = nil, section
			}
			out = append(out, section)
		case section != nil:
			section.Lines = append(section.Lines, proxyLine{words})
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

// Line returns the last line of a section that begins with these words; if
// there is none, that of its defaults.
func (p *Proxy) Line(keys ...string) []Word {
	var found []Word
	for _, l := range p.Lines {
		if len(l.Words) >= len(keys) && slices.Equal(Texts(l.Words[:len(keys)]), keys) {
			found = l.Words
		}
	}
	if found == nil && p.defaults != nil {
		return p.defaults.Line(keys...)
	}
	return found
}

func (p *Proxy) Place(at int) Place { return Place{p.File.Path, string(p.File.Contents), at} }

// Binds lists the addresses that a section listens on.
func (p *Proxy) Binds() (out []Word, tls bool) {
	for _, l := range p.Lines {
		if l.Words[0].Text == "bind" && len(l.Words) > 1 {
			for part := range strings.SplitSeq(l.Words[1].Text, ",") {
				out = append(out, Word{part, l.Words[1].At})
			}
			tls = tls || slices.Contains(Texts(l.Words), "ssl")
		}
	}
	return out, tls
}

// Only6 reports whether a bind line has v6only.
func (p *Proxy) Only6(bind Word) bool {
	return slices.ContainsFunc(p.Lines, func(l proxyLine) bool {
		return len(l.Words) > 1 && l.Words[1].At == bind.At && slices.Contains(Texts(l.Words), "v6only")
	})
}

// Servers lists the servers of a section.
func (p *Proxy) Servers() (out []Server) {
	add := func(words []Word, to map[string]Word) {
		for i := 0; i < len(words); i++ {
			name := words[i].Text
			if OptionHasValue(name) && i+1 < len(words) {
				i++
			}
			if plain, off := strings.CutPrefix(name, "no-"); off {
				delete(to, plain)
			}
			to[name] = words[i]
		}
	}
	defaults := map[string]Word{}
	if p.defaults != nil {
		if l := p.defaults.Line("default-server"); l != nil {
			add(l[1:], defaults)
		}
	}
	for _, l := range p.Lines {
		switch {
		case l.Words[0].Text == "default-server":
			add(l.Words[1:], defaults)
		case l.Words[0].Text == "server" && len(l.Words) > 2:
			s := Server{proxy: p, Name: l.Words[1].Text, Address: l.Words[2], Options: maps.Clone(defaults)}
			add(l.Words[3:], s.Options)
			out = append(out, s)
		}
	}
	return out
}

// Has reports whether an option is given.
func (s Server) Has(option string) bool { _, given := s.Options[option]; return given }

// Value returns an option's value, "" for none.
func (s Server) Value(option string) string { return s.Options[option].Text }
