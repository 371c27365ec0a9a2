package redact

import (
	"strings"
	"sync"

	"hagen/gen/lazy"
	"hagen/profiles"
)

// flagWord is a flag of a unit's command.
var flagWord = lazy.Regexp(`^--([a-z0-9-]+)(?:=(.*))?$`)

// variableLine is a flag of etcd's as a variable.
var variableLine = lazy.Regexp(`^Environment=("?)ETCD_([A-Z0-9_]+)=([^\s"]*)("?)$`)

// flagsByUnit are the flags of all releases, by unit and name. A release that changes
// a flag's type makes another row.
var flagsByUnit = sync.OnceValue(func() map[string][]profiles.Flag {
	found := map[string][]profiles.Flag{}
	for _, r := range profiles.Releases() {
		flags, _ := profiles.Flags(r.Minor)
		for _, f := range flags {
			name := f.Component + ".service --" + f.Name
			found[name] = append(found[name], f)
		}
	}
	return found
})

// knownFlag reports whether a line of a daemon's unit is of flags that a release of it
// has, with values that their types allow, or of those that hagen writes a line each.
func knownFlag(s *shape, unit, line string) bool {
	if !strings.HasSuffix(unit, ".service") {
		return false
	}
	if v := variableLine().FindStringSubmatch(line); v != nil && v[1] == v[4] {
		return harmless(unit, strings.ReplaceAll(strings.ToLower(v[2]), "_", "-"), v[3])
	}
	words := strings.Fields(strings.TrimSuffix(line, " \\"))
	for i := 0; i < len(words); i++ {
		m := flagWord().FindStringSubmatch(words[i])
		if m == nil {
			return false
		}
		own := s != nil && (s.fits("  "+words[i]+" \\") || s.fits("  "+words[i]))
		if !own && m[2] == "" && i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
			i++
			m[2] = words[i]
		}
		if !own && !harmless(unit, m[1], m[2]) {
			return false
		}
	}
	return len(words) > 0
}

// harmless reports whether a unit's daemon has a flag in some release, with a value
// that is none which may be secret.
func harmless(unit, flag, value string) bool {
	for _, f := range flagsByUnit()[unit+" --"+flag] {
		if isHarmless(f, value) {
			return true
		}
	}
	return false
}

// isHarmless reports whether a value is none that may be secret, by the type of its
// flag. A text may be one: of those, only paths, URLs and the release's own words
// are harmless.
func isHarmless(f profiles.Flag, value string) bool {
	each := func(fits func(string) bool) bool {
		for one := range strings.SplitSeq(value, ",") {
			if !fits(one) {
				return false
			}
		}
		return true
	}
	isBool := func(v string) bool { return v == "true" || v == "false" }
	own := func(v string) bool {
		for _, known := range f.Values {
			if v == known || v == "-"+known || v == "*" {
				return true
			}
		}
		return v == f.Default
	}
	if value == "" {
		return true
	}
	switch f.Type {
	case "bool":
		return isBool(value)
	case "mapStringBool", "colonSeparatedMultimapStringString":
		return each(func(v string) bool {
			name, state, _ := strings.Cut(v, "=")
			return own(name) && isBool(state)
		})
	case "string", "text", "list", "strings", "stringSlice", "stringArray", "urls":
		return each(func(v string) bool { return own(v) || IsPath(v) || IsURL(v) })
	case "ip", "ipnet":
		return each(isAddress)
	case "namedCertKey", "mapStringString", "stringToString", "version[=true]", "pattern=N,...":
		return false
	}
	return each(func(v string) bool { return numberWord().MatchString(v) })
}
