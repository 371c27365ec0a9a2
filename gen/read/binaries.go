package read

import (
	"strings"

	"hagen/gen/node"
)

// BinariesPath is the script that says which binaries a machine needs, and
// fetches those that are missing.
const BinariesPath = "/etc/hagen/binaries.sh"

// What the script does, by the name of its function.
const (
	Need   = "need"   // PLACE 'PRODUCT VERSION'
	Fetch  = "fetch"  // URL SHA512 PLACE MODE
	Unpack = "unpack" // PLACE SHA512 DIRECTORY BINARY…
	Image  = "image"  // PLACE
)

// Step is a line of the script that calls one of its functions.
type Step struct {
	Line     string // with its end
	Does     string
	Place    Word   // of the binary, of what is fetched, of the archive or image
	Product  string // what is needed: "kube-apiserver"
	Version  string // of the product: "1.37.2"
	Wanted   int    // offset of product and version
	URL      string
	Digest   Word     // its SHA-512
	Into     string   // the directory that an archive is unpacked to
	Binaries []string // what is unpacked
}

// StepsOf reads the script of a machine, if it has one.
func StepsOf(n node.Node) []Step {
	f, _ := fileOf(n, BinariesPath)
	steps, _ := ParseSteps(string(f.Contents))
	return steps
}

// ParseSteps reads the script; rest is the script without those lines.
func ParseSteps(script string) (steps []Step, rest string) {
	var b strings.Builder
	at := 0
	for line := range strings.Lines(script) {
		if s, is := parseStep(line, at); is {
			steps = append(steps, s)
		} else {
			b.WriteString(line)
		}
		at += len(line)
	}
	return steps, b.String()
}

// parseStep reads a line; a call with too few words is none.
func parseStep(line string, at int) (Step, bool) {
	words := Split(line, at)
	if len(words) < 2 {
		return Step{}, false
	}
	s := Step{Line: line, Does: words[0].Text, Place: words[1]}
	switch n := len(words); {
	case s.Does == Need && n == 3:
		s.Product, s.Version, _ = strings.Cut(words[2].Text, " ")
		s.Wanted = words[2].At
	case s.Does == Fetch && n == 5:
		s.URL, s.Digest, s.Place = words[1].Text, words[2], words[3]
	case s.Does == Unpack && n >= 5:
		s.Digest, s.Into, s.Binaries = words[2], words[3].Text, Texts(words[4:])
	case s.Does == Image:
	default:
		return Step{}, false
	}
	return s, true
}
