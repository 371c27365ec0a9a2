package clusterpki

import (
	"fmt"
	"maps"
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
	"hagen/pki"
	"hagen/pki/store"
)

// Recovery is what hagen pki recover is to do.
type Recovery struct {
	clusterfile.Place
	From []string // trees, documents, kubeconfigs and directories with files of machines
	JSON bool
}

// Recover makes a PKI directory from documents: all that machines have, so all but the keys of authorities.
func Recover(ui *console.UI, asked Recovery) error {
	if len(asked.From) == 0 {
		return exit.Usage("hagen pki recover takes what has keys of the cluster: its rendered directory, or documents of its machines")
	}
	c, err := clusterfile.Read(ui, asked.File)
	if err != nil {
		return err
	}
	if err := files.Preflight(asked.Dir(), append(slices.Clone(asked.From), asked.File)...); err != nil {
		return err
	}
	lock, err := clusterfile.ReadLock(asked.File)
	if err != nil {
		return err
	}
	k := &PKI{Cluster: c, lock: lock}
	if k.Now, err = ui.Time(); err != nil {
		return err
	}
	sources, err := trees.Sources(asked.From, k.Cluster)
	if err != nil {
		return err
	}
	found, retired, err := asked.find(ui, k, sources)
	if err != nil {
		return err
	}
	if k.Store, err = openStore(ui, asked.Place); err != nil {
		return err
	}
	defer k.Close()
	again, err := k.takeRecovered(asked.Place, found)
	if err != nil {
		return err
	}
	made, err := asked.made(ui, k, sources)
	if err != nil {
		return err
	}
	defer made.discard()
	r := recoveredOf(k, asked, found, made, retired)
	r.Changed = !again
	if err := k.saveRecovered(ui, found); err != nil {
		return err
	}
	if err := made.commit(ui); err != nil {
		return err
	}
	warnMissing(ui, asked.Place, found)
	r.report(ui, asked.JSON)
	return nil
}

// find takes what sources have, and holds it against the lock file. retired are the items of which the documents
// have a key that the lock file says was retired.
func (asked Recovery) find(ui *console.UI, k *PKI, sources []trees.Source) (found control.Recovered, retired []string, err error) {
	var all []control.Source
	for _, s := range sources {
		all = append(all, s.Source)
	}
	found, err = control.Recover(k.Cluster, k.lock.LockContents, all, k.Now)
	if err != nil {
		return found, nil, exit.Failed("%w", err)
	}
	for _, host := range found.Strange {
		ui.Warn(fmt.Sprintf("%s: is of no machine of %s, and was left out", host, asked.File))
	}
	for _, name := range found.Refused {
		ui.Warn(fmt.Sprintf("%s: was left out: no authority of the documents accepts its certificate, so it is of no more use", name))
	}
	for _, q := range permanent(k.Cluster) {
		if _, has := found.Set[q.Name]; !has {
			return found, nil, exit.Failed("%s: has no document of a master of cluster %s, and so not %s: without one nothing can be recovered", strings.Join(asked.From, ", "), k.Cluster.Name, q.Name)
		}
	}
	if retired, err = k.byLock(ui, &found); err != nil {
		return found, nil, err
	}
	k.marksOfLock(ui, asked.Place, found.Set)
	for _, fault := range pki.Verify(found.Set) {
		return found, nil, exit.Failed("%s: %w", found.From[fault.Name], fault)
	}
	return found, retired, k.checkRecoveredClock(found)
}

