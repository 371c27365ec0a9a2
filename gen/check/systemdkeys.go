package check

import (
	_ "embed" // the keys
	"strings"
	"sync"
)

// systemdKeys are the keys that systemd knows, by section.
//
//go:embed systemd.txt
var systemdText string

var systemdKeys = sync.OnceValue(func() map[string]map[string]bool {
	sections := map[string]map[string]bool{}
	for line := range strings.Lines(systemdText) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		keys := map[string]bool{}
		for _, key := range words[1:] {
			keys[key] = true
		}
		sections[words[0]] = keys
	}
	return sections
})
