package check

import (
	"strings"

	"hagen/gen/read"
)

const binariesPath = "/etc/hagen/binaries.sh"

// need is a line of binaries.sh: a binary, and which version.
type need struct {
	path    read.Word
	product string // "kube-apiserver"
	version string // "1.37.2"
	at      int    // of product and version
}

// readNeeds reads binaries.sh.
func readNeeds(text string) (out []need) {
	at := 0
	for line := range strings.Lines(text) {
		if words := read.Split(line, at); len(words) == 3 && words[0].Text == "need" {
			product, version, _ := strings.Cut(words[2].Text, " ")
			out = append(out, need{words[1], product, version, words[2].At})
		}
		at += len(line)
	}
	return out
}
