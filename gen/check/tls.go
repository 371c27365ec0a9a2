package check

import (
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"hagen/gen/read"
)

// pairs of flags that name a certificate and its key.
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

// pairs: certificate and key that are named together belong together, and are
// meant for what they are named for. No authority's key is here.
func (m *machine) pairs() {
	for _, row := range pairs {
		p := m.process(row.daemon)
		if p == nil {
			continue
		}
		_, hasCertificate := p.Flag(row.certificate)
		_, hasKey := p.Flag(row.key)
		switch {
		case hasCertificate != hasKey && hasKey:
			m.find(ruleHalfPair, p.Where(row.key), "--%s is given without --%s", row.key, row.certificate)
		case hasCertificate != hasKey:
			m.find(ruleHalfPair, p.Where(row.certificate), "--%s is given without --%s", row.certificate, row.key)
		case hasCertificate:
			m.pair(p.Where(row.certificate), p.Value(row.certificate), p.Where(row.key), p.Value(row.key), row.usages)
		}
	}
	m.besides()
}

// pair holds a certificate's file against its key's.
func (m *machine) pair(certAt read.Place, certPath string, keyAt read.Place, keyPath string, usages []x509.ExtKeyUsage) {
	_, certThere := m.files[certPath]
	_, keyThere := m.files[keyPath]
	if !certThere || !keyThere {
		return // which is said already
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
			m.find(ruleUsage, certAt, "%s is no certificate for a %s", certPath, usageNames[usage])
		}
	}
	switch {
	case len(keys) == 0 && !m.pem[keyPath].Opaque:
		m.find(ruleNoCertificate, keyAt, "%s holds no private key", keyPath)
	case len(keys) > 0 && keys[0].Public != c.Public:
		m.find(rulePair, read.Whole(keyPath), "is not the key of %s%s", certPath, m.set.keyOf(keys[0], m))
	}
}

// besides: so do files whose names belong together, whoever names them.
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
				m.find(rulePair, read.Whole(f.Path), "is not the key of %s%s", beside, m.set.keyOf(k, m))
			}
		}
	}
}

// authorityFlags name the authorities that somebody is checked against.
var authorityFlags = []struct{ daemon, flag string }{
	{"etcd", "trusted-ca-file"},
	{"etcd", "peer-trusted-ca-file"},
	{"kube-apiserver", "etcd-cafile"},
	{"kube-apiserver", "client-ca-file"},
	{"kube-apiserver", "requestheader-client-ca-file"},
	{"kube-apiserver", "kubelet-certificate-authority"},
	{"kube-controller-manager", "client-ca-file"},
	{"kube-controller-manager", "requestheader-client-ca-file"},
	{"kube-controller-manager", "root-ca-file"},
	{"kube-scheduler", "client-ca-file"},
	{"kube-scheduler", "requestheader-client-ca-file"},
}

// authorities: what is named as an authority is one, and every leaf has its
// authority on the machine.
func (m *machine) authorities() {
	for _, row := range authorityFlags {
		if p := m.process(row.daemon); p != nil {
			m.authority(p.Where(row.flag), p.Value(row.flag))
		}
	}
	all := m.certs
	for _, c := range all {
		if !c.IsCA && !m.set.signedByAny(c, all) {
			m.find(ruleUnsigned, read.Whole(c.Path), "was signed by no authority of this machine")
		}
	}
}

// authority: the file is the document's, so it must hold one.
func (m *machine) authority(at read.Place, path string) {
	if _, there := m.files[path]; !there || m.pem[path].Opaque {
		return
	}
	if !slices.ContainsFunc(m.pem[path].Certificates, func(c read.Certificate) bool { return c.IsCA }) {
		m.find(ruleNoAuthority, at, "%s holds no authority", path)
	}
}

// soon is how long before its end a certificate is warned of.
const soon = 14 * 24 * time.Hour

// expiry holds the certificates of the files against the clock.
func (m *machine) expiry() {
	all := m.certs
	for _, c := range all {
		m.expires(read.Whole(c.Path), "", c)
		if !c.IsCA && slices.ContainsFunc(all, func(a read.Certificate) bool { return c.NotAfter.After(a.NotAfter) && m.set.signedBy(c, a) }) {
			m.find(ruleOutlives, read.Whole(c.Path), "is valid longer than its authority")
		}
	}
}

