package clusterpki

import (
	"fmt"
	"maps"
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

// markedKey is a key of a cluster that is in use, and that others have had.
type markedKey struct {
	item       pki.Item
	generation pki.Generation
	since      time.Time
	hosts      []string // that had it; none if only the lock file says that others have had it
}

// markOf returns the mark of a generation, by the item's record or the lock file.
func markOf(item pki.Item, g pki.Generation, lock cluster.LockContents) (k markedKey, marked bool) {
	k = markedKey{item: item, generation: g}
	for _, m := range pki.MergeMarks(item.Marks, lockMarks(item.Request.Name, lock.Marked)) {
		if m.Key != g.ID {
			continue
		}
		if m.Host != "" && !slices.Contains(k.hosts, m.Host) {
			k.hosts = append(k.hosts, m.Host)
		}
		if k.since.IsZero() || m.At.Before(k.since) {
			k.since = m.At
		}
	}
	return k, !k.since.IsZero()
}

// lockMarks returns the marks of an item that a lock file has.
func lockMarks(name string, locked []cluster.MarkedKey) (marks []pki.Mark) {
	for _, l := range locked {
		if l.Name == name {
			marks = append(marks, pki.Mark{Key: l.ID, Host: l.Host, At: l.Since, State: pki.HostState(l.State)})
		}
	}
	return marks
}

// markedIn returns the marked keys of a set that machines trust, read or use, by item: those are what is
// still to be replaced.
func markedIn(set pki.Set, lock cluster.LockContents) (found []markedKey) {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		for _, g := range set[name].Trusted() {
			if k, marked := markOf(set[name], g, lock); marked {
				found = append(found, k)
			}
		}
	}
	return found
}

// why says which key it is, and why it is marked.
func (k markedKey) why() string {
	had := "was on a machine which others have had"
	if len(k.hosts) > 0 {
		had = "was on " + strings.Join(k.hosts, ", ") + ", which others have had"
	}
	switch name := k.item.Request.Name; k.item.Request.Kind {
	case pki.Leaf:
		return fmt.Sprintf("the key of %s %s (%s)", name, had, day(k.since))
	case pki.Authority:
		if slices.Contains(k.hosts, pkiHost) {
			return fmt.Sprintf("key %d of %s %s (%s)", k.generation.Number, name, had, day(k.since))
		}
		return fmt.Sprintf("what key %d of %s has signed %s (%s)", k.generation.Number, name, had, day(k.since))
	default:
		return fmt.Sprintf("key %d of %s %s (%s)", k.generation.Number, name, had, day(k.since))
	}
}

// remedy returns the command that says or does what is next. A certificate gets another key in phase issue of its
// authority, if that comes next.
func (k markedKey) remedy(at clusterfile.Place, set pki.Set) string {
	name, by := k.item.Request.Name, k.item.Request.Authority
	if kind := control.KindOf(name); kind != "" {
		return at.Command("pki rotate", kind)
	}
	if set[by].NextPhase() == pki.PhaseIssue && control.KindOf(by) != "" {
		return at.Command("pki rotate", control.KindOf(by))
	}
	if len(k.hosts) > 0 {
		return at.Command("pki compromised", append(slices.Clone(k.hosts), "--write")...)
	}
	return at.Command("pki renew", name, "--new-keys")
}

// Stolen is a key that is in use, and that others have had.
type Stolen struct {
	Item, KeyID string
	Why         string // which key it is, and why it is marked
	Remedy      string // the command that says or does what is next
}

// StolenOf returns those of a PKI directory that was looked at.
func StolenOf(view store.View, at clusterfile.Place) (found []Stolen) {
	items := setOf(view)
	for _, m := range markedIn(items, cluster.LockContents{}) {
		found = append(found, Stolen{m.item.Request.Name, m.generation.ID, m.why(), m.remedy(at, items)})
	}
	return found
}

// setOf returns the items of a PKI directory that was looked at, without keys.
func setOf(view store.View) pki.Set {
	items := pki.Set{}
	for _, held := range view.Items {
		items[held.Request.Name] = itemOf(held)
	}
	return items
}

