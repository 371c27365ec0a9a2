package main

import (
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/cluster"
	"hagen/pki"
)

// otherProfile refuses a PKI whose authorities are not those that the profile
// has: an authority that signed one set of clients would come to sign another.
func otherProfile(dir string, c *cluster.Cluster, requests []pki.Request, have pki.Set) error {
	var wanted []string
	for _, r := range requests {
		if r.Kind == pki.Authority {
			wanted = append(wanted, r.Name)
		}
	}
	var there []string
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if have[name].Request.Kind == pki.Authority {
			there = append(there, name)
		}
	}
	slices.Sort(wanted)
	if len(there) == 0 || slices.Equal(there, wanted) {
		return nil
	}
	return exit.Failed("%s: was made for another profile than %s: its authorities are %s, not %s; write the profile back, or name the PKI directory of this cluster with --pki",
		dir, c.Profile.Name, strings.Join(there, ", "), strings.Join(wanted, ", "))
}

// etcdLeaf is the certificate that tells which masters there have been.
const etcdLeaf = "etcd-server"

// membership warns when the members of etcd are others than those of the last
// render: documents alone do not change a cluster that runs. Removed are the
// paths in the tree that this render removed.
func (w *work) membership(ui *console.UI, removed []string) {
	var said []string
	for _, file := range removed {
		host := path.Dir(file)
		// It may be one format alone that is gone.
		remains := slices.ContainsFunc(w.cluster.Members(), func(h cluster.Host) bool { return h.Name == host })
		if _, master := w.recorded[path.Join("hosts", host, etcdLeaf)]; master && !remains && !slices.Contains(said, host+" is gone") {
			said = append(said, host+" is gone")
		}
	}
	gone, rendered := len(said), false
	for _, change := range w.issued.Changes {
		if path.Base(change.Name) != etcdLeaf {
			continue
		}
		old, known := w.recorded[change.Name]
		rendered = rendered || known
		host := path.Base(path.Dir(change.Name))
		if w.cluster.Profile.OneAuthority { // whose masters share it
			host = "a master"
		}
		switch {
		case change.Action == pki.Made, w.returned[change.Name]:
			said = append(said, host+" is new")
		case !sameAddresses(old, w.issued.Set[change.Name].Request):
			said = append(said, host+" has another address")
		}
	}
	switch changed := "the masters have changed: " + strings.Join(said, ", "); {
	case !rendered || len(said) == 0:
	case len(said) == gone: // whoever came instead has its certificates already, as after --replace
		ui.Warn(changed + "; in a cluster that runs, etcd has to be told that by now (etcdctl member remove; hagen plan says when)")
	default:
		ui.Warn(changed + "; in a cluster that runs, tell etcd first (hagen plan says how, and hagen render --replace for a lost one): these documents are for a new one")
	}
}

func sameAddresses(a, b pki.Request) bool {
	sorted := func(r pki.Request) []netip.Addr {
		return slices.SortedFunc(slices.Values(r.IPAddresses), netip.Addr.Compare)
	}
	return slices.Equal(sorted(a), sorted(b))
}

// warnAll prints the warnings of the PKI, those that say the same of several
// certificates in one line.
func warnAll(ui *console.UI, warnings []pki.Warning) {
	var texts []string
	names := map[string][]string{}
	for _, w := range warnings {
		if !slices.Contains(texts, w.Text) {
			texts = append(texts, w.Text)
		}
		names[w.Text] = append(names[w.Text], w.Name)
	}
	for _, text := range texts {
		ui.Warn(strings.Join(folded(names[text]), ", ") + ": " + text)
	}
}

// folded puts names of one folder together: hosts/kubem00/{apiserver,scheduler}.
func folded(names []string) []string {
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
