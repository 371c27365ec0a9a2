package clusterpki

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/pki"
	"hagen/pki/store"
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
		return issued, Unsigned(err)
	}
	return issued, nil
}

// Unsigned returns the error of a run that could not sign. If the keys of authorities are kept
// elsewhere, it names their files in the PKI directory, and what they have to sign.
func Unsigned(err error) error {
	elsewhere, are := errors.AsType[pki.KeysElsewhere](err)
	if !are {
		return exit.Failed("%w", err)
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(elsewhere)) {
		lines = append(lines, fmt.Sprintf("%s: its key has to sign %s, but is not in the PKI directory: bring %s back there", name, strings.Join(Folded(elsewhere[name]), ", "), store.KeyFile(name)))
	}
	return exit.Failed("%s", strings.Join(lines, "\n"))
}
