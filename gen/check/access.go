package check

import (
	"slices"
	"strings"

	"hagen/gen/read"
)

// accessRules are about who may call.
var accessRules = []check{
	{within: (*machine).callers, rules: []rule{
		{ruleAuthentication, Error, "any client with a certificate of the authority, or none at all, would be let in",
			"write true, or leave the machine's flags as they were rendered"},
	}},
}

// wantedFlags are flags without which a daemon lets in whoever comes.
var wantedFlags = []struct{ daemon, flag, want string }{
	{"etcd", "client-cert-auth", "true"},
	{"etcd", "peer-client-cert-auth", "true"},
}

// callers: who may call. The API server believes a front proxy's word on the
// user, and kubelets its client certificate.
func (m *machine) callers() {
	for _, row := range wantedFlags {
		if p := m.process(row.daemon); p != nil && p.Value(row.flag) != row.want {
			m.find(ruleAuthentication, p.Where(row.flag), "--%s is not %s", row.flag, row.want)
		}
	}
	p := m.process(apiServer)
	if p == nil {
		return
	}
	modes := strings.Split(p.Value("authorization-mode"), ",")
	if _, config := p.Flag("authorization-config"); !config && (!slices.Contains(modes, "RBAC") || slices.Contains(modes, "AlwaysAllow")) {
		m.find(ruleAuthentication, p.Where("authorization-mode"), "--authorization-mode lets everybody do everything, or nobody anything").Remedy = "write Node,RBAC"
	}
	if p.Value("client-ca-file") == "" {
		m.find(ruleAuthentication, p.Where("client-ca-file"), "--client-ca-file is missing: nobody can show a certificate").Remedy = "name the cluster's authority"
	}
	m.accepted(p, "kubelet-client-certificate", "client-ca-file")
	if c, found := m.accepted(p, "proxy-client-cert-file", "requestheader-client-ca-file"); found {
		allowed := p.Value("requestheader-allowed-names")
		if allowed != "" && !slices.Contains(strings.Split(allowed, ","), c.CommonName()) {
			m.find(ruleClientNotTrusted, p.Where("requestheader-allowed-names"), "--requestheader-allowed-names does not hold %s, the name in %s", c.CommonName(), c.Path)
		}
	}
}

// accepted holds the client certificate in one flag against the authority in
// another.
func (m *machine) accepted(p *read.Process, certificateFlag, authorityFlag string) (read.Certificate, bool) {
	c, found := m.certificate(p.Value(certificateFlag))
	authorities := m.pem[p.Value(authorityFlag)].Certificates
	if found && len(authorities) > 0 && !m.set.signedByAny(c, authorities) {
		m.find(ruleClientNotTrusted, p.Where(certificateFlag), "--%s offers a certificate that the authority of --%s did not sign", certificateFlag, authorityFlag)
	}
	return c, found
}
