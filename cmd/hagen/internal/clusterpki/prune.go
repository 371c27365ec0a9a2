package clusterpki

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/pki"
)

// pruned is what --json prints.
type pruned struct {
	Cluster   string       `json:"cluster"`
	Directory string       `json:"directory"`
	Removed   []prunedItem `json:"removed"`
	// Users are the kubeconfigs that have ended, whose records were removed.
	Users    []prunedUser `json:"users"`
	Kept     []string     `json:"kept"`           // of hosts that are gone since the last render
	Retired  []string     `json:"removedRetired"` // keys of Secrets that a rotation had retired
	InUse    []string     `json:"inUse"`          // such keys that machines have until the next render
	Warnings []string     `json:"warnings"`
	Notes    []string     `json:"notes"`
}

// prunedItem is a certificate that was removed with its key, and what a copy of both still does.
type prunedItem struct {
	Name    string    `json:"name"`
	Host    string    `json:"host,omitempty"`
	Until   time.Time `json:"until,omitzero"` // missing if its files were gone
	Valid   bool      `json:"valid"`
	Serves  []string  `json:"serves"`            // names and addresses for which it is shown
	SignsIn string    `json:"signsIn,omitempty"` // as whom it signs in, with groups
	To      string    `json:"to,omitempty"`      // where: what trusts this authority
}

// prunedUser is a kubeconfig that was given out and has ended.
type prunedUser struct {
	User  string    `json:"user"`
	Until time.Time `json:"until"`
}

// Prune removes certificates and keys that the cluster asks for no more: those of hosts that are
// gone from the cluster file and, if retired is a time, keys of Secrets that were retired
// longer ago.
func Prune(ui *console.UI, at clusterfile.Place, retired string, asJSON bool) error {
	var age time.Duration
	if retired != "" {
		var err error
		if age, err = cluster.ParseLifetime(retired); err != nil {
			return exit.Usage("--retired: %w", err)
		}
	}
	c, err := clusterfile.Read(ui, at.File)
	if err != nil {
		return err
	}
	if err := files.Preflight(at.Dir(), at.File); err != nil {
		return err
	}
	tree := TreeOf(at, c.Name)
	k, err := OpenToWrite(ui, at, c, Trees{Always: []string{tree}})
	if err != nil {
		return err
	}
	defer k.Close()
	if len(k.Store.Recorded()) == 0 {
		return exit.Failed("%s: holds no certificates, so there is nothing to remove", at.Dir())
	}
	told := pruned{Cluster: c.Name, Directory: at.Dir(), Removed: []prunedItem{}, Users: []prunedUser{}}
	set := k.Store.Set()
	if retired != "" {
		k.pruneRetired(set, age, &told)
	}
	if err := k.prune(ui, set, tree, &told); err != nil {
		return err
	}
	told.report(ui, at, asJSON)
	return nil
}

// prune removes what the cluster file no longer asks for, and did not ask for in the last render
// either. A host that left since then stays, and so does one whose document the tree has: the next
// render says what etcd needs.
func (k *PKI) prune(ui *console.UI, set pki.Set, tree string, told *pruned) error {
	wanted := namesOf(control.Requests(k.Cluster))
	recorded := k.Store.Recorded()
	names := sortedNames(recorded)
	var drop []string
	for _, name := range names {
		switch r := recorded[name]; {
		case r.Kind != pki.Leaf || slices.Contains(wanted, name):
		case k.Store.Asked(name), hasDocument(tree, name):
			told.Kept = append(told.Kept, name)
		default:
			told.Removed = append(told.Removed, k.lastOf(r, set))
			delete(set, name)
			drop = append(drop, name)
		}
	}
	for _, c := range k.Store.Clients() {
		if !k.Now.Before(c.NotAfter) {
			told.Users = append(told.Users, prunedUser{c.User, c.NotAfter})
		}
	}
	if len(drop)+len(told.Retired)+len(told.Users) == 0 {
		return nil
	}
	k.Store.Drop(drop...)
	k.Store.DropClients(k.Now)
	return k.Save(ui, set)
}

// pruneRetired removes secrets that were retired longer ago.
func (k *PKI) pruneRetired(set pki.Set, age time.Duration, told *pruned) {
	for _, row := range control.Rotatable(k.Cluster) {
		next, removed, kept := set[row.Item].WithoutRetired(k.Now.Add(-age))
		for _, number := range kept {
			told.InUse = append(told.InUse, fmt.Sprintf("key %d of %s", number, row.Item))
		}
		for _, number := range removed {
			told.Retired = append(told.Retired, fmt.Sprintf("key %d of %s", number, row.Item))
			set[row.Item] = next
		}
	}
}

