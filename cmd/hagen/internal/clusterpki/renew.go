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
	"hagen/gen/spelling"
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
	JSON     bool
}

// renewed is what --json prints.
type renewed struct {
	Cluster   string        `json:"cluster"`
	Directory string        `json:"directory"`
	Renewed   []renewedItem `json:"renewed"`
	Deliver   []string      `json:"deliver"` // hosts whose documents have the former ones
	// Kubeconfig is the administrator's, if it was written.
	Kubeconfig string   `json:"kubeconfig,omitempty"`
	Warnings   []string `json:"warnings"`
	Notes      []string `json:"notes"`
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
	k, err := OpenToWrite(ui, asked.Place, c, Trees{Always: []string{filepath.Join(trees.Dir, c.Name)}})
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
	told := renewed{Cluster: c.Name, Directory: asked.Dir(), Renewed: []renewedItem{}, Deliver: []string{}}
	if len(chosen) > 0 {
		if err := k.renew(ui, asked, chosen, &told); err != nil {
			return err
		}
	}
	told.report(ui, asked)
	return nil
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

// renewable returns the certificates that the cluster asks for and has had, in the order in which a
// render makes them.
func (k *PKI) renewable() (known []pki.Request) {
	recorded := k.Store.Recorded()
	for _, r := range control.Requests(k.Cluster) {
		if was, there := recorded[r.Name]; there && (was.Kind == pki.Authority || was.Kind == pki.Leaf) {
			known = append(known, was)
		}
	}
	return known
}

// choose returns the requests of what is to be renewed.
func (asked Renewal) choose(k *PKI, known []pki.Request, within time.Duration) ([]pki.Request, error) {
	switch {
	case asked.All:
		return known, nil
	case within > 0:
		return k.endingBy(known, k.Now.Add(within)), nil
	case len(asked.Hosts) > 0:
		return below(known, asked.Hosts, asked.hostFolder(k))
	case len(asked.Names) > 0:
		return below(known, asked.Names, asked.folder(k, known))
	}
	return nil, exit.Usage("name what to renew, or give --host, --expiring or --all: %s. There are: %s", asked.Command("pki renew", "--expiring", "30d"), strings.Join(Folded(namesOf(known)), ", "))
}

// endingBy returns what has ended by a time, and what is recorded but gone.
func (k *PKI) endingBy(known []pki.Request, by time.Time) []pki.Request {
	set := k.Store.Set()
	return slices.DeleteFunc(slices.Clone(known), func(r pki.Request) bool {
		cert, err := set[r.Name].X509()
		return err == nil && cert.NotAfter.After(by)
	})
}

// below returns the requests that are named, or below a folder that is named. find returns the
// folder of a word, or why there is none.
func below(known []pki.Request, words []string, find func(string) (string, error)) (chosen []pki.Request, err error) {
	var folders []string
	for _, word := range words {
		folder, err := find(word)
		if err != nil {
			return nil, err
		}
		folders = append(folders, folder)
	}
	for _, r := range known {
		if slices.ContainsFunc(folders, func(f string) bool { return within(r.Name, f) }) {
			chosen = append(chosen, r)
		}
	}
	return chosen, nil
}

// within reports whether a name is a folder's, or below it.
func within(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

// hostFolder returns the folder of a host that has certificates of its own.
func (asked Renewal) hostFolder(k *PKI) func(string) (string, error) {
	return func(host string) (string, error) {
		var hosts, with []string
		for _, h := range k.Cluster.Hosts() {
			hosts = append(hosts, h.Name)
			if slices.ContainsFunc(k.renewable(), func(r pki.Request) bool { return within(r.Name, control.HostFolder(h.Name)) }) {
				with = append(with, h.Name)
			}
		}
		switch {
		case slices.Contains(with, host):
			return control.HostFolder(host), nil
		case !slices.Contains(hosts, host):
			return "", exit.Usage("--host: %s", unknown("host", host, hosts))
		case len(with) == 0:
			return "", exit.Usage("--host: no host has certificates of its own yet; --all renews those that hosts share, too")
		}
		return "", exit.Usage("--host: %s has no certificates of its own; these have: %s", host, strings.Join(with, ", "))
	}
}

// folder returns a name of an item, or a folder of some.
func (asked Renewal) folder(k *PKI, known []pki.Request) func(string) (string, error) {
	return func(word string) (string, error) {
		name := strings.TrimSuffix(word, "/")
		if slices.ContainsFunc(known, func(r pki.Request) bool { return within(r.Name, name) }) {
			if asked.NewKeys && slices.ContainsFunc(known, func(r pki.Request) bool { return r.Kind == pki.Authority && within(r.Name, name) }) {
				return "", exit.Usage("%s: an authority that is renewed keeps its key, since all that it signed depends on it: leave out --new-keys", word)
			}
			return name, nil
		}
		recorded, wanted := k.Store.Recorded(), control.Requests(k.Cluster)
		asksFor := slices.ContainsFunc(wanted, func(r pki.Request) bool { return within(r.Name, name) })
		switch was, there := recorded[name]; {
		case there && !asksFor:
			return "", exit.Usage("%s: %s asks for it no more, so it is not renewed", word, asked.File)
		case there:
			return "", exit.Usage("%s: is a %s, which has no dates to renew", word, was.Kind)
		case asksFor:
			return "", exit.Usage("%s: does not exist yet; %s makes it", word, asked.Command("render"))
		}
		return "", exit.Usage("%s", unknown("certificate", word, namesOf(known)))
	}
}

func namesOf(requests []pki.Request) (names []string) {
	for _, r := range requests {
		names = append(names, r.Name)
	}
	return names
}

// renew issues the chosen certificates again, and saves them.
func (k *PKI) renew(ui *console.UI, asked Renewal, chosen []pki.Request, told *renewed) error {
	if err := k.checkAuthorities(asked, chosen); err != nil {
		return err
	}
	before := k.Store.Set()
	issued, err := pki.Renew(chosen, before, asked.NewKeys, k.Now, pki.Generate, rand.Reader)
	if err != nil {
		return Unsigned(asked.Place, err)
	}
	Warn(ui, asked.Place, issued.Warnings)
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
	told.Deliver = console.List(control.Holders(k.Cluster, issued.Set, namesOf(chosen)))
	return k.saveRenewed(ui, issued.Set, chosen, told)
}

// saveRenewed writes the PKI, then the administrator's kubeconfig into the cluster's tree, if that
// has one and its certificate is renewed.
func (k *PKI) saveRenewed(ui *console.UI, set pki.Set, chosen []pki.Request, told *renewed) error {
	if !slices.Contains(namesOf(chosen), control.Admin) {
		return k.Save(ui, set)
	}
	admin, err := stageAdmin(ui, k.Cluster, set)
	if err != nil {
		return err
	}
	if admin == nil {
		return k.Save(ui, set)
	}
	defer admin.discard()
	if err := k.Save(ui, set); err != nil {
		return err
	}
	told.Kubeconfig = admin.path
	return admin.put(ui)
}

// keyOf returns the id of an item's key; "" if there is no such item.
func keyOf(set pki.Set, name string) string {
	id, err := pki.KeyID(set[name])
	if err != nil {
		return ""
	}
	return id
}

// checkAuthorities refuses leaves that no date can be given to before their authority is renewed:
// it has ended, or ends when they do.
func (k *PKI) checkAuthorities(asked Renewal, chosen []pki.Request) error {
	set := k.Store.Set()
	waiting := map[string][]string{}
	var order []string
	for _, r := range chosen {
		if r.Kind != pki.Leaf || slices.ContainsFunc(chosen, func(a pki.Request) bool { return a.Name == r.Authority }) {
			continue
		}
		authority, err := set[r.Authority].X509()
		if err != nil {
			continue // the store has seen it: this does not happen
		}
		leaf, err := set[r.Name].X509()
		if k.Now.Before(authority.NotAfter) && (err != nil || asked.NewKeys || leaf.NotAfter.Before(authority.NotAfter)) {
			continue
		}
		if waiting[r.Authority] == nil {
			order = append(order, r.Authority)
		}
		waiting[r.Authority] = append(waiting[r.Authority], r.Name)
	}
	if len(order) == 0 {
		return nil
	}
	var lines []string
	for _, name := range order {
		authority, _ := set[name].X509()
		verb := "ends"
		if !k.Now.Before(authority.NotAfter) {
			verb = "ended"
		}
		lines = append(lines, fmt.Sprintf("%s: %s on %s, and so does all that it signs: it gives no later end to %s", name, verb, authority.NotAfter.UTC().Format(time.DateOnly), strings.Join(Folded(waiting[name]), ", ")))
	}
	return exit.Failed("%s\nrenew the authority first, with the same key: %s", strings.Join(lines, "\n"), asked.Command("pki renew", order...))
}

// report prints what was renewed, and who has to get it.
func (r renewed) report(ui *console.UI, asked Renewal) {
	if asked.JSON {
		r.Warnings, r.Notes = console.List(ui.Warnings), console.List(ui.Notes)
		ui.JSON(r)
		return
	}
	if len(r.Renewed) == 0 {
		ui.Say("nothing in %s ends within %s", r.Directory, asked.Expiring)
		return
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
		ui.Say("still to be delivered to %s: %s says in which order, and %s writes the documents", strings.Join(r.Deliver, ", "), asked.Command("plan", trees.Dir+"/"+r.Cluster, "."), asked.Command("render"))
	}
	if r.Kubeconfig != "" {
		ui.Say("wrote %s", r.Kubeconfig)
	}
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

// unknown says that there is no such thing, and which was meant, or which there are.
func unknown(what, word string, known []string) string {
	if nearest := spelling.Nearest(word, known, 3, 1); nearest != "" {
		return fmt.Sprintf("there is no %s %q; did you mean %s?", what, word, nearest)
	}
	return fmt.Sprintf("there is no %s %q; known: %s", what, word, strings.Join(Folded(known), ", "))
}
