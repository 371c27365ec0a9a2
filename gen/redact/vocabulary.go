package redact

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"hagen/gen/lazy"
	"hagen/profiles"
)

// vocabulary are the words of hagen's own: those of the record, and the flags of all
// releases with their values.
var vocabulary = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	add := func(text string) {
		for _, w := range wordsOf(text) {
			words[w.text] = true
			for part := range strings.FieldsFuncSeq(w.text, func(r rune) bool { return strings.ContainsRune(":/@", r) }) {
				words[part] = true
			}
		}
	}
	for _, s := range recorded().exact {
		add(strings.NewReplacer("\n", " ", "«", " ", "»", " ").Replace(s.text))
	}
	for _, r := range profiles.Releases() {
		flags, _ := profiles.Flags(r.Minor)
		for _, f := range flags {
			words["--"+f.Name], words[f.Name], words["ETCD_"+strings.ReplaceAll(strings.ToUpper(f.Name), "-", "_")] = true, true, true
			for _, v := range f.Values {
				words[v] = true
			}
		}
	}
	return words
})

// Words lists hagen's own words: of the lines that it writes, and of the flags of all
// releases.
var Words = sync.OnceValue(func() []string { return slices.Sorted(maps.Keys(vocabulary())) })

// IsWord reports whether a word is one of Words.
func IsWord(word string) bool { return vocabulary()[word] }

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
