package check

import (
	"crypto/x509"
	"strings"

	"hagen/gen/read"
)

// kubeconfigRules are about kubeconfigs.
var kubeconfigRules = []check{
	{across: (*set).kubeconfigs},
}

// identityRules are about the names in daemons' certificates. They come after
// the dials.
var identityRules = []check{
	{across: (*set).identities, rules: []rule{
		{ruleClientName, Error, "Kubernetes knows its daemons by this name and gives no rights to another",
			"use the certificate that was issued for this daemon"},
	}},
}

// identities are the user names that have the rights of Kubernetes' own
// daemons (kubernetes.io, Using RBAC Authorization, core component roles).
var identities = []struct{ daemon, flag, name string }{
	{manager, "kubeconfig", "system:kube-controller-manager"},
	{scheduler, "kubeconfig", "system:kube-scheduler"},
}

// kubeconfigs checks that each has what a client needs, and a certificate with
// its key.
func (s *set) kubeconfigs() {
	for _, m := range s.everybody() {
		for _, f := range m.contextFaults {
			problem, name, _ := strings.Cut(f.Problem, ` "`)
			m.find(ruleKubeconfig, f.At, "%s %s", own(problem), `"`+name)
		}
		for _, k := range m.contexts {
			m.kubeconfig(k)
		}
	}
}

// identities checks that controller manager and scheduler present certificates
// in their own names.
func (s *set) identities() {
	for _, m := range s.machines {
		for _, row := range identities {
			if p := m.process(row.daemon); p != nil {
				m.identity(p, row.flag, row.name)
			}
		}
	}
}

// identity checks the name in the client certificate of a daemon's kubeconfig.
func (m *machine) identity(p *read.Process, flag, name string) {
	path := p.Value(flag)
	if path == "" {
		if root, _ := m.config(p.Name, "config"); root != nil {
			path = root.Get("clientConnection", "kubeconfig").Value()
		}
	}
	for _, k := range m.contexts {
		if k.File.Path == path && len(k.Client.Certificates) > 0 && k.Client.Certificates[0].CommonName() != name {
			m.find(ruleClientName, k.Place(k.ClientAt), "gives %s the certificate of %s", p.Name, k.Client.Certificates[0].CommonName())
		}
	}
}

// kubeconfig checks one kubeconfig by itself.
func (m *machine) kubeconfig(k read.Kubeconfig) {
	at := k.Place
	switch {
	case k.Insecure == "true":
		m.find(ruleTLSNotVerified, read.Whole(k.File.Path), "does not verify the server: insecure-skip-tls-verify").Remedy = "name the cluster's authority instead"
	case !k.HasAuthority:
		m.find(ruleNotAnAuthority, read.Whole(k.File.Path), "has no certificate-authority")
	}
	if k.AuthorityAt != nil && len(k.Authority.Certificates) > 0 && !k.Authority.Certificates[0].IsCA {
		m.find(ruleNotAnAuthority, at(k.AuthorityAt), "%s is not an authority's certificate", k.AuthorityAt.Key)
	}
	if !k.HasClient {
		return // a token, or another way to authenticate
	}
	if k.ClientFile != "" && k.KeyFile != "" {
		return // checked with the other pairs
	}
	switch certificates, keys := k.Client.Certificates, k.Key.Keys; {
	case len(certificates) == 0 && !k.Client.Opaque && k.ClientFile == "":
		m.find(ruleNoCertificate, at(k.ClientAt), "%s holds no certificate", k.ClientAt.Key)
	case len(certificates) == 0:
	case k.KeyAt == nil:
		m.find(ruleIncompletePair, at(k.ClientAt), "has a client certificate, but no key")
	case len(keys) == 0 && !k.Key.Opaque:
		m.find(ruleNoCertificate, at(k.KeyAt), "%s holds no private key", k.KeyAt.Key)
	case len(keys) > 0 && keys[0].Public != certificates[0].Public:
		m.find(ruleKeyMismatch, at(k.KeyAt), "holds a key that is not its certificate's")
	}
	if k.ClientFile == "" {
		for _, c := range k.Client.Certificates {
			if !c.Usable(x509.ExtKeyUsageClientAuth) {
				m.find(ruleCertificateUsage, at(k.ClientAt), "%s is not a client certificate", k.ClientAt.Key)
			}
		}
	}
}
