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

// Warn prints the warnings of the PKI, those that say the same of several
// certificates in one line.
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

// Folded puts names of one folder together: hosts/kubem00/{apiserver,scheduler}.
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

// Issue makes what is missing of what is asked for.
func Issue(requests []pki.Request, have pki.Set, now time.Time) (pki.Result, error) {
	issued, err := pki.Issue(requests, have, now, pki.Generate, rand.Reader)
	if err != nil {
		return issued, exit.Failed("%w", err)
	}
	return issued, nil
}
