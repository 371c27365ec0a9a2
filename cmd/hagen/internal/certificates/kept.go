package certificates

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
	"hagen/gen/cluster"
	"hagen/gen/document"
	"hagen/out/tree"
	"hagen/pki"
	"hagen/pki/store"
)

// kept is the PKI directory that is at hand when something else is checked. It says what was
// renewed since, and which authorities are the cluster's.
type kept struct {
	store.View
	cluster string // its name, if that is known
}

// name returns the name of the cluster; "" if it is not known.
func (k *kept) name() string {
	if k == nil {
		return ""
	}
	return k.cluster
}

// find looks for the PKI directory. That there is none is no fault, unless a flag names it: a
// pipeline may have twins alone.
func (r *report) find(at clusterfile.Place) error {
	dir := at.Dir()
	if entries, err := os.ReadDir(dir); at.PKI == "" && (errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0) {
		return nil
	}
	view, err := clusterpki.LookAt(at)
	switch {
	case err == nil:
		r.kept = &kept{view, view.Cluster}
	case at.PKI != "":
		return err
	default:
		r.Notes = append(r.Notes, fmt.Sprintf("what was renewed since is not known: %s", exit.Bare(err)))
	}
	return nil
}

// held returns the item of the PKI that a certificate is, or was before it was renewed; nil if it is
// none.
func (k *kept) held(s source, f found) *store.Held {
	if k == nil {
		return nil
	}
	is := func(matches func(store.Held) bool) *store.Held {
		i := slices.IndexFunc(k.Items, func(h store.Held) bool { return keyed(h.Request.Kind) && h.Cert != nil && matches(h) })
		if i < 0 {
			return nil
		}
		return &k.Items[i]
	}
	if h := is(func(h store.Held) bool {
		return h.KeyID == f.Public || slices.ContainsFunc(h.Generations, func(g store.HeldGeneration) bool { return g.ID == f.Public })
	}); h != nil {
		return h
	}
	if f.item == "" || f.IsCA || !k.signed(s, f) {
		return nil
	}
	return is(func(h store.Held) bool { return h.Request.Name == f.item })
}

// isOf reports whether a certificate is one that an item has now: that which it shows or signs with, that
// of an authority which is trusted beside it, or what the former authority has signed for it.
func isOf(held *store.Held, f found) bool {
	return pki.Fingerprint(held.Cert.Raw) == f.Identity || besidePresent(held, f) || f.IsCA && f.Subject != f.Issuer && f.Public == held.KeyID
}

// besidePresent reports whether a certificate is that of an authority's next or former generation.
func besidePresent(held *store.Held, f found) bool {
	return slices.ContainsFunc(held.Generations, func(g store.HeldGeneration) bool {
		return g.State != pki.Present && g.X509 != nil && pki.Fingerprint(g.X509.Raw) == f.Identity
	})
}

// signed reports whether one of the cluster's authorities signed a certificate.
func (k *kept) signed(s source, f found) bool { return k.issuer(s, f) != nil }

// foreign reports whether a certificate is of other authorities than the PKI's.
func (k *kept) foreign(s source, f found) bool {
	return k != nil && k.held(s, f) == nil && !k.signed(s, f)
}

// issuer returns the cluster's authority that signed a certificate; nil if none did. A twin has no
// signature to verify: there, the key of the authority with the issuer's name must do.
func (k *kept) issuer(s source, f found) *store.Held {
	for i, h := range k.Items {
		if h.Cert == nil || h.Request.Kind != pki.Authority {
			continue
		}
		if f.Twin {
			if slices.ContainsFunc(s.found, func(by found) bool { return by.IsCA && by.Subject == f.Issuer && by.Public == h.KeyID }) {
				return &k.Items[i]
			}
			continue
		}
		if signs(h.Cert, f.Certificate.Certificate) || slices.ContainsFunc(h.Generations, func(g store.HeldGeneration) bool { return g.X509 != nil && signs(g.X509, f.Certificate.Certificate) }) {
			return &k.Items[i]
		}
	}
	return nil
}

func signs(by, cert *x509.Certificate) bool { return cert.CheckSignatureFrom(by) == nil }

// gave reports whether somebody was given a kubeconfig with a certificate.
func (k *kept) gave(f found) bool {
	return k != nil && slices.ContainsFunc(k.Clients, func(c store.ClientRecord) bool { return c.Fingerprint == f.Identity })
}

// authorityOf returns the item that signs an item; "" if that is not known.
func (k *kept) authorityOf(name string) string {
	if k == nil {
		return ""
	}
	for _, h := range k.Items {
		if h.Request.Name == name {
			return h.Request.Authority
		}
	}
	return ""
}

// renewed returns the certificate that the PKI has instead of another, if it need not be renewed
// itself.
func (r *report) renewed(s source, f found) *x509.Certificate {
	held := r.kept.held(s, f)
	if held == nil || isOf(held, f) || held.Cert.NotAfter.Before(f.NotAfter) {
		return nil
	}
	if r.stateOf(found{Certificate: certificateOf(held.Cert)}) != valid {
		return nil
	}
	return held.Cert
}

