package clusterpki

import (
	"maps"
	"path/filepath"
	"slices"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/gen/node"
	"hagen/out/tree"
	"hagen/pki"
)

// machine is a host that others have had, as far as the PKI and documents know it.
type machine struct {
	name      string
	role      cluster.Role
	gone      bool // from the cluster file
	runsOn    bool // nobody was on the machine itself: it goes on
	items     []string
	documents []node.Node // that were written for it and are still there
}

// pkiHost stands for the PKI directory among hosts that others have had; no host has such a name.
const pkiHost = "pki/"

func (m machine) isPKI() bool { return m.name == pkiHost }

// goes reports whether it is a machine of the cluster that gets nothing, and that no other one has replaced.
func (m machine) goes(items pki.Set) bool {
	return !m.gone && !m.runsOn && (markedOn(items, m.name).IsZero() || Goes(items, m.name))
}

// pkiDirectory is the PKI directory, and what was beside it: it has all keys.
func pkiDirectory(c *cluster.Cluster, items pki.Set, from []string) machine {
	m := machine{name: pkiHost, role: "PKI directory", runsOn: true, items: slices.Sorted(maps.Keys(items))}
	for _, h := range c.Hosts() {
		m.documents = append(m.documents, documentsOf(h.Name, from)...)
	}
	return m
}

// documentsOf reads the documents of a host in trees.
func documentsOf(host string, dirs []string) (documents []node.Node) {
	for _, dir := range dirs {
		if n, read := trees.MachineIn(tree.Files(dir), host); read {
			documents = append(documents, n)
		}
	}
	return documents
}

// stolen is a key that was on a machine.
type stolen struct {
	item  string
	key   string    // its id
	until time.Time // the end of its certificate
}

// machineOf returns a host by its name; known is false if neither the cluster file nor the PKI has it.
func machineOf(c *cluster.Cluster, at clusterfile.Place, items pki.Set, name, from string) (m machine, known bool) {
	dirs := TreesOf(at, c.Name)
	for _, s := range separate {
		dirs = append(dirs, filepath.Join(s.dir, c.Name))
	}
	if from != "" {
		dirs = append(dirs, from)
	}
	if name == pkiHost {
		return pkiDirectory(c, items, dirs), true
	}
	m = machine{name: name, gone: true, role: cluster.Master}
	for _, h := range c.Hosts() {
		if h.Name == name {
			m.gone, m.role, m.items, known = false, h.Role, control.KeysOn(c, name), true
		}
	}
	if m.gone {
		for _, item := range slices.Sorted(maps.Keys(items)) {
			if control.HostOf(item) == name {
				m.items, known = append(m.items, item), true
			}
		}
		for _, item := range control.KeysOn(c, c.APIServers()[0].Name) {
			if control.HostOf(item) == "" {
				m.items = append(m.items, item)
			}
		}
	}
	m.documents = documentsOf(name, dirs)
	return m, known
}

// keys returns what was on the machine: what its files have, and in which generations, and of each
// authority those that have signed a client certificate of it.
func (m machine) keys(c *cluster.Cluster, items pki.Set) (found []stolen) {
	var authorities []string
	for _, name := range m.items {
		item := items[name]
		for _, g := range item.Trusted() {
			if item.Request.Name != "" && m.had(c, item, g) {
				found = append(found, stolen{name, g.ID, endOf(item)})
			}
		}
		if by := item.Request.Authority; by != "" && item.Request.Profile != pki.ServerAuthentication && !slices.Contains(authorities, by) {
			authorities = append(authorities, by)
		}
	}
	for _, n := range m.documents {
		for _, k := range trees.PrivateKeysOn(n, c) {
			_, marked := items[k.Item].MarkOf(k.ID)
			former := items[k.Item].Request.Kind == pki.Leaf && k.ID != ""
			if former && !marked && !slices.ContainsFunc(found, func(s stolen) bool { return s.key == k.ID }) {
				found = append(found, stolen{item: k.Item, key: k.ID})
			}
		}
	}
	for _, name := range authorities {
		for _, g := range items[name].Trusted() {
			if m.had(c, items[name], g) && !m.isPKI() { // which has them itself
				found = append(found, stolen{item: name, key: g.ID})
			}
		}
	}
	return found
}

func endOf(item pki.Item) time.Time {
	cert, err := item.X509()
	if err != nil {
		return time.Time{}
	}
	return cert.NotAfter.UTC()
}

// had reports whether the machine may have had a generation of a key or, of an authority, what it has signed:
// it is in documents of the phase that was written last, or was in those of an earlier one. The PKI directory has
// all.
func (m machine) had(c *cluster.Cluster, item pki.Item, g pki.Generation) bool {
	if m.isPKI() {
		return true
	}
	first := pki.PhaseIssue // in which documents begin to have it
	if item.Request.Name == control.SecretsKey {
		first = pki.PhaseTrust
	}
	if g.State == pki.Next && first != pki.PhaseTrust {
		return false
	}
	if len(g.Steps) == 0 { // the first one, or of a recovery: of an authority the present one is the newest that has signed
		return item.Request.Kind != pki.Authority || g.Number <= item.All()[0].Number
	}
	reached := false
	for _, step := range g.Steps {
		if reached = reached || step.Phase == first; reached && !step.Rendered.IsZero() {
			return true
		}
	}
	return slices.ContainsFunc(m.documents, func(n node.Node) bool { return documentHas(n, c, item, g) })
}

// documentHas reports whether a machine's document has a key or, of an authority, what it has signed.
func documentHas(n node.Node, c *cluster.Cluster, item pki.Item, g pki.Generation) bool {
	if item.Request.Kind != pki.Authority {
		return slices.ContainsFunc(trees.PrivateKeysOn(n, c), func(k trees.SharedKey) bool { return k.Item == item.Request.Name && k.ID == g.ID })
	}
	is, err := pki.Item{Request: item.Request, Cert: g.Cert}.X509()
	return err == nil && slices.Contains(trees.IssuersOn(n, c, item.Request.Name), is.Subject.String())
}

// markedOn returns when a host was marked for the last time; zero if it never was.
func markedOn(items pki.Set, host string) (at time.Time) {
	for _, item := range items {
		for _, m := range item.Marks {
			if m.Host == host && m.At.After(at) {
				at = m.At
			}
		}
	}
	return at
}

// stateOf returns what became of a host since it was marked for the last time.
func stateOf(items pki.Set, host string) pki.HostState {
	at, state := markedOn(items, host), pki.HostGoes
	for _, item := range items {
		for _, m := range item.Marks {
			if m.Host != host || !m.At.Equal(at) || m.State == pki.HostGoes {
				continue
			}
			if m.State == pki.HostReplaced {
				return m.State
			}
			state = m.State
		}
	}
	return state
}

// marksOf returns the keys of an item that are marked since a host was.
func marksOf(items pki.Set, host string) (found []stolen) {
	for _, name := range slices.Sorted(maps.Keys(items)) {
		for _, m := range items[name].Marks {
			one := stolen{name, m.Key, m.Until}
			if m.Host == host && !slices.Contains(found, one) {
				found = append(found, one)
			}
		}
	}
	return found
}
