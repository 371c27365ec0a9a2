package clusterpki

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/files"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/document"
	"hagen/pki"
)

// Renewal is what hagen pki renew is to renew: one of names, hosts, what expires, or all.
type Renewal struct {
	clusterfile.Place
	Names    []string
	Hosts    []string
	Expiring string // within this time
	All      bool
	NewKeys  bool
	RBAC     bool // those in system:masters leave it; by itself, it is these that are renewed
	JSON     bool
}

// renewed is what --json prints.
type renewed struct {
	Cluster   string        `json:"cluster"`
	Directory string        `json:"directory"`
	Renewed   []renewedItem `json:"renewed"`
	Deliver   []string      `json:"deliver"` // hosts whose documents have the former ones, and that are not off
	// Kubeconfig is the administrator's, if it was written.
	Kubeconfig string   `json:"kubeconfig,omitempty"`
	Warnings   []string `json:"warnings"`
	Notes      []string `json:"notes"`

	off   []string // hosts that get nothing
	stale bool     // the administrator's certificate is renewed, and no kubeconfig has it
}

type renewedItem struct {
	Name   string     `json:"name"`
	Until  time.Time  `json:"until"`
	Was    *time.Time `json:"was"` // null if its files were gone
	NewKey bool       `json:"newKey"`
}

// Renew issues certificates again, with new dates.
func Renew(ui *console.UI, asked Renewal) error {
	within, err := asked.check()
	if err != nil {
		return err
	}
	c, err := clusterfile.Read(ui, asked.File)
	if err != nil {
		return err
	}
	if err := files.Preflight(asked.Dir(), asked.File); err != nil {
		return err
	}
	k, err := openToWrite(ui, asked.Place, c, Trees{Always: []string{TreeOf(asked.Place, c.Name)}}, false, asked.named)
	if err != nil {
		return err
	}
	defer k.Close()
	known := k.renewable()
	if len(known) == 0 {
		return exit.Failed("%s: holds no certificates to renew; %s makes those of a cluster that has none", asked.Dir(), asked.Command("render"))
	}
	chosen, err := asked.choose(k, known, within)
	if err != nil {
		return err
	}
	if asked.RBAC {
		if err := k.leave(asked.Place, namesOf(chosen)); err != nil {
			return err
		}
	}
	told := renewed{Cluster: c.Name, Directory: asked.Dir(), Renewed: []renewedItem{}, Deliver: []string{}}
	if len(chosen) > 0 {
		err = k.renew(ui, asked, chosen, &told)
	} else {
		err = k.finish(ui, asked.Place, &told)
	}
	if err != nil {
		return err
	}
	told.report(ui, asked)
	return nil
}

// named reports whether a name on the command line is that of an item, or of its host. Which
// certificates end, or all are, does not count: if they are not valid yet, the clock may be wrong.
func (asked Renewal) named(item string) bool {
	host := control.HostOf(item)
	return slices.ContainsFunc(asked.Names, func(word string) bool {
		name := ItemOf(asked.Dir(), word)
		return name == item || host != "" && (name == host || name == control.HostFolder(host))
	}) || host != "" && slices.Contains(asked.Hosts, host)
}

// check refuses a command line that says nothing, or two things.
func (asked Renewal) check() (within time.Duration, err error) {
	ways := 0
	for _, given := range []bool{len(asked.Names) > 0, len(asked.Hosts) > 0, asked.Expiring != "", asked.All} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		return 0, exit.Usage("hagen pki renew takes names, or --host, or --expiring, or --all: give one of them")
	}
	if asked.Expiring == "" {
		return 0, nil
	}
	if within, err = cluster.ParseLifetime(asked.Expiring); err != nil {
		return 0, exit.Usage("--expiring: %w", err)
	}
	return within, nil
}

// renew issues the chosen certificates again, and saves them.
func (k *PKI) renew(ui *console.UI, asked Renewal, chosen []pki.Request, told *renewed) error {
	chosen, err := k.current(ui, asked, chosen)
	if err != nil {
		return err
	}
	if err := k.checkAuthorities(asked, chosen); err != nil {
		return err
	}
	before := k.Store.Set()
	told.off = Off(k.Cluster, before)
	issued, err := pki.Renew(chosen, before, asked.NewKeys, k.Now, pki.Generate, rand.Reader)
	if err != nil {
		return Unsigned(asked.Place, err)
	}
	Warn(ui, asked.Place, TreeOf(asked.Place, k.Cluster.Name), told.off, issued.Warnings)
	for _, change := range issued.Changes {
		item := renewedItem{Name: change.Name, NewKey: keyOf(before, change.Name) != keyOf(issued.Set, change.Name)}
		if cert, err := issued.Set[change.Name].X509(); err == nil {
			item.Until = cert.NotAfter.UTC()
		}
		if cert, err := before[change.Name].X509(); err == nil {
			was := cert.NotAfter.UTC()
			item.Was = &was
		}
		told.Renewed = append(told.Renewed, item)
	}
	k.noteFormer(ui, asked.Place, namesOf(chosen))
	k.noteGroups(ui, asked, before, chosen)
	told.Deliver = console.List(without(control.Holders(k.Cluster, issued.Set, namesOf(chosen)), told.off))
	return k.saveRenewed(ui, asked.Place, issued.Set, chosen, told)
}

