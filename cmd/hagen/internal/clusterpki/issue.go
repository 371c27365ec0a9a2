package clusterpki

import (
	"crypto/rand"
	"path"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/pki"
)

// Warn prints the PKI's warnings. Equal warnings about several certificates
// share a line.
func Warn(ui *console.UI, warnings []pki.Warning) {
	var texts []string
	names := map[string][]string{}
	for _, w := range warnings {
		if !slices.Contains(texts, w.Text) {
			texts = append(texts, w.Text)
		}
		names[w.Text] = append(names[w.Text], w.Name)
	}
	for _, text := range texts {
		ui.Warn(strings.Join(Folded(names[text]), ", ") + ": " + text)
	}
}

// Folded joins the names of one directory: hosts/kubem00/{apiserver,scheduler}.
func Folded(names []string) []string {
	var out []string
	for len(names) > 0 {
		folder := path.Dir(names[0])
		var stems []string
		for len(names) > 0 && path.Dir(names[0]) == folder {
			stems = append(stems, path.Base(names[0]))
			names = names[1:]
		}
		stem := stems[0]
		if len(stems) > 1 {
			stem = "{" + strings.Join(stems, ",") + "}"
		}
		out = append(out, path.Join(folder, stem))
	}
	return out
}

// Issue issues the requests that are not in have.
func Issue(requests []pki.Request, have pki.Set, now time.Time) (pki.Result, error) {
	issued, err := pki.Issue(requests, have, now, pki.Generate, rand.Reader)
	if err != nil {
		return issued, exit.Failed("%w", err)
	}
	return issued, nil
}
