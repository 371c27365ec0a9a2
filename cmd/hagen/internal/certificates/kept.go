package certificates

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/exit"
	"hagen/cmd/hagen/internal/trees"
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

// delivery returns what to type to replace a certificate that is renewed already.
func (r *report) delivery(s source, f found) string {
	if s.Kind == kindKubeconfig {
		return s.kubeconfig(r)
	}
	dir := s.Name
	if s.Kind != kindTree {
		dir = filepath.Join(trees.Dir, r.kept.cluster)
	} else if _, _, is := trees.Revision(dir); !is && !isTree(dir) {
		dir = filepath.Join(dir, r.kept.cluster)
	}
	if _, _, is := trees.Revision(dir); !is && !isTree(dir) || f.host() == "" && len(f.places) == 1 {
		return r.at.Command("render")
	}
	return r.at.Command("plan", "--delta", "delta", dir, ".")
}

// isTree reports whether a directory holds the documents of one cluster, or their twins.
func isTree(dir string) bool { return len(trees.Hosts(tree.Files(dir), ".")) > 0 }

// addBehind adds the certificates of the cluster's tree that the PKI has renewed since. The hosts of
// those that do not end soon are noted.
func (r *report) addBehind() {
	dir := filepath.Join(trees.Dir, r.kept.cluster)
	if r.kept.cluster == "" || !trees.HoldsDocuments(dir) {
		return
	}
	s, err := readTree(dir)
	if err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("whether what was renewed was rendered is not known: %s", exit.Bare(err)))
		return
	}
	all := s.found
	s.found = nil
	var hosts []string
	for _, f := range all {
		held := r.kept.held(source{found: all}, f)
		if held == nil || isOf(held, f) {
			continue
		}
		s.found = append(s.found, f)
		for _, p := range f.places {
			if p.Host != "" && r.stateOf(f) == valid && !slices.Contains(hosts, p.Host) {
				hosts = append(hosts, p.Host)
			}
		}
	}
	if s.Certificates = len(s.found); s.Certificates == 0 {
		return
	}
	r.Sources = append(r.Sources, s)
	if len(hosts) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s has former certificates of %s: %s says how to deliver what was renewed", dir, strings.Join(hosts, ", "), r.at.Command("plan", "--delta", "delta", dir, ".")))
	}
}