// checkRecoveredClock refuses a time before certificates begin, as each later command would.
func (k *PKI) checkRecoveredClock(found control.Recovered) error {
	for _, name := range slices.Sorted(maps.Keys(found.Set)) {
		if cert, err := found.Set[name].X509(); err == nil && k.Now.Before(cert.NotBefore) {
			return exit.Failed("%s: %s is valid only from %s, and the clock says %s: set the clock right", found.From[name], name, cert.NotBefore.UTC().Format(time.RFC3339), k.Now.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// byLock brings the recovered keys in line with the lock file. It refuses other keys than the lock file has,
// and documents from before a key that it has was in use: machines may use that. It returns the items of which the
// documents have a key that was retired.
func (k *PKI) byLock(ui *console.UI, found *control.Recovered) (retired []string, err error) {
	var faults []string
	known := LockedIDs(k.lock.Keys)
	for _, name := range slices.Sorted(maps.Keys(known)) {
		item, has := found.Set[name]
		if !has {
			faults = append(faults, fmt.Sprintf("  %s: is in no document, %s… there", name, short(known[name][0])))
			continue
		}
		here := ring(item.All())
		if problem := here.recoverable(known[name]); problem != "" {
			faults = append(faults, fmt.Sprintf("  %s: %s (%s)", name, problem, found.From[name]))
			continue
		}
		for _, id := range known[name] {
			if here.find(id) == 0 {
				item = item.WithLost(id, lostNames(item))
				ui.Warn(fmt.Sprintf("%s: %s lists another key, too (%s…), which no document has: it is lost, and machines with these documents do not use it", name, k.lock.Path, short(id)))
			}
		}
		for _, id := range here.trusted() {
			if !slices.Contains(known[name], id) {
				item, retired = item.WithoutFormer(id, k.Now), append(retired, name)
				ui.Warn(fmt.Sprintf("%s: the documents have a former key, too (%s…), which was retired by %s: the next render leaves it out", name, short(id), k.lock.Path))
			}
		}
		found.Set[name] = item
	}
	if len(faults) == 0 {
		return slices.Compact(retired), nil
	}
	return nil, exit.Failed("the documents have other keys than cluster %s according to %s:\n%s\nname documents that machines have now; if these are the newest, restore %[2]s as it was when they were rendered, or move it away", k.Cluster.Name, k.lock.Path, strings.Join(faults, "\n"))
}

// lostNames are the names of a key that was to be the next one.
func lostNames(item pki.Item) pki.Names {
	if item.Request.Kind != pki.Secret {
		return pki.Names{}
	}
	return control.NextNames(item)
}

// recoverable says why keys that documents have are not those of a lock file, which lists the present one
// first; "" if they are. Both may be of different phases of a rotation, as long as the documents have the key
// that the lock file says is used.
func (r ring) recoverable(known []string) string {
	switch {
	case !slices.ContainsFunc(known, func(id string) bool { return r.find(id) > 0 }):
		return fmt.Sprintf("%s… here, %s… there", short(r.id()), short(known[0]))
	case !slices.Contains(known, r.id()):
		return fmt.Sprintf("%s… is used here, and is none of those that are trusted there, of which %s… is used: of different phases of a rotation", short(r.id()), short(known[0]))
	case r.find(known[0]) == 0:
		return fmt.Sprintf("%s… is used here, and its successor %s… there: the documents are from before the rotation went on", short(r.id()), short(known[0]))
	}
	return ""
}

// takeRecovered prepares the PKI for what was found. The directory must be empty, or hold just this: a
// run may have been killed before the lock file was written.
func (k *PKI) takeRecovered(at clusterfile.Place, found control.Recovered) (again bool, err error) {
	if there := k.Store.Recorded(); len(there) > 0 {
		if !sameKeys(k.Store.Set(), found.Set) {
			return false, exit.Failed("%s: has %d certificates and keys already, and none is overwritten: name an empty directory with --pki, or move this one away", at.Dir(), len(there))
		}
		again = true
	}
	issued := map[string]pki.Request{}
	for name, item := range found.Set {
		issued[name] = item.Request
	}
	k.carried = control.CarriedNames(k.lock.LockContents, control.RecordedNames(k.Cluster, issued))
	k.Cluster = k.Cluster.Keep(k.carried).KeepGroups(control.FormerGroups(k.Cluster, issued))
	k.binds = true // names that the cluster file asks for by now are in no certificate yet
	k.Asked = namesOf(control.Requests(k.Cluster))
	return again, k.stage()
}

// sameKeys reports whether two sets have the same items with the same parts.
func sameKeys(a, b pki.Set) bool {
	return maps.EqualFunc(a, b, func(x, y pki.Item) bool { return x.Keeps(y) && y.Keeps(x) })
}

// saveRecovered writes the directory, then the lock file.
func (k *PKI) saveRecovered(ui *console.UI, found control.Recovered) error {
	var clients []store.ClientRecord
	for _, c := range found.Clients {
		record, err := store.NewClientRecord(c.Item)
		if err != nil {
			return exit.Failed("%w", err)
		}
		record.Server, record.ServerName = c.Server.URL, c.Server.Name
		known := func(other store.ClientRecord) bool { return other.Serial == record.Serial }
		if record.NotAfter.After(k.Now) && !slices.ContainsFunc(append(k.Store.Clients(), clients...), known) {
			clients = append(clients, record)
		}
	}
	return k.Save(ui, found.Set, clients...)
}

// copyCommand returns the command that copies what is needed of a running master into a directory of its name.
func copyCommand(c *cluster.Cluster, host string) string {
	var dirs []string
	for _, p := range control.Places(c) {
		dir := strings.TrimPrefix(filepath.Dir(p.Path), "/")
		if p.Host != host || slices.ContainsFunc(dirs, func(other string) bool { return Within(dir, other) }) {
			continue
		}
		dirs = append(slices.DeleteFunc(dirs, func(other string) bool { return Within(other, dir) }), dir)
	}
	slices.Sort(dirs)
	h := c.Hosts()[slices.IndexFunc(c.Hosts(), func(h cluster.Host) bool { return h.Name == host })]
	login := h.Address().String()
	if len(c.Users) > 0 {
		login = c.Users[0].Name + "@" + login
	}
	return fmt.Sprintf("(umask 077; mkdir %[1]s && ssh %s sudo tar -C / -c %s | tar -C %[1]s -x)", clusterfile.Word(host), login, strings.Join(dirs, " "))
}
