package redact

import (
	"net/url"
	"strconv"
	"strings"
	"sync"

	"hagen/gen/lazy"
)

// IsFlag reports whether a daemon has a flag of this name in some release.
func IsFlag(name string) bool { return flagNames()[name] }

var flagNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for key := range flagsByUnit() {
		_, name, _ := strings.Cut(key, " --")
		names[name] = true
	}
	return names
})

var escape = lazy.Regexp(`\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{3}|["'\\/ abfnrtv])`)

// Unescaped returns a line as its readers may take it: escapes of JSON, YAML, systemd,
// shells and URLs stand for characters.
func Unescaped(line string) string {
	line = escape().ReplaceAllStringFunc(line, func(code string) string {
		char, err := strconv.Unquote(`"` + code + `"`)
		if err != nil {
			return code[1:]
		}
		return char
	})
	if open, err := url.PathUnescape(line); err == nil {
		return open
	}
	return line
}
