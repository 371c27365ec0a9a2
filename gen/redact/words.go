package redact

import (
	"net/netip"
	"strings"

	"hagen/gen/lazy"
)

// Kinds of values that differ from cluster to cluster. None has a place for a
// password: a URL has no user and no query, a name is one that DNS or an account
// may have, a path is below a directory of a Linux system.
const (
	kindNumber   = "number" // with a unit; a version, a range of ports, a time
	kindHost     = "host"   // a name or an address, with a port
	kindHosts    = "hosts"  // several, with blanks between them
	kindPath     = "path"
	kindURL      = "URL"
	kindDigest   = "digest"
	kindMAC      = "MAC"
	kindDevice   = "device"   // the name of a network interface
	kindImage    = "image"    // of a container
	kindRestored = "restored" // the mark of a restore in etcd's data
	kindKey      = "key"      // the name of a key of Secrets, which counts them

	kindMembers = "members" // of etcd: names with URLs
	kindFact    = "fact"    // what stands for a key or a certificate
)

// kinds are tried in this order when lines are recorded. The kinds of a record
// decide which values fit in its place.
var kinds = []struct {
	name string
	fits func(word string) bool
}{
	{kindDigest, func(w string) bool { return digestWord().MatchString(w) }},
	{kindMAC, func(w string) bool { return macWord().MatchString(w) }},
	{kindNumber, func(w string) bool { return numberWord().MatchString(w) }},
	{kindKey, func(w string) bool { return keyWord().MatchString(w) }},
	{kindURL, IsURL},
	{kindPath, IsPath},
	{kindHost, isHost},
	{kindHosts, isHost},
	{kindRestored, func(w string) bool { return restoredWord().MatchString(w) }},
	{kindImage, func(w string) bool { return len(w) < longest && imageWord().MatchString(w) }},
	{kindDevice, func(w string) bool { return deviceWord().MatchString(w) }},
}

const label = `[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?`

var (
	restoredWord = lazy.Regexp(`^/member/restored-[0-9a-f]{12}$`)
	keyWord      = lazy.Regexp(`^key[0-9]{1,4}$`)
	digestWord   = lazy.Regexp(`^(?:sha(?:256|512)[:-])?(?:[0-9a-f]{64}|[0-9a-f]{128})$`)
	macWord      = lazy.Regexp(`^[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}$`)
	numberWord   = lazy.Regexp(`^[+-]?:*[0-9][0-9:/.-]{0,39}(?:(?:ns|us|ms|s|m|h|d|w|y|min|[KMGT]i?B?|%)[0-9hms]{0,12})?$`)
	nameWord     = lazy.Regexp(`^` + label + `(?:\.` + label + `)*$`)
	imageWord    = lazy.Regexp(`^` + label + `(?:\.` + label + `)*(?::[0-9]{1,5})?(?:/[a-z0-9][a-z0-9._-]*)+(?::[A-Za-z0-9._-]+)?$`)
	deviceWord   = lazy.Regexp(`^[A-Za-z0-9._-]{1,15}$`)
	pathWord     = lazy.Regexp(`^/(?:bin|boot|dev|etc|home|lib|lib64|media|mnt|nonexistent|opt|proc|root|run|sbin|srv|sys|sysroot|tmp|usr|var)(?:/+[A-Za-z0-9._:@+\\-]+)*/?$`)
	urlWord      = lazy.Regexp(`^https?://([^/]+)(?:/[A-Za-z0-9._~+-]*)*$`)
)

// longest is how many characters a value has at most.
const longest = 255

// IsName reports whether a text is a name, as of a machine or an account.
func IsName(text string) bool { return len(text) < longest && nameWord().MatchString(text) }

// IsPath reports whether a text is a path below one of a Linux system's directories.
func IsPath(text string) bool { return len(text) < longest && pathWord().MatchString(text) }

// IsURL reports whether a text is a URL without a user and without a query.
func IsURL(text string) bool {
	m := urlWord().FindStringSubmatch(text)
	return m != nil && len(text) < longest && isHost(m[1])
}

// isHost reports whether a text is a name or an address, with or without port.
func isHost(text string) bool {
	if isAddress(text) || IsName(text) {
		return true
	}
	host, port, found := cutLast(text, ":")
	if !found || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
		return false
	}
	inner, isBracketed := strings.CutPrefix(host, "[")
	return IsName(host) || isAddress(host) || isBracketed && isAddress(strings.TrimSuffix(inner, "]"))
}

// isAddress reports whether a text is an address, with or without prefix length.
func isAddress(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return !strings.Contains(text, "%")
	}
	if inner, is := strings.CutPrefix(text, "["); is {
		_, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && !strings.Contains(text, "%")
	}
	_, err := netip.ParsePrefix(text)
	return err == nil
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// word is a part of a line, and where it begins.
type word struct {
	text string
	at   int
}

// wordsOf splits a line: what may be a value is one word, and so are blanks; any
// other character is one by itself.
func wordsOf(line string) (words []word) {
	for i := 0; i < len(line); {
		end := i + 1
		switch {
		case isBlank(line[i]):
			for end < len(line) && isBlank(line[end]) {
				end++
			}
		case inValue(line[i]) || bracketed(line[i:]) > 0:
			end = i
			for end < len(line) {
				if n := bracketed(line[end:]); n > 0 {
					end += n
				} else if inValue(line[end]) {
					end++
				} else {
					break
				}
			}
			// The colon behind a key is no part of it.
			if end-i > 1 && line[end-1] == ':' && line[end-2] != ':' {
				end--
			}
		}
		words = append(words, word{line[i:end], i})
		i = end
	}
	return words
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func inValue(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.:/%+~-", c) >= 0 || c >= 0x80
}

// bracketed returns the length of an IPv6 address in brackets with which a text
// begins, 0 for none.
func bracketed(text string) int {
	if text[0] != '[' {
		return 0
	}
	end := strings.IndexByte(text, ']')
	if end < 4 || strings.Count(text[:end], ":") < 2 || strings.Trim(text[1:end], "0123456789abcdefABCDEF:.") != "" {
		return 0
	}
	return end + 1
}
