package desk

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/gen/cluster"
	"hagen/pki"
)

// membership warns when the members of etcd are others than those of the last
// render: documents alone do not change a cluster that runs. Removed are the
// paths in the tree that this render removed.
func (w *work) membership(ui *console.UI, removed []string) {
	var said []string
	for _, file := range removed {
		host := path.Dir(file)
		// It may be one format alone that is gone.
		remains := slices.ContainsFunc(w.cluster.Members(), func(h cluster.Host) bool { return h.Name == host })
		if _, master := w.recorded[path.Join("hosts", host, clusterpki.EtcdLeaf)]; master && !remains && !slices.Contains(said, host+" is gone") {
			said = append(said, host+" is gone")
		}
	}
	gone, rendered := len(said), false
	for _, change := range w.issued.Changes {
		if path.Base(change.Name) != clusterpki.EtcdLeaf {
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