// replacement returns what to do about a certificate that is renewed already.
func (r *report) replacement(s source, f found) remedy {
	switch user := s.userAt(f); {
	case s.Kind == kindKubeconfig:
		return remedy{deliver: s.kubeconfig(r), words: s.kubeconfig(r)}
	case user != nil:
		return remedy{deliver: r.kubeconfig(*user), words: r.kubeconfig(*user)}
	case f.onlyAt(document.AdminPath):
		next := r.admin("")
		return remedy{deliver: next.words, words: next.words}
	}
	return remedy{deliver: r.delivery(s), words: r.delivery(s)}
}

// onlyAt reports whether a certificate is in a file of the tree, and nowhere else.
func (f found) onlyAt(path string) bool {
	return len(f.places) == 1 && f.places[0] == place{"", path}
}

// isUsers reports whether a certificate is in kubeconfigs that were given out, and nowhere else.
func (f found) isUsers() bool {
	return len(f.places) > 0 && !slices.ContainsFunc(f.places, func(p place) bool { return p.Host != "" || path.Dir(p.Path) != kubeconfigs })
}

// userAt returns the certificate of the user in whose kubeconfig a certificate is; nil if it is
// elsewhere, too.
func (s source) userAt(f found) *found {
	if !f.isUsers() {
		return nil
	}
	i := slices.IndexFunc(s.found, func(other found) bool { return !other.IsCA && slices.Contains(other.places, f.places[0]) })
	if i < 0 {
		return nil
	}
	return &s.found[i]
}

// off lists the hosts of a tree that get nothing for now, and so are in no delivery; of the cluster's tree, if it
// is not on disk.
func (r *report) off(dir string) []string {
	if r.kept == nil {
		return nil
	}
	if !isTree(dir) {
		dir = clusterpki.TreeOf(r.at, r.kept.name())
	}
	return clusterpki.OffOf(r.kept.View, trees.Hosts(tree.Files(dir), "."))
}

// isTree reports whether a directory holds the documents of one cluster, or their twins.
func isTree(dir string) bool { return len(trees.Hosts(tree.Files(dir), ".")) > 0 }

// addBehind adds what the cluster's trees have that the PKI has renewed since, and kubeconfigs there
// that end. The hosts of those that do not end soon are noted.
func (r *report) addBehind(c *cluster.Cluster) {
	for _, dir := range clusterpki.TreesOf(r.at, r.kept.cluster) {
		r.Compared = append(r.Compared, dir)
		s, err := readTree(dir)
		if err != nil {
			r.faults = append(r.faults, fmt.Errorf("whether what was renewed was rendered is not known: %w", err))
			continue
		}
		r.noteMissing(c, dir)
		r.addFormer(dir, s)
	}
	if len(r.Compared) == 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("no rendered tree was compared, since there is none at %s: whether what was renewed was rendered is not known; %s looks at another",
			clusterpki.TreeOf(r.at, cmp.Or(r.kept.cluster, "CLUSTER")), r.at.Command("pki check", "TREE")))
	}
}

// noteMissing notes the hosts without a document in a tree.
func (r *report) noteMissing(c *cluster.Cluster, dir string) {
	if c == nil {
		return
	}
	there, missing := trees.Hosts(tree.Files(dir), "."), []string{}
	for _, h := range c.Hosts() {
		if !slices.Contains(there, h.Name) {
			missing = append(missing, h.Name)
		}
	}
	if len(missing) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s has no document of %s: what they have is not known", dir, strings.Join(missing, ", ")))
	}
}

// addFormer adds what a tree has that the PKI has renewed since.
func (r *report) addFormer(dir string, s source) {
	all := s.found
	s.found = nil
	var hosts []string
	off := r.off(dir)
	for _, f := range all {
		from := source{Kind: kindTree, found: all}
		held := r.kept.held(from, f)
		switch {
		case held == nil && (!f.isUsers() || r.stateOf(f) == valid):
			continue
		case held != nil && isOf(held, f):
			continue
		case held != nil && r.stateOf(f) != valid && r.renewed(from, f) == nil:
			continue // the PKI's ends, too, and is found there
		}
		s.found = append(s.found, f)
		for _, p := range f.places {
			if p.Host != "" && r.stateOf(f) == valid && !slices.Contains(hosts, p.Host) && !slices.Contains(off, p.Host) {
				hosts = append(hosts, p.Host)
			}
		}
	}
	if s.Certificates = len(s.found); s.Certificates == 0 {
		return
	}
	r.Sources = append(r.Sources, s)
	if len(hosts) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s has former certificates of %s: %s delivers what was renewed", dir, strings.Join(hosts, ", "), r.delivery(s)))
	}
}
