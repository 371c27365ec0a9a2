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

// OfArchitecture compares architectures. They are known only from the URLs of binaries
// that a machine fetches, if these have upstream's names.
func OfArchitecture(before, after node.Node) []Risk {
	was, is := Architecture(before), Architecture(after)
	if was == "" || is == "" || was == is {
		return nil
	}
	return []Risk{{Field: "binaries.arch", Refused: true, Unless: Reimage,
		Problem: fmt.Sprintf("binaries for %s do not run on %s machines: replace one machine after the other (hagen plan --reimage)", is, was)}}
}

// Architecture returns the architecture in the paths of a machine's URLs; "" if there is
// none or more than one.
func Architecture(n node.Node) string {
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

// fetched lists the URLs that a machine fetches: of files, and of its script.
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
