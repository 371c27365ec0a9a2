package check

import (
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"hagen/gen/read"
)

// certificateRules are about certificates and keys.
var certificateRules = []check{
	{within: (*machine).pairs, rules: []rule{
		{ruleKeyMismatch, Error, "TLS does not work with another certificate's key",
			"use a certificate and a key that belong together, or render again"},
		{ruleIncompletePair, Error, "the daemon refuses one without the other",
			"give both flags, or neither"},
		{ruleNoCertificate, Error, "the daemon cannot load it",
			"put the certificate or key there in PEM"},
		{ruleAuthorityKey, Error, "anyone who reads it can impersonate anyone in the cluster",
			"remove it: authorities' keys stay with the operator"},
		{ruleCertificateUsage, Error, "TLS refuses a certificate that was issued for the other side",
			"use a certificate with the required usage"},
	}},
	{within: (*machine).authorities, rules: []rule{
		{ruleNotAnAuthority, Error, "every certificate that is verified against it is refused",
			"put the authority's certificate there"},
		{ruleAuthorityMissing, Error, "nothing on this machine trusts the certificate",
			"render again, so that the authority of the PKI signs it"},
	}},
	{within: (*machine).expiry, rules: []rule{
		{ruleExpired, Error, "no client or server accepts the certificate now",
			"renew it (hagen pki renew --expiring 30d), and deliver it before the next render, as hagen pki check says"},
		{ruleExpiring, Warning, "no client or server accepts an expired certificate",
			"in time, renew it (hagen pki renew --expiring 30d), and deliver it before the next render, as hagen pki check says"},
		{ruleOutlivesAuthority, Warning, "a leaf is refused once its authority has expired",
			"give the leaf a shorter life, or the authority a longer one"},
	}},
	{within: (*machine).watched, rules: []rule{
		{ruleUnwatched, Warning, "nothing on the machine tells when the certificate is about to end",
			"add a line that checks the file, or render again"},
	}},
	{across: (*set).clientCertificates},
	{across: (*set).sameAuthorities, rules: []rule{
		{ruleSameAuthority, Error, "one machine does not trust the others",
			"render again, so that all have the authority of the PKI"},
	}},
}

