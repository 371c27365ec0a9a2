package render

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/control"
	"hagen/out/snapshot"
	"hagen/out/tree"
	"hagen/pki"
	"hagen/pki/store"
)

// withReadable returns the items of a PKI with which the Secrets of the snapshot can be read: one that each key has
// encrypted is opened. A key that is missing is taken from the file where it was, if it is there again. It refuses a
// snapshot whose Secrets no key opens: API servers would fail with every list of Secrets.
func (asked Options) withReadable(ui *console.UI, keys *clusterpki.PKI, set pki.Set) (pki.Set, error) {
	var opened, closed []string
	for _, e := range asked.encrypted {
		names := pki.Names{Key: e.Name, Provider: e.Provider}
		number, why := asked.opener(set, e)
		if number == 0 {
			if item, g, found := asked.broughtBack(set[control.SecretsKey], names, e); found {
				set[control.SecretsKey], number = item, g.Number
				ui.Note(fmt.Sprintf("%s: taken back as key %d of %s: it opens Secrets of %s", asked.secretFile(g.Number), g.Number, control.SecretsKey, asked.Restore))
			}
		}
		switch {
		case number > 0:
			opened = append(opened, fmt.Sprintf("%s by %s", console.Number(e.Secrets, "Secret"), e.Name))
		default:
			closed = append(closed, fmt.Sprintf("  %s: %s", console.Number(e.Secrets, "Secret"), why))
		}
	}
	if len(closed) > 0 && !asked.LoseSecrets {
		return nil, exit.No("%s: has Secrets that cannot be read with the keys of %s:\n%s\nWith them there, API servers fail with every list of Secrets. Use a snapshot whose Secrets these keys have encrypted, or bring back what is missing from a backup of the PKI directory. --lose-secrets goes on: the steps then remove these Secrets",
			asked.Restore, keys.Store.Name(), strings.Join(closed, "\n"))
	}
	switch {
	case len(closed) > 0:
		ui.Warn(fmt.Sprintf("%s: these Secrets are lost:\n%s", asked.Restore, strings.Join(closed, "\n")))
	case len(opened) > 0:
		ui.Say("%s: %s: one of each was opened", asked.Restore, strings.Join(opened, ", "))
	case asked.Restore != "":
		ui.Note(asked.Restore + " has no Secrets")
	}
	return set, nil
}

// opener returns the number of the key that opens Secrets; 0 if there is none, and why.
func (asked Options) opener(set pki.Set, e snapshot.Encrypted) (number int, why string) {
	if e.Provider == "" {
		return 0, "not encrypted, and API servers of hagen read only what is"
	}
	why = fmt.Sprintf("encrypted by %s (%s), which is not there", e.Name, e.Provider)
	newest := 0
	for _, g := range set[control.SecretsKey].All() {
		newest = max(newest, g.Number)
	}
	switch n := control.NumberOf(pki.Names{Key: e.Name, Provider: e.Provider}); {
	case n > newest:
		why += ": the PKI directory is from before that key was made, or another cluster's"
	case n > 0:
		why += ": it would be at " + asked.secretFile(n)
	}
	for _, g := range set[control.SecretsKey].All() {
		if control.NamesOf(g) != (pki.Names{Key: e.Name, Provider: e.Provider}) {
			continue
		}
		if g.State == pki.Removed {
			return 0, fmt.Sprintf("encrypted by %s, which was removed, and is not at %s", e.Name, asked.secretFile(g.Number))
		}
		raw, _ := base64.StdEncoding.DecodeString(string(g.Key))
		if e.Opens(raw) {
			return g.Number, ""
		}
		why = fmt.Sprintf("encrypted by another %s than that of the PKI directory, as in another cluster, or before hagen pki init --again", e.Name)
	}
	return 0, why
}

// broughtBack returns the secrets with one more, whose file was put where it was before, if it opens Secrets.
func (asked Options) broughtBack(item pki.Item, names pki.Names, e snapshot.Encrypted) (next pki.Item, g pki.Generation, found bool) {
	number := control.NumberOf(names)
	if number == 0 {
		return item, g, false
	}
	file, err := tree.OpenRegular(asked.secretFile(number))
	if err != nil {
		return item, g, false
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 1<<10))
	raw, wrong := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || wrong != nil || !e.Opens(raw) {
		return item, g, false
	}
	given := control.GivenNames(number)
	g = pki.Generation{Number: number, Key: append(base64.StdEncoding.AppendEncode(nil, raw), '\n'), KeyName: given.Key, Provider: given.Provider}
	next, found = item.WithSecret(g)
	return next, g, found
}

// secretFile returns the file of a former key of Secrets.
func (asked Options) secretFile(generation int) string {
	return filepath.Join(asked.Dir(), filepath.FromSlash(store.SecretFile(control.SecretsKey, generation)))
}

// remove returns the command that removes the Secrets of the snapshot that no key opens; "" if there are none.
func (w *work) remove() string {
	var but []pki.Names
	for _, g := range w.issued.Set[control.SecretsKey].Readable() {
		but = append(but, control.NamesOf(g))
	}
	lost := false
	for _, e := range w.asked.encrypted {
		if number, _ := w.asked.opener(w.issued.Set, e); number == 0 {
			lost = true
			but = slices.DeleteFunc(but, func(n pki.Names) bool { return n == pki.Names{Key: e.Name, Provider: e.Provider} })
		}
	}
	if !lost {
		return ""
	}
	return clusterpki.RemoveSecrets(w.cluster, w.asked.Place, but)
}

// secretsOf returns the Secrets of a snapshot, by the keys that encrypted them.
func secretsOf(file *os.File, name string, size int64) ([]snapshot.Encrypted, error) {
	found, err := snapshot.Secrets(file, size)
	switch {
	case err == nil:
		return found, nil
	case snapshot.IsDamaged(err):
		return nil, exit.No("%s: %w; use another", name, err)
	}
	return nil, exit.Failed("%s: cannot be read: %w", name, exit.Reason(err))
}
