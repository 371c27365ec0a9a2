package certificates

import (
	"cmp"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"hagen/cmd/hagen/internal/clusterfile"
	"hagen/cmd/hagen/internal/clusterpki"
	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
	"hagen/gen/control"
	"hagen/gen/spelling"
	"hagen/pki"
	"hagen/pki/store"
)

// shown is what --json prints.
type shown struct {
	Cluster   string `json:"cluster,omitempty"`
	Directory string `json:"directory"`
	item
	Subject      string      `json:"subject,omitempty"`
	IssuerName   string      `json:"issuerSubject,omitempty"`
	DNSNames     []string    `json:"dnsNames"`
	IPAddresses  []string    `json:"ipAddresses"`
	Usages       []string    `json:"usages"`
	Serial       string      `json:"serial,omitempty"`
	Fingerprint  string      `json:"sha256,omitempty"` // of the certificate
	Algorithm    string      `json:"algorithm,omitempty"`
	KeyID        string      `json:"keyID,omitempty"` // pki.KeyID
	SubjectKeyID string      `json:"subjectKeyID,omitempty"`
	Request      pki.Request `json:"request"`
}

// Show prints one certificate or key in full, but never the key.
func Show(ui *console.UI, at clusterfile.Place, name string, asJSON bool) error {
	d, err := lookAt(ui, at)
	if err != nil {
		return err
	}
	name = clusterpki.ItemOf(at.Dir(), name)
	i := slices.IndexFunc(d.Items, func(h store.Held) bool { return h.Request.Name == name })
	if i < 0 {
		return d.unknown(at, name)
	}
	s := describe(d, i)
	if asJSON {
		ui.JSON(s)
		return nil
	}
	print(ui, s.table())
	return nil
}

// Names lists the items of a PKI directory, for a shell; none if it cannot be read.
func Names(at clusterfile.Place) (names []string) {
	view, err := clusterpki.LookAt(at)
	if err != nil {
		return nil
	}
	for _, held := range view.Items {
		names = append(names, held.Request.Name)
	}
	return names
}

// unknown refuses a name with those that may have been meant: of a host or a folder, of another
// item's last word, or spelled nearly so.
func (d directory) unknown(at clusterfile.Place, name string) error {
	var names, below, meant []string
	for _, held := range d.Items {
		item := held.Request.Name
		names = append(names, item)
		switch {
		case clusterpki.Within(item, name), control.HostOf(item) == name:
			below = append(below, item)
		case path.Base(item) == path.Base(name):
			meant = append(meant, item)
		}
	}
	near := spelling.Nearest(name, names, 3, 1)
	switch {
	case len(below) > 0:
		return exit.Usage("%s: %q has several: name one of %s", d.Name, name, strings.Join(clusterpki.Folded(below), ", "))
	case near != "":
		meant = []string{near}
	case len(meant) == 0:
		return exit.Usage("%s: has no item %q; %s names all", d.Name, name, at.Command("pki list"))
	}
	return exit.Usage("%s: has no item %q; did you mean %s?", d.Name, name, strings.Join(meant, " or "))
}

// describe returns all that may be said about an item.
func describe(d directory, i int) shown {
	held := d.Items[i]
	s := shown{
		Cluster: d.clusterName(), Directory: d.Name, item: d.items()[i], KeyID: held.KeyID, Algorithm: string(held.Request.Algorithm), Request: held.Request,
		DNSNames: []string{}, IPAddresses: []string{}, Usages: []string{},
	}
	cert := held.Cert
	if cert == nil {
		return s
	}
	s.Subject, s.IssuerName = cert.Subject.String(), cert.Issuer.String()
	s.DNSNames = append(s.DNSNames, cert.DNSNames...)
	for _, a := range cert.IPAddresses {
		s.IPAddresses = append(s.IPAddresses, a.String())
	}
	s.Usages = usages(cert)
	s.Serial, s.Fingerprint, s.SubjectKeyID = hex.EncodeToString(cert.SerialNumber.Bytes()), pki.Fingerprint(cert.Raw), hex.EncodeToString(cert.SubjectKeyId)
	return s
}