// hasDocument reports whether a tree has a directory of the host whose item this is: then the
// cluster may still run it, as after a render of another tree, or of documents to join with.
func hasDocument(tree, name string) bool {
	host := control.HostOf(name)
	if host == "" {
		return false
	}
	_, err := os.Lstat(filepath.Join(tree, host))
	return !errors.Is(err, fs.ErrNotExist)
}

func sortedNames(requests map[string]pki.Request) (names []string) {
	for name := range requests {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// lastOf says what a certificate does for as long as it is valid.
func (k *PKI) lastOf(r pki.Request, set pki.Set) prunedItem {
	item := prunedItem{Name: r.Name, Host: control.HostOf(r.Name), Serves: []string{}}
	cert, err := set[r.Name].X509()
	if err != nil {
		return item
	}
	item.Until, item.Valid = cert.NotAfter.UTC(), k.Now.Before(cert.NotAfter)
	if r.Profile != pki.ClientAuthentication {
		item.Serves = slices.Concat(r.DNSNames, addressTexts(r))
	}
	if r.Profile != pki.ServerAuthentication {
		item.SignsIn, item.To = r.Subject.CommonName, r.Authority
		if len(r.Subject.Organization) > 0 {
			item.SignsIn += " in " + strings.Join(r.Subject.Organization, ", ")
		}
	}
	return item
}

// text says the same in a line.
func (i prunedItem) text() string {
	switch {
	case i.Until.IsZero():
		return "its files were gone"
	case !i.Valid:
		return "had expired on " + i.Until.Format(time.DateOnly)
	}
	var does []string
	if n := len(i.Serves); n > 0 {
		as := i.Serves[0]
		if n > 1 {
			as += fmt.Sprintf(" and %s", console.Number(n-1, "more name"))
		}
		does = append(does, "serve as "+as)
	}
	if i.SignsIn != "" {
		does = append(does, fmt.Sprintf("sign in as %s where %s is trusted", i.SignsIn, i.To))
	}
	return fmt.Sprintf("until %s a copy can %s", i.Until.Format(time.DateOnly), strings.Join(does, " and "))
}

// report prints what was removed.
func (p pruned) report(ui *console.UI, at clusterfile.Place, asJSON bool) {
	if len(p.Kept) > 0 {
		ui.Warn(fmt.Sprintf("%s: %s asks for it no more, but was not rendered since: %s first", strings.Join(Folded(p.Kept), ", "), at.File, at.Command("render")))
	}
	if slices.ContainsFunc(p.Removed, func(i prunedItem) bool { return i.Valid }) {
		ui.Warn("a certificate cannot be revoked: whoever has a copy of these keys can use it until it ends, so erase the disks of the machines that are gone")
	}
	if len(p.InUse) > 0 {
		ui.Warn(fmt.Sprintf("%s: retired, but the machines' documents still have it: %s first. --retired counts from when documents without it were written", strings.Join(p.InUse, ", "), at.Command("render")))
	}
	if len(p.Retired) > 0 {
		ui.Warn(strings.Join(p.Retired, ", ") + ": no snapshot from before its rotation can be restored with this directory any more: its Secrets could not be read")
	}
	if asJSON {
		p.Retired, p.InUse = console.List(p.Retired), console.List(p.InUse)
		p.Kept, p.Warnings, p.Notes = console.List(p.Kept), console.List(ui.Warnings), console.List(ui.Notes)
		ui.JSON(p)
		return
	}
	for _, item := range p.Removed {
		ui.Say("removed %s: %s", item.Name, item.text())
	}
	for _, key := range p.Retired {
		ui.Say("removed %s", key)
	}
	if n := len(p.Users); n > 0 {
		var texts []string
		for _, u := range p.Users {
			texts = append(texts, fmt.Sprintf("%s (%s)", u.User, u.Until.Format(time.DateOnly)))
		}
		ui.Say("removed the records of %s that have ended: %s", console.Number(n, "kubeconfig"), strings.Join(texts, ", "))
	}
	if len(p.Removed)+len(p.Kept)+len(p.Retired)+len(p.InUse)+len(p.Users) == 0 {
		ui.Say("nothing to remove from %s: %s asks for all that was rendered", p.Directory, at.File)
	}
}
