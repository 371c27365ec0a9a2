package cluster

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"hagen/gen/lazy"
	"hagen/gen/spec"
)

var (
	// RFC 1123 section 2.1 as Kubernetes reads it (apimachinery,
	// util/validation, IsDNS1123Subdomain).
	dnsSubdomain = lazy.Regexp(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	// A last part that is a number makes a name an address for inet_aton(3)
	// and for browsers (RFC 1123, 2.1; WHATWG URL, 3.5).
	numericEnd = lazy.Regexp(`(^|\.)([0-9]+|0x[0-9a-f]*)$`)
	// loopbackName is a name that means the machine which looks it up: all names
	// below localhost (RFC 6761, 6.3) and below systemd-resolved's
	// localhost.localdomain, and those that Debian and Fedora write in /etc/hosts.
	loopbackName = lazy.Regexp(`(^|\.)localhost(\.localdomain)?$|^localhost[46](\.localdomain[46])?$|^ip6-(localhost|loopback)$`)
)

const (
	maxDNSName = 253 // RFC 1035, 2.3.4, as text without the last dot
	maxLabel   = 63
	// maxHostName is the kernel's limit, HOST_NAME_MAX in linux/limits.h.
	maxHostName = 64
)

const noDNSName = " is not a DNS name of lower-case letters, digits, - and ."

// nameProblem says what is wrong with a DNS name and what to write instead: a
// corrected name, or the example. Both are empty for a good name.
func nameProblem(name string, limit int, example string) (problem, remedy string) {
	switch {
	case name == "":
		return "is empty", "write for example " + example
	case !dnsSubdomain().MatchString(name):
		problem = spec.Quote(name) + noDNSName
		if likely := tidy(name); dnsSubdomain().MatchString(likely) {
			return problem, "write " + likely
		}
		return problem, "write for example " + example
	case len(name) > limit:
		return fmt.Sprintf("has %d characters, at most %d are possible", len(name), limit), "shorten it"
	case slices.ContainsFunc(strings.Split(name, "."), func(label string) bool { return len(label) > maxLabel }):
		return fmt.Sprintf("has a part of more than %d characters between its dots", maxLabel), "shorten it"
	}
	return "", ""
}

// tidy returns the name that a typing error most likely meant.
func tidy(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '_':
			return '-'
		case !unicode.IsPrint(r) || strings.ContainsRune("“”„‘’", r):
			return -1
		default:
			return unicode.ToLower(r)
		}
	}, name)
	return strings.Trim(name, " .-")
}

// name faults a field that is not a DNS name.
func (v *validation) name(field spec.String, limit int, example string) bool {
	problem, remedy := nameProblem(field.Value, limit, example)
	if problem != "" {
		v.fault(field.At, problem, remedy)
	}
	return problem == ""
}

// choice faults a text that is not one of the words.
func (v *validation) choice(s spec.Text, words ...string) bool {
	if slices.Contains(words, s.Value) {
		return true
	}
	remedy := "write one of " + strings.Join(words, ", ")
	if i := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, s.Value) }); i >= 0 {
		remedy = "write " + words[i]
	}
	v.fault(s.At, fmt.Sprintf("%s is not one of %s", spec.Quote(s.Value), strings.Join(words, ", ")), remedy)
	return false
}

func names[T any](rows []T, name func(T) string) []string {
	var out []string
	for _, r := range rows {
		out = append(out, name(r))
	}
	return out
}

// hostsThat lists the names of the hosts for which is returns true.
func hostsThat(hosts []Host, is func(Host) bool) string {
	return strings.Join(names(slices.DeleteFunc(slices.Clone(hosts), func(h Host) bool { return !is(h) }), func(h Host) string { return h.Name }), ", ")
}

// faultGroups groups machines with the same fault, which is reported once, at the first
// of them, with the names of all.
type faultGroups[T comparable] []*group[T]

type group[T comparable] struct {
	what  T
	at    spec.At
	hosts []string
}

func (a *faultGroups[T]) add(what T, at spec.At, host Host) {
	i := slices.IndexFunc(*a, func(g *group[T]) bool { return g.what == what })
	if i < 0 {
		i = len(*a)
		*a = append(*a, &group[T]{what: what, at: at})
	}
	if g := (*a)[i]; !slices.Contains(g.hosts, host.Name) {
		g.hosts = append(g.hosts, host.Name)
	}
}

func (g *group[T]) names() string { return strings.Join(g.hosts, ", ") }