// Compromised returns a line for each key of a set that others have had, as long as machines trust, read or
// use it, and for documents that have one.
func (k *PKI) Compromised(set pki.Set, at clusterfile.Place) (lines []string) {
	marked := markedIn(set, k.lock.LockContents)
	for _, m := range marked {
		if kind := control.KindOf(m.item.Request.Name); kind != "" && m.item.Rotation() != nil && m.item.NextPhase() != pki.PhaseTrust {
			lines = append(lines, m.why()+": it is being replaced; what is next: "+m.remedy(at, set))
			continue
		}
		lines = append(lines, m.why()+", and is in use: "+m.remedy(at, set))
	}
	return append(lines, stolenIn(k.Cluster, k.Store.Set())...)
}

// RefuseMarked refuses documents of these hosts, which no machine has yet, while they would give them a key
// that others have had.
func (k *PKI) RefuseMarked(set pki.Set, at clusterfile.Place, hosts []string) error {
	var lines []string
	for _, host := range hosts {
		for _, m := range markedHalves(k.Cluster, set, k.lock.LockContents, host) {
			if line := "  " + m.why() + ": " + m.until(k.Cluster, at, set); !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return exit.No("the documents of %s would have keys that others have had. Nothing was written:\n%s", strings.Join(hosts, ", "), strings.Join(lines, "\n"))
}

// markedHalves returns the marked keys that a document of a host would have.
func markedHalves(c *cluster.Cluster, set pki.Set, lock cluster.LockContents, host string) (found []markedKey) {
	for _, name := range control.KeysOn(c, host) {
		for _, g := range control.SecretHalves(set[name]) {
			if m, marked := markOf(set[name], g, lock); marked {
				found = append(found, m)
			}
		}
	}
	return found
}

// until says what is to be done until a key is in no document any more, with the next command.
func (m markedKey) until(c *cluster.Cluster, at clusterfile.Place, set pki.Set) string {
	kind := control.KindOf(m.item.Request.Name)
	if kind == "" {
		return "give it another one: " + m.remedy(at, set)
	}
	phase := pki.PhaseIssue
	if m.item.Request.Name == control.SecretsKey {
		phase = pki.PhaseRetire // until then API servers read what it encrypted
	}
	row := rotatableOf(c, kind)
	r := rotation{Kind: kind, at: at, row: row, off: Off(c, set)}
	which := kind + " is"
	if m.item.NextPhase() != pki.PhaseTrust && m.generation.Number == newest(m.item).Number {
		which = "another rotation of " + kind + ", after the present one, is"
	}
	return fmt.Sprintf("it is in documents until %s in phase %s. Next: %s; %s says what has to be done before", which, phase, r.command(m.item.NextPhase()), m.remedy(at, set))
}

// newest returns the newest generation of an item.
func newest(item pki.Item) pki.Generation {
	return slices.MaxFunc(item.All(), func(a, b pki.Generation) int { return a.Number - b.Number })
}

func rotatableOf(c *cluster.Cluster, kind string) control.Rotated {
	rows := control.Rotatable(c)
	return rows[slices.IndexFunc(rows, func(r control.Rotated) bool { return r.Kind == kind })]
}

// lockedMarks returns the entries of a lock file: for the keys that are marked and in use, one for each host that had
// the key, and for those that are in use no more, one for each host that goes and is not replaced yet. Without these
// nothing but the PKI directory would say that it must get nothing.
func lockedMarks(c *cluster.Cluster, set pki.Set, lock cluster.LockContents) (rows []cluster.MarkedKey) {
	known := withLocked(set, lock)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		item := set[name]
		for _, g := range item.Trusted() {
			if k, marked := markOf(item, g, lock); marked {
				rows = append(rows, k.locked(lock, k.hosts)...)
			}
		}
		for _, id := range formerMarked(known[name]) {
			k, _ := markOf(item, pki.Generation{ID: id}, lock)
			k.hosts = slices.DeleteFunc(k.hosts, func(host string) bool {
				at, _ := k.last(host, lock)
				return !isHost(c, host) || !Goes(known, host) || !at.Equal(markedOn(known, host))
			})
			if len(k.hosts) > 0 {
				rows = append(rows, k.locked(lock, k.hosts)...)
			}
		}
	}
	return rows
}

// withLocked returns a set in which items have the marks, too, that a lock file has.
func withLocked(set pki.Set, lock cluster.LockContents) pki.Set {
	known := maps.Clone(set)
	for name, item := range known {
		known[name] = item.Marked(lockMarks(name, lock.Marked)...)
	}
	return known
}

// formerMarked returns the marked keys of an item that are in use no more. Certificates' are left out: whoever had
// one had what its authority signed, too, and that is marked.
func formerMarked(item pki.Item) (ids []string) {
	if item.Request.Kind == pki.Leaf {
		return nil
	}
	for _, m := range item.Marks {
		if !trusts(item, m.Key) && !slices.Contains(ids, m.Key) {
			ids = append(ids, m.Key)
		}
	}
	return ids
}

// trusts reports whether machines trust, read or use a key of an item.
func trusts(item pki.Item, id string) bool {
	return slices.ContainsFunc(item.Trusted(), func(g pki.Generation) bool { return g.ID == id })
}

func isHost(c *cluster.Cluster, name string) bool {
	return slices.ContainsFunc(c.Hosts(), func(h cluster.Host) bool { return h.Name == name })
}

// locked returns the entries of a key.
func (k markedKey) locked(lock cluster.LockContents, hosts []string) (rows []cluster.MarkedKey) {
	key := cluster.LockedKey{Name: k.item.Request.Name, ID: k.generation.ID, Secret: k.item.Request.Kind == pki.Secret}
	if len(hosts) == 0 {
		return []cluster.MarkedKey{{LockedKey: key, Since: k.since}}
	}
	for _, host := range slices.Sorted(slices.Values(hosts)) {
		at, state := k.last(host, lock)
		rows = append(rows, cluster.MarkedKey{LockedKey: key, Since: at, Host: host, State: string(state)})
	}
	return rows
}

// last returns when a host was marked with the key for the last time, and what became of it since.
func (k markedKey) last(host string, lock cluster.LockContents) (at time.Time, state pki.HostState) {
	for _, m := range pki.MergeMarks(k.item.Marks, lockMarks(k.item.Request.Name, lock.Marked)) {
		switch {
		case m.Key != k.generation.ID || m.Host != host:
		case m.At.After(at):
			at, state = m.At, m.State
		case state != pki.HostReplaced && m.State != pki.HostGoes:
			state = m.State
		}
	}
	return at, state
}

// marksOfLock marks again what the lock file says that others have had, in use or not: a host that goes gets nothing.
// It warns of entries without a host: which one it was nobody knows.
func (k *PKI) marksOfLock(ui *console.UI, at clusterfile.Place, set pki.Set) {
	var hosts, lost []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		for _, mark := range lockMarks(name, k.lock.Marked) {
			item := set[name]
			inUse := trusts(item, mark.Key)
			if mark.Host == "" {
				if inUse {
					lost = append(lost, name)
				}
				continue
			}
			if inUse && item.Request.Kind == pki.Leaf {
				mark.Until = endOf(item)
			}
			set[name], hosts = item.Marked(mark), append(hosts, mark.Host)
		}
	}
	if hosts = slices.Compact(slices.Sorted(slices.Values(hosts))); len(hosts) > 0 {
		ui.Warn(fmt.Sprintf("%s says that others have had %s: what they had, and is in use, is marked again. %s says what is left to do, and with --write begins what was under way and is not any more%s",
			k.lock.Path, strings.Join(hosts, ", "), at.Command("pki compromised", hosts...), k.getNothing(set, hosts)))
	}
	if len(lost) > 0 {
		ui.Warn(fmt.Sprintf("%s says that others have had %s. On which host, and which other keys, only the lost directory said: %s for each such host, with --leaves-later as long as no authority's key is there",
			k.lock.Path, strings.Join(slices.Compact(lost), ", "), at.Command("pki compromised", "HOST", "--write")))
	}
}

// getNothing names those of marked hosts that no other machine has replaced.
func (k *PKI) getNothing(set pki.Set, hosts []string) string {
	hosts = slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return !isHost(k.Cluster, host) || !Goes(set, host) })
	if len(hosts) == 0 {
		return ""
	}
	return ". Until other machines have come in their place, nothing is delivered to: " + strings.Join(hosts, ", ")
}
