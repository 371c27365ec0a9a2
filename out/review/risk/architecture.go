package risk

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
	"hagen/profiles"
)

// OfArchitecture: where a machine fetches its binaries, the addresses name its
// architecture, as far as they are upstream's or a mirror's of the same names.
func OfArchitecture(before, after node.Node) []Risk {
	was, is := architecture(before), architecture(after)
	if was == "" || is == "" || was == is {
		return nil
	}
	return []Risk{{Field: "binaries.arch", Refused: true, Unless: Anew,
		Problem: fmt.Sprintf("binaries for %s do not run on machines that are %s: each in turn has to be another one (hagen plan --reimage)", is, was)}}
}

// architecture gives the one that the paths of a machine's URLs name; "" for
// none, or for several.
func architecture(n node.Node) string {
	found := ""
	for _, address := range fetched(n) {
		at, err := url.Parse(address)
		if err != nil {
			continue
		}
		for _, word := range strings.FieldsFunc(at.Path, func(r rune) bool { return strings.ContainsRune("/-_.", r) }) {
			if slices.Contains(profiles.Arches(), word) && word != found {
				if found != "" {
					return ""
				}
				found = word
			}
		}
	}
	return found
}

// fetched lists what a machine fetches: its files, and what its script does.
func fetched(n node.Node) (out []string) {
	for _, f := range n.Files {
		if f.Source.URL != "" {
			out = append(out, f.Source.URL)
		}
	}
	for _, s := range read.StepsOf(n) {
		if s.URL != "" {
			out = append(out, s.URL)
		}
	}
	return out
}
