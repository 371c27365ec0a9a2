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

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/pki"
	"hagen/pki/store"
)

// Warn prints the PKI's warnings, with the commands that renew what they are about and deliver it to
// the machines of a tree that are not off. Equal warnings about several certificates share a line.
func Warn(ui *console.UI, at clusterfile.Place, tree string, off []string, warnings []pki.Warning) {
	type line struct {
		text    string
		hours   int
		deliver bool
	}
	var lines []line
	names, renew := map[line][]string{}, map[line][]string{}
	for _, w := range warnings {
		l := line{w.Text, w.Renew.Hours, w.Renew.Deliver}
		if !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
		names[l] = append(names[l], w.Name)
		if r := w.Renew.Name; r != "" && !slices.Contains(renew[l], r) {
			renew[l] = append(renew[l], r)
		}
	}
	for _, l := range lines {
		text, command := strings.Join(Folded(names[l]), ", ")+": "+l.text, ""
		switch {
		case l.hours > 0:
			command = at.Command("pki renew", "--expiring", cluster.LifetimeText(l.hours))
		case len(renew[l]) > 0:
			command = at.Command("pki renew", renew[l]...)
		}
		if command != "" && l.deliver && !slices.Equal(names[l], []string{control.Admin}) {
			command += " && " + Delivery(at, tree, off...)
		}
		if command != "" {
			text += " (" + command + ")"
		}
		ui.Warn(text)
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

// Unsigned returns the error of a run that could not sign. If authorities have ended, it adds the
// command that renews them. If their keys are kept elsewhere, it names their files in the PKI
// directory, and what they have to sign.
func Unsigned(at clusterfile.Place, err error) error {
	if over := authoritiesOver(err); len(over) > 0 {
		return overError(at, over)
	}
	elsewhere, are := errors.AsType[pki.KeysElsewhere](err)
	if !are {
		return exit.Failed("%w", err)
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(elsewhere)) {
		lines = append(lines, fmt.Sprintf("%s: its key has to sign %s, but is not in the PKI directory: bring %s back there; if it is lost, %s says how another authority takes its place", name, strings.Join(Folded(elsewhere[name]), ", "), store.KeyFile(name), at.Command("pki rotate", control.KindOf(name))))
	}
	return exit.Failed("%s", strings.Join(lines, "\n"))
}

// overError says which authorities cannot sign any more, what, and what renews them.
func overError(at clusterfile.Place, over []pki.AuthorityOver) error {
	slices.SortStableFunc(over, func(a, b pki.AuthorityOver) int { return strings.Compare(a.Authority, b.Authority) })
	var lines, authorities []string
	for len(over) > 0 {
		first := over[0]
		var leaves []string
		for len(over) > 0 && over[0].Authority == first.Authority {
			leaves, over = append(leaves, over[0].Name), over[1:]
		}
		authorities = append(authorities, first.Authority)
		lines = append(lines, fmt.Sprintf("%s: is valid from %s to %s, so at %s it cannot sign %s", first.Authority, first.From.Format(time.RFC3339), first.Until.Format(time.RFC3339),
			first.At.Format(time.RFC3339), strings.Join(Folded(leaves), ", ")))
	}
	return exit.Failed("%s\nif that is not the time, set the clock right; if it is, renew first, with the same key: %s", strings.Join(lines, "\n"), at.Command("pki renew", authorities...))
}

// authoritiesOver returns what an error says of authorities that cannot sign any more.
func authoritiesOver(err error) (over []pki.AuthorityOver) {
	switch e := err.(type) {
	case pki.AuthorityOver:
		return []pki.AuthorityOver{e}
	case interface{ Unwrap() error }:
		return authoritiesOver(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			over = append(over, authoritiesOver(one)...)
		}
	}
	return over
}
