package check

import (
	"bytes"
	"crypto/x509"
	"slices"

	"hagen/gen/node"
)

// kubeconfig is whom a client of the API server dials, and as whom
// (client-go, clientcmd/api/v1).
type kubeconfig struct {
	file                    node.File
	server                  *yamlNode
	serverName              *yamlNode
	insecure                string
	authority               pemContents
	authorityAt             *yamlNode
	client                  pemContents
	clientAt, keyAt         *yamlNode
	clientFile, keyFile     string // "" when they stand in the file
	key                     pemContents
	user                    *unit // that reads it; nil for a person's
	hasAuthority, hasClient bool
}

// readKubeconfigs reads every kubeconfig among the machine's files.
func (m *machine) readKubeconfigs() {
	for _, f := range m.Files {
		if !bytes.Contains(f.Contents, []byte("clusters:")) {
			continue
		}
		root, ok := readYAML(string(f.Contents))
		if !ok || root.get("kind").text() != "Config" || root.get("clusters") == nil {
			continue
		}
		if k, ok := m.readKubeconfig(f, root); ok {
			m.contexts = append(m.contexts, k)
		}
	}
}

// entry gives a field of the entry of that name in a list of a kubeconfig.
func entry(list *yamlNode, name, key string) *yamlNode {
	for _, item := range list.items() {
		if item.get("name").text() == name {
			return item.get(key)
		}
	}
	return nil
}

// readKubeconfig follows the current context.
func (m *machine) readKubeconfig(f node.File, root *yamlNode) (kubeconfig, bool) {
	current := root.get("current-context")
	context := entry(root.get("contexts"), current.text(), "context")
	if context == nil {
		m.find(ruleKubeconfig, m.at(f.Path, current.offset()), "has no context %q", current.text())
		return kubeconfig{}, false
	}
	cluster := entry(root.get("clusters"), context.get("cluster").text(), "cluster")
	user := entry(root.get("users"), context.get("user").text(), "user")
	if cluster == nil {
		m.find(ruleKubeconfig, m.at(f.Path, context.get("cluster").offset()), "has no cluster %q", context.get("cluster").text())
	}
	if user == nil {
		m.find(ruleKubeconfig, m.at(f.Path, context.get("user").offset()), "has no user %q", context.get("user").text())
	}
	if cluster == nil || user == nil {
		return kubeconfig{}, false
	}
	k := kubeconfig{file: f, server: cluster.get("server"), serverName: cluster.get("tls-server-name"), insecure: cluster.get("insecure-skip-tls-verify").text()}
	k.authority, k.authorityAt, k.hasAuthority, _ = m.material(f.Path, cluster, "certificate-authority")
	k.client, k.clientAt, k.hasClient, k.clientFile = m.material(f.Path, user, "client-certificate")
	k.key, k.keyAt, _, k.keyFile = m.material(f.Path, user, "client-key")
	if readers := m.reached[f.Path]; len(readers) > 0 {
		k.user = readers[0]
	}
	return k, true
}

// material reads what a field names, or holds as data.
func (m *machine) material(item string, n *yamlNode, field string) (contents pemContents, at *yamlNode, found bool, file string) {
	if data := n.get(field + "-data"); data != nil {
		return inline(item, data.text()), data, true, ""
	}
	at = n.get(field)
	return m.pem[at.text()], at, at != nil, at.text()
}

// identities are the names that Kubernetes gives its own daemons rights by
// (kubernetes.io, Using RBAC Authorization, core component roles).
var identities = []struct{ daemon, flag, name string }{
	{manager, "kubeconfig", "system:kube-controller-manager"},
	{scheduler, "kubeconfig", "system:kube-scheduler"},
}

// kubeconfigs: each has what a client needs, dials what answers, and shows a
// certificate of its own with its key.
func (s *set) kubeconfigs() {
	for _, m := range append(slices.Clone(s.machines), s.people) {
		for _, k := range m.contexts {
			m.kubeconfig(k)
			s.dialAPI(m, k)
		}
		for _, row := range identities {
			if p := m.process(row.daemon); p != nil {
				m.identity(p, row.flag, row.name)
			}
		}
	}
}

// identity: a daemon is who it says in its kubeconfig.
func (m *machine) identity(p *process, flag, name string) {
	path := p.value(flag)
	if path == "" {
		if root, _ := m.config(p.name, "config"); root != nil {
			path = root.get("clientConnection", "kubeconfig").text()
		}
	}
	for _, k := range m.contexts {
		if k.file.Path == path && len(k.client.certificates) > 0 && k.client.certificates[0].commonName() != name {
			m.find(ruleClientName, m.at(path, k.clientAt.offset()), "shows %s the certificate of %s", p.name, k.client.certificates[0].commonName())
		}
	}
}

// kubeconfig holds what it says against itself.
func (m *machine) kubeconfig(k kubeconfig) {
	at := func(n *yamlNode) place { return m.at(k.file.Path, n.offset()) }
	switch {
	case k.insecure == "true":
		m.find(ruleUnverified, whole(k.file.Path), "believes whoever answers: insecure-skip-tls-verify").Remedy = "name the cluster's authority instead"
	case !k.hasAuthority:
		m.find(ruleNoAuthority, whole(k.file.Path), "names no certificate-authority")
	}
	if k.authorityAt != nil && len(k.authority.certificates) > 0 && !k.authority.certificates[0].IsCA {
		m.find(ruleNoAuthority, at(k.authorityAt), "%s is no authority's certificate", k.authorityAt.key)
	}
	if !k.hasClient {
		return // a token, or somebody else's way
	}
	if k.clientFile != "" && k.keyFile != "" {
		m.pair(at(k.clientAt), k.clientFile, at(k.keyAt), k.keyFile, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth})
		return
	}
	switch certificates, keys := k.client.certificates, k.key.keys; {
	case len(certificates) == 0 && !k.client.opaque && k.clientFile == "":
		m.find(ruleNoCertificate, at(k.clientAt), "%s holds no certificate", k.clientAt.key)
	case len(certificates) == 0:
	case k.keyAt == nil:
		m.find(ruleHalfPair, at(k.clientAt), "has a client certificate and no key")
	case len(keys) == 0 && !k.key.opaque:
		m.find(ruleNoCertificate, at(k.keyAt), "%s holds no private key", k.keyAt.key)
	case len(keys) > 0 && keys[0].public != certificates[0].public:
		m.find(rulePair, at(k.keyAt), "holds a key that is not its certificate's")
	}
	if k.clientFile == "" {
		for _, c := range k.client.certificates {
			m.expires(at(k.clientAt), "the client certificate ", c)
			if !c.usable(x509.ExtKeyUsageClientAuth) {
				m.find(ruleUsage, at(k.clientAt), "%s is no certificate for a client", k.clientAt.key)
			}
		}
	}
	if k.hasAuthority && k.authorityAt.key == "certificate-authority-data" {
		for _, c := range k.authority.certificates {
			m.expires(at(k.authorityAt), "the authority ", c)
		}
	}
}