// usages are the words for those that hagen's certificates have.
func usages(cert *x509.Certificate) []string {
	found := []string{}
	for _, u := range []struct {
		usage x509.KeyUsage
		words string
	}{
		{x509.KeyUsageDigitalSignature, "digital signature"}, {x509.KeyUsageKeyEncipherment, "key encipherment"},
		{x509.KeyUsageCertSign, "certificate signing"}, {x509.KeyUsageCRLSign, "revocation list signing"},
	} {
		if cert.KeyUsage&u.usage != 0 {
			found = append(found, u.words)
		}
	}
	for _, u := range cert.ExtKeyUsage {
		switch u {
		case x509.ExtKeyUsageServerAuth:
			found = append(found, "server authentication")
		case x509.ExtKeyUsageClientAuth:
			found = append(found, "client authentication")
		}
	}
	return found
}

// table returns a row for each fact.
func (s shown) table() [][]string {
	var rows [][]string
	add := func(what, text string) {
		if text != "" {
			rows = append(rows, []string{what, text})
		}
	}
	list := func(what string, texts []string) { add(what, strings.Join(texts, ", ")) }
	add("name", s.Name)
	add("host", s.Host)
	add("kind", s.Kind)
	add("subject", s.Subject)
	list("names", s.DNSNames)
	list("addresses", s.IPAddresses)
	list("usages", s.Usages)
	if s.DaysLeft != nil {
		add("from", s.From.Format(time.RFC3339))
		add("until", fmt.Sprintf("%s, %d days left", s.Until.Format(time.RFC3339), *s.DaysLeft))
	}
	add("remarks", strings.TrimPrefix(s.remarks(), "-"))
	add("serial", s.Serial)
	add("SHA-256", s.Fingerprint)
	add("key", s.Algorithm)
	if s.Generation > 0 {
		add("generation", fmt.Sprintf("%d", s.Generation))
	}
	add("key's id", s.KeyID)
	add("subject key id", s.SubjectKeyID)
	if s.Issuer != "" {
		add("issuer", s.Issuer+" ("+s.IssuerName+")")
	}
	s.addRequest(add)
	s.addGenerations(add)
	for _, m := range s.Compromised {
		state := ""
		if m.State != pki.HostGoes {
			state = ", " + string(m.State)
		}
		add("compromised", fmt.Sprintf("key %s…, with %s on %s%s", m.Key[:min(len(m.Key), 12)], cmp.Or(m.Host, "a machine"), m.At.Format(time.RFC3339), state))
	}
	for i, f := range s.Files {
		what := ""
		if i == 0 {
			what = "embedded"
		}
		rows = append(rows, []string{what, f.words()})
	}
	return rows
}

// addRequest adds what the item was made for, as far as the certificate does not say it.
func (s shown) addRequest(add func(what, text string)) {
	r := s.Request
	var texts []string
	if r.Profile != "" {
		texts = append(texts, r.Profile)
	}
	if r.Lifetime > 0 {
		texts = append(texts, "for "+strings.TrimSuffix(r.Lifetime.String(), "0m0s"))
	}
	add("requested", strings.Join(texts, ", "))
}

// addGenerations adds the keys that the item has had, and the phases of their rotations.
func (s shown) addGenerations(add func(what, text string)) {
	for _, g := range s.Generations {
		text := fmt.Sprintf("%s, %s", g.State, g.KeyID)
		if g.KeyName != "" {
			text += ", " + g.KeyName + " in etcd"
		}
		if !g.Until.IsZero() {
			text += ", until " + day(g.Until)
		}
		add(fmt.Sprintf("key %d", g.Generation), strings.TrimSuffix(text+", "+s.had(g.KeyID), ", "))
		for _, step := range g.Phases {
			add("", phaseWords(step))
		}
	}
}

// phaseWords says when a phase of a rotation began, and how far it came.
func phaseWords(step pki.Step) string {
	text := fmt.Sprintf("phase %s since %s", step.Phase, step.Began.Format(time.RFC3339))
	if !step.Rendered.IsZero() {
		text += ", rendered " + step.Rendered.Format(time.RFC3339)
	}
	if !step.Delivered.IsZero() {
		text += ", delivered " + step.Delivered.Format(time.RFC3339) + " (" + step.By + ")"
		if len(step.Without) > 0 {
			text += ", without " + strings.Join(step.Without, ", ")
		}
	}
	if len(step.Replaced) > 0 {
		text += ", replaced " + strings.Join(step.Replaced, ", ")
	}
	return text
}

func (f file) words() string {
	text := f.Path
	if f.Host != "" {
		text = f.Host + ":" + f.Path
	}
	if f.Key {
		text += " (key)"
	}
	return text
}
