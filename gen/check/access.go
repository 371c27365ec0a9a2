package check

import (
	"slices"
	"strings"

	"hagen/gen/read"
)

// accessRules are about authentication and authorization.
var accessRules = []check{
	{within: (*machine).authentication, rules: []rule{
		{ruleAuthentication, Error, "clients get in without a certificate, or without authorization",
			"set it to true, or restore the rendered flags"},
	}},
}

// wantedFlags are flags without which etcd accepts any client.
var wantedFlags = []struct{ daemon, flag, want string }{
	{"etcd", "client-cert-auth", "true"},
	{"etcd", "peer-client-cert-auth", "true"},
}

// authentication checks who may connect. The API server trusts a front proxy's
// user names, and kubelets trust the API server's client certificate.
func (m *machine) authentication() {
	for _, row := range wantedFlags {
		if p := m.process(row.daemon); p != nil && p.Value(row.flag) != row.want {
			m.find(ruleAuthentication, p.Where(row.flag), "--%s is not %s", own(row.flag), own(row.want))
		}
	}
	p := m.process(apiServer)
	if p == nil {
		return
	}
	modes := strings.Split(p.Value("authorization-mode"), ",")
	if _, config := p.Flag("authorization-config"); !config && (!slices.Contains(modes, "RBAC") || slices.Contains(modes, "AlwaysAllow")) {
		m.find(ruleAuthentication, p.Where("authorization-mode"), "--authorization-mode allows everyone everything, or no one anything").Remedy = "write Node,RBAC"
	}
	if p.Value("client-ca-file") == "" {
		m.find(ruleAuthentication, p.Where("client-ca-file"), "--client-ca-file is missing: no client can use a certificate").Remedy = "name the cluster's authority"
	}
	m.accepted(p, "kubelet-client-certificate", "client-ca-file")
	if c, found := m.accepted(p, "proxy-client-cert-file", "requestheader-client-ca-file"); found {
		allowed := p.Value("requestheader-allowed-names")
		if allowed != "" && !slices.Contains(strings.Split(allowed, ","), c.CommonName()) {
			m.find(ruleClientNotTrusted, p.Where("requestheader-allowed-names"), "--requestheader-allowed-names does not contain %s, the name in %s", c.CommonName(), c.Path)
		}
	}
}

// accepted checks the client certificate in one flag against the authority in
// another.
func (m *machine) accepted(p *read.Process, certificateFlag, authorityFlag string) (read.Certificate, bool) {
	c, found := m.certificate(p.Value(certificateFlag))
	authorities := m.pem[p.Value(authorityFlag)].Certificates
	if found && len(authorities) > 0 && !m.set.signedByAny(c, authorities) {
		m.find(ruleClientNotTrusted, p.Where(certificateFlag), "--%s names a certificate that the authority of --%s did not sign", own(certificateFlag), own(authorityFlag))
	}
	return c, found
}