// pairs are flags that name a certificate and its key.
var pairs = []struct {
	daemon, certificate, key string
	usages                   []x509.ExtKeyUsage
}{
	{"etcd", "cert-file", "key-file", []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
	{"etcd", "peer-cert-file", "peer-key-file", []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}},
	{"kube-apiserver", "tls-cert-file", "tls-private-key-file", []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
	{"kube-apiserver", "etcd-certfile", "etcd-keyfile", []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
	{"kube-apiserver", "kubelet-client-certificate", "kubelet-client-key", []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
	{"kube-apiserver", "proxy-client-cert-file", "proxy-client-key-file", []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
	{"kube-controller-manager", "tls-cert-file", "tls-private-key-file", []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
	{"kube-scheduler", "tls-cert-file", "tls-private-key-file", []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
}

var usageNames = map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "server", x509.ExtKeyUsageClientAuth: "client"}

// pairs checks that certificates and keys that are named together belong
// together and have the right usage, and that no authority's key is here.
func (m *machine) pairs() {
	for _, row := range pairs {
		p := m.process(row.daemon)
		_, hasCertificate := p.Flag(row.certificate)
		_, hasKey := p.Flag(row.key)
		switch {
		case hasCertificate != hasKey && hasKey:
			m.find(ruleIncompletePair, p.Where(row.key), "--%s is given without --%s", own(row.key), own(row.certificate))
		case hasCertificate != hasKey:
			m.find(ruleIncompletePair, p.Where(row.certificate), "--%s is given without --%s", own(row.certificate), own(row.key))
		case hasCertificate:
			m.pair(p.Where(row.certificate), p.Value(row.certificate), p.Where(row.key), p.Value(row.key), row.usages)
		}
	}
	m.besides()
}

// pair checks a certificate's file against its key's.
func (m *machine) pair(certAt read.Place, certPath string, keyAt read.Place, keyPath string, usages []x509.ExtKeyUsage) {
	_, certThere := m.files[certPath]
	_, keyThere := m.files[keyPath]
	if !certThere || !keyThere {
		return // reported as missing-file
	}
	c, found := m.certificate(certPath)
	keys := m.pem[keyPath].Keys
	if !found {
		if !m.pem[certPath].Opaque {
			m.find(ruleNoCertificate, certAt, "%s holds no certificate", certPath)
		}
		return
	}
	for _, usage := range usages {
		if !c.Usable(usage) {
			m.find(ruleCertificateUsage, certAt, "%s is not a %s certificate", certPath, own(usageNames[usage]))
		}
	}
	switch {
	case len(keys) == 0 && !m.pem[keyPath].Opaque:
		m.find(ruleNoCertificate, keyAt, "%s holds no private key", keyPath)
	case len(keys) > 0 && keys[0].Public != c.Public:
		m.find(ruleKeyMismatch, read.Whole(keyPath), "is not the key of %s%s", certPath, m.set.keyOf(keys[0], m))
	}
}

// besides checks files whose names belong together, whatever names them.
func (m *machine) besides() {
	certificates := m.certs
	for _, f := range m.Files {
		for _, k := range m.pem[f.Path].Keys {
			for _, c := range certificates {
				if c.IsCA && k.Private && c.Public == k.Public {
					m.find(ruleAuthorityKey, read.Whole(f.Path), "is the key of the authority in %s: no machine may hold it", c.Path)
				}
			}
			beside := strings.Replace(f.Path, "-key.pem", ".pem", 1)
			if c, found := m.certificate(beside); found && beside != f.Path && c.Public != k.Public {
				m.find(ruleKeyMismatch, read.Whole(f.Path), "is not the key of %s%s", beside, m.set.keyOf(k, m))
			}
		}
	}
}

// authorityFlags name the authorities that certificates are verified against.
var authorityFlags = []struct{ daemon, flag string }{
	{"etcd", "trusted-ca-file"},
	{"etcd", "peer-trusted-ca-file"},
	{"kube-apiserver", "etcd-cafile"},
	{"kube-apiserver", "client-ca-file"},
	{"kube-apiserver", "requestheader-client-ca-file"},
	{"kube-apiserver", "kubelet-certificate-authority"},
	{"kube-apiserver", peerAuthority},
	{"kube-controller-manager", "client-ca-file"},
	{"kube-controller-manager", "requestheader-client-ca-file"},
	{"kube-controller-manager", "root-ca-file"},
	{"kube-scheduler", "client-ca-file"},
	{"kube-scheduler", "requestheader-client-ca-file"},
}

// authorities checks that what is named as an authority is one, and that every
// leaf has its authority on the machine.
func (m *machine) authorities() {
	for _, row := range authorityFlags {
		if p := m.process(row.daemon); p != nil {
			m.authority(p.Where(row.flag), p.Value(row.flag))
		}
	}
	all := m.certs
	for _, c := range all {
		if !c.IsCA && !m.set.signedByAny(c, all) {
			m.find(ruleAuthorityMissing, read.Whole(c.Path), "was not signed by any authority on this machine")
		}
	}
}

// authority checks that a file of the document holds an authority.
func (m *machine) authority(at read.Place, path string) {
	if _, there := m.files[path]; !there || m.pem[path].Opaque {
		return
	}
	if !slices.ContainsFunc(m.pem[path].Certificates, func(c read.Certificate) bool { return c.IsCA }) {
		m.find(ruleNotAnAuthority, at, "%s holds no authority", path)
	}
}

// soon is how long before its expiry a certificate is reported.
const soon = 14 * 24 * time.Hour

// expiry checks the certificates of the files against the clock.
func (m *machine) expiry() {
	all := m.certs
	for _, c := range all {
		m.expires(read.Whole(c.Path), "", c)
		if !c.IsCA && m.outlives(c, all) {
			m.find(ruleOutlivesAuthority, read.Whole(c.Path), "is valid longer than its authority")
		}
	}
}

// outlives reports whether a leaf ends after all certificates of its authority, which has two while it is
// rotated.
func (m *machine) outlives(leaf read.Certificate, all []read.Certificate) bool {
	signed := slices.DeleteFunc(slices.Clone(all), func(a read.Certificate) bool { return !m.set.signedBy(leaf, a) })
	return len(signed) > 0 && !slices.ContainsFunc(signed, func(a read.Certificate) bool { return !leaf.NotAfter.After(a.NotAfter) })
}

func (m *machine) expires(at read.Place, what string, c read.Certificate) {
	switch now := m.set.now; {
	case now.IsZero() || c.NotAfter.IsZero():
	case now.After(c.NotAfter):
		m.find(ruleExpired, at, "%sexpired on %s", what, c.NotAfter.Format(time.DateOnly))
	case now.Before(c.NotBefore):
		m.find(ruleExpired, at, "%sis not valid before %s", what, c.NotBefore.Format(time.RFC3339))
	case now.Add(min(soon, c.NotAfter.Sub(c.NotBefore)/3)).After(c.NotAfter):
		m.find(ruleExpiring, at, "%sexpires on %s", what, c.NotAfter.Format(time.DateOnly))
	}
}

// watched checks that the script which tells of ends names every file with a certificate.
// Machines of earlier releases have no such script.
func (m *machine) watched() {
	if _, found := m.files[read.CertificatesPath]; !found {
		return
	}
	for _, c := range m.certs {
		if !slices.ContainsFunc(m.mentions[read.CertificatesPath], func(w read.Word) bool { return w.Text == c.Path }) {
			m.find(ruleUnwatched, read.Whole(read.CertificatesPath), "does not check %s", c.Path)
		}
	}
}

// clientCertificates checks the certificates that kubeconfigs name, and the
// validity of those inside them.
func (s *set) clientCertificates() {
	for _, m := range s.everybody() {
		for _, k := range m.contexts {
			switch {
			case k.ClientFile == "":
				for _, c := range k.Client.Certificates {
					m.expires(k.Place(k.ClientAt), "the client certificate ", c)
				}
			case k.KeyFile != "":
				m.pair(k.Place(k.ClientAt), k.ClientFile, k.Place(k.KeyAt), k.KeyFile, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth})
			}
			if k.HasAuthority && k.AuthorityAt.Key == "certificate-authority-data" {
				for _, c := range k.Authority.Certificates {
					m.expires(k.Place(k.AuthorityAt), "the authority ", c)
				}
			}
		}
	}
}

// sameAuthorities checks that a file with authorities holds the same ones on
// every machine that has the file.
func (s *set) sameAuthorities() {
	byPath := map[string][]said{}
	for _, m := range s.machines {
		held, names := map[string]string{}, map[string]string{}
		for _, c := range m.certs {
			if c.IsCA {
				held[c.Path] += c.Identity
				names[c.Path] = c.Subject
			}
		}
		for path, identities := range held {
			byPath[path] = append(byPath[path], said{m, read.Whole(path), names[path], identities})
		}
	}
	for path, all := range byPath {
		best, _ := common(all, func(x said) string { return x.value })
		for _, x := range all {
			if x.value != best {
				x.machine.find(ruleSameAuthority, read.Whole(path), "holds another authority than the same file on other machines: %s", own(x.what))
			}
		}
	}
}