// saveRenewed writes the PKI, then the administrator's kubeconfig into the cluster's tree, if that
// has one and its certificate is renewed.
func (k *PKI) saveRenewed(ui *console.UI, at clusterfile.Place, set pki.Set, chosen []pki.Request, told *renewed) error {
	if !slices.Contains(namesOf(chosen), control.Admin) {
		return k.Save(ui, set)
	}
	admin, err := stageAdmin(ui, at, k.Cluster, set)
	if err != nil {
		return err
	}
	if admin == nil {
		told.stale = true
		return k.Save(ui, set)
	}
	defer admin.discard()
	if err := k.Save(ui, set); err != nil {
		return err
	}
	changed, err := admin.put(ui)
	if changed {
		told.Kubeconfig = admin.path
	}
	return err
}

// finish writes what a run that was killed after the PKI may not have written: the lock file, and the
// administrator's kubeconfig.
func (k *PKI) finish(ui *console.UI, at clusterfile.Place, told *renewed) error {
	set := k.Store.Set()
	err := k.saveRenewed(ui, at, set, []pki.Request{set[control.Admin].Request}, told)
	told.stale = false
	return err
}

// keyOf returns the id of an item's key; "" if there is no such item.
func keyOf(set pki.Set, name string) string {
	id, err := pki.KeyID(set[name])
	if err != nil {
		return ""
	}
	return id
}

// report prints what was renewed, and who has to get it.
func (r renewed) report(ui *console.UI, asked Renewal) {
	tree := TreeOf(asked.Place, r.Cluster)
	if r.stale {
		ui.Note(fmt.Sprintf("%s does not exist: %s writes it with the renewed certificate; an %s elsewhere has the former one", filepath.Join(tree, document.AdminPath), asked.Command("render"), document.AdminPath))
	}
	if asked.JSON {
		r.Warnings, r.Notes = console.List(ui.Warnings), console.List(ui.Notes)
		ui.JSON(r)
		return
	}
	switch {
	case len(r.Renewed) > 0:
	case asked.Expiring == "":
		ui.Say("nothing in %s is in %s", r.Directory, control.SystemMasters)
	default:
		ui.Say("nothing in %s ends within %s", r.Directory, asked.Expiring)
	}
	for items := r.Renewed; len(items) > 0; {
		line := items[0].dates()
		n := slices.IndexFunc(items, func(i renewedItem) bool { return i.dates() != line })
		if n < 0 {
			n = len(items)
		}
		var names []string
		for _, i := range items[:n] {
			names = append(names, i.Name)
		}
		ui.Say("renewed %s: %s", strings.Join(Folded(names), ", "), line)
		items = items[n:]
	}
	if len(r.Deliver) > 0 {
		ui.Say("still to be delivered to %s: %s", strings.Join(r.Deliver, ", "), planOf(asked.Place, tree, r.off))
	}
	if r.Kubeconfig != "" {
		ui.Say("wrote %s", r.Kubeconfig)
	}
}

// planOf returns the command that brings machines what was renewed.
func planOf(at clusterfile.Place, tree string, off []string) string {
	if trees.HoldsDocuments(tree) {
		return at.Command("plan", planWords(tree, off)...) + " says in which order, and writes a script that delivers them"
	}
	return at.Command("plan", planWords(old, off)...) + " says in which order (OLD is the tree or its twins that they were made from), and writes a script that delivers them"
}

// dates says from when to when the end of a certificate moved, and whether its key is new.
func (i renewedItem) dates() string {
	was := "its files were gone"
	if i.Was != nil {
		was = "was " + i.Was.Format(time.DateOnly)
	}
	if i.NewKey {
		was += ", with a new key"
	}
	return fmt.Sprintf("until %s (%s)", i.Until.Format(time.DateOnly), was)
}