func (m *machine) expires(at read.Place, what string, c read.Certificate) {
	switch now := m.set.now; {
	case now.IsZero() || c.NotAfter.IsZero():
	case now.After(c.NotAfter):
		m.find(ruleExpired, at, "%sexpired on %s", what, c.NotAfter.Format(time.DateOnly))
	case now.Before(c.NotBefore):
		m.find(ruleExpired, at, "%sis not valid before %s", what, c.NotBefore.Format(time.RFC3339))
	case now.Add(soon).After(c.NotAfter):
		m.find(ruleExpiring, at, "%sexpires on %s", what, c.NotAfter.Format(time.DateOnly))
	}
}

// guards are flags without which a daemon lets in whoever comes.
var guards = []struct{ daemon, flag, want string }{
	{"etcd", "client-cert-auth", "true"},
	{"etcd", "peer-client-cert-auth", "true"},
}

// callers: who may call. The API server believes a front proxy's word on the
// user, and kubelets its client certificate.
func (m *machine) callers() {
	for _, row := range guards {
		if p := m.process(row.daemon); p != nil && p.Value(row.flag) != row.want {
			m.find(ruleCallers, p.Where(row.flag), "--%s is not %s", row.flag, row.want)
		}
	}
	p := m.process(apiServer)
	if p == nil {
		return
	}
	modes := strings.Split(p.Value("authorization-mode"), ",")
	if _, config := p.Flag("authorization-config"); !config && (!slices.Contains(modes, "RBAC") || slices.Contains(modes, "AlwaysAllow")) {
		m.find(ruleCallers, p.Where("authorization-mode"), "--authorization-mode lets everybody do everything, or nobody anything").Remedy = "write Node,RBAC"
	}
	if p.Value("client-ca-file") == "" {
		m.find(ruleCallers, p.Where("client-ca-file"), "--client-ca-file is missing: nobody can show a certificate").Remedy = "name the cluster's authority"
	}
	m.accepted(p, "kubelet-client-certificate", "client-ca-file")
	if c, found := m.accepted(p, "proxy-client-cert-file", "requestheader-client-ca-file"); found {
		allowed := p.Value("requestheader-allowed-names")
		if allowed != "" && !slices.Contains(strings.Split(allowed, ","), c.CommonName()) {
			m.find(ruleNotAccepted, p.Where("requestheader-allowed-names"), "--requestheader-allowed-names does not hold %s, the name in %s", c.CommonName(), c.Path)
		}
	}
}

// accepted holds the client certificate in one flag against the authority in
// another.
func (m *machine) accepted(p *read.Process, certificateFlag, authorityFlag string) (read.Certificate, bool) {
	c, found := m.certificate(p.Value(certificateFlag))
	authorities := m.pem[p.Value(authorityFlag)].Certificates
	if found && len(authorities) > 0 && !m.set.signedByAny(c, authorities) {
		m.find(ruleNotAccepted, p.Where(certificateFlag), "--%s offers a certificate that the authority of --%s did not sign", certificateFlag, authorityFlag)
	}
	return c, found
}

// signedBy says whether an authority signed a certificate. Of a twin the names
// alone are known.
func (s *set) signedBy(c, authority read.Certificate) bool {
	if !authority.IsCA || c.Issuer != authority.Subject {
		return false
	}
	if c.Twin || authority.Twin {
		return true
	}
	pair := [2]string{c.Identity, authority.Identity}
	if known, found := s.verified.Load(pair); found {
		return known.(bool)
	}
	signed := c.CheckSignatureFrom(authority.Certificate) == nil
	s.verified.Store(pair, signed)
	return signed
}

// signedByAny says whether one of several authorities signed a certificate.
func (s *set) signedByAny(c read.Certificate, authorities []read.Certificate) bool {
	for _, a := range authorities {
		if s.signedBy(c, a) {
			return true
		}
	}
	return false
}
