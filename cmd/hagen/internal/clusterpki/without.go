package clusterpki

import (
	"fmt"
	"path/filepath"
	"slices"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/pki"
	"hagen/pki/store"
)

// Without returns the names of machines that are off, each once. It refuses names that the cluster
// does not have, and all masters.
func Without(c *cluster.Cluster, names []string) ([]string, error) {
	var known, masters []string
	for _, h := range c.Hosts() {
		known = append(known, h.Name)
	}
	if err := exit.AllKnown("host", names, known); err != nil {
		return nil, err
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for _, h := range c.Members() {
		if !slices.Contains(names, h.Name) {
			masters = append(masters, h.Name)
		}
	}
	if len(masters) == 0 {
		return nil, exit.Usage("--without leaves no master: name only machines that are off")
	}
	return names, nil
}

// Off lists the hosts of a cluster that get nothing for now: those that others have had and that go, and those that
// a rotation left out, until a document for another machine in their place was written.
func Off(c *cluster.Cluster, items pki.Set) (hosts []string) {
	for _, h := range c.Hosts() {
		hosts = append(hosts, h.Name)
	}
	return offOf(items, hosts)
}

// OffOf returns those of hosts that get nothing for now, by a PKI directory that was looked at.
func OffOf(view store.View, hosts []string) []string { return offOf(setOf(view), hosts) }

func offOf(items pki.Set, hosts []string) []string {
	return slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return !Goes(items, host) && !leftOut(items, host) })
}

// Goes reports whether others have had a host, and no other machine came in its place.
func Goes(items pki.Set, host string) bool {
	return !markedOn(items, host).IsZero() && stateOf(items, host) == pki.HostGoes
}

// leftOut reports whether a rotation left a host out. One without keys may be back when the rotation is over.
func leftOut(items pki.Set, host string) bool {
	hasKeys := false
	for name := range items {
		hasKeys = hasKeys || control.HostOf(name) == host
	}
	for _, item := range items {
		if (hasKeys || item.NextPhase() != pki.PhaseTrust) && slices.Contains(item.LeftOut(), host) {
			return true
		}
	}
	return false
}

// unissued lists the hosts without certificates that nobody can issue before the next authority does: a recovery had
// no document of them. Machines that do not trust that authority yet refuse what it signs for them.
func unissued(c *cluster.Cluster, items pki.Set) (hosts []string) {
	for _, r := range control.Requests(c) {
		host := control.HostOf(r.Name)
		_, there := items[r.Name]
		if authority := items[r.Authority]; there || host == "" || !authority.KeyElsewhere() || slices.Contains(hosts, host) {
			continue
		}
		hosts = append(hosts, host)
	}
	return hosts
}

// OffAt is Off of a cluster of which no more is known than the names of its hosts, by the PKI directory, if there
// is one that is the cluster's. Those that others have had come apart.
func OffAt(dir, name string, hosts []string) (goes, left []string) {
	view, err := LookAt(clusterfile.Place{PKI: dir})
	if err != nil || view.Cluster != name {
		return nil, nil // nothing depends on a PKI directory here
	}
	items := setOf(view)
	for _, host := range hosts {
		switch {
		case Goes(items, host):
			goes = append(goes, host)
		case leftOut(items, host):
			left = append(left, host)
		}
	}
	return goes, left
}

// Replaced notes in the PKI that documents of machines in the place of hosts were written.
func (k *PKI) Replaced(ui *console.UI, hosts ...string) error {
	noted := false
	set := k.Store.Set()
	for name := range set {
		for _, host := range hosts {
			if next, changed := set[name].Replaced(host); changed {
				set[name], noted = next, true
			}
		}
	}
	if !noted {
		return nil
	}
	return k.Save(ui, set)
}

// WithoutWords are the words of a command that leaves hosts out.
func WithoutWords(hosts []string) (words []string) {
	for _, host := range hosts {
		words = append(words, "--without", host)
	}
	return words
}

// comeBack says how the machines come back that were left out.
func (r rotation) comeBack(c *cluster.Cluster) (needs []string) {
	for _, host := range r.Without {
		way := "boot it with its document in " + filepath.Join(TreeOf(r.at, r.Cluster), host)
		switch {
		case !isHost(c, host):
			continue // it has left the cluster
		case slices.ContainsFunc(c.Members(), func(h cluster.Host) bool { return h.Name == host }):
			way = r.at.Command("render", "--replace", host)
		}
		needs = append(needs, fmt.Sprintf("%s was left out, and has documents of before: it must not come back with them. While it is off, plan without it (--without %[1]s); when all is done, and unless that was done already, %s", host, way))
	}
	return needs
}
