package read

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// List splits a list at its commas.
func List(text string, base int) (out []Word) {
	at := base
	for part := range strings.SplitSeq(text, ",") {
		if part != "" {
			out = append(out, Word{part, at})
		}
		if base >= 0 {
			at += len(part) + 1
		}
	}
	return out
}

// Target is the host and port that a URL names.
type Target struct {
	Host string
	Port int
	TLS  bool
	OK   bool
}

// String returns host:port, never a password.
func (t Target) String() string {
	if strings.Contains(t.Host, ":") {
		return "[" + t.Host + "]:" + strconv.Itoa(t.Port)
	}
	return t.Host + ":" + strconv.Itoa(t.Port)
}

// ParseURL reads a URL or host:port.
func ParseURL(text string) Target {
	scheme, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		scheme, rest = "", text
	}
	u, err := url.Parse("x://" + rest)
	if err != nil || u.Hostname() == "" {
		return Target{}
	}
	t := Target{Host: u.Hostname(), TLS: scheme == "https", OK: scheme == "https" || scheme == "http" || scheme == ""}
	t.Port, _ = strconv.Atoi(u.Port())
	if u.Port() == "" {
		t.Port = map[string]int{"https": 443, "http": 80}[scheme]
	}
	return t
}

// Socket reads address:port, with an empty address or * for all.
func Socket(text string) (address netip.Addr, port int, ok bool) {
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
