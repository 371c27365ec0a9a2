package check

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/node"
)

// configs are flags that name a configuration file, and of which kind.
var configs = []struct{ daemon, flag, kind string }{
	{apiServer, "encryption-provider-config", "EncryptionConfiguration"},
	{apiServer, "authentication-config", "AuthenticationConfiguration"},
	{apiServer, "authorization-config", "AuthorizationConfiguration"},
	{apiServer, "audit-policy-file", "Policy"},
	{apiServer, "admission-control-config-file", "AdmissionConfiguration"},
	{apiServer, "egress-selector-config-file", "EgressSelectorConfiguration"},
	{manager, "kubeconfig", "Config"},
	{manager, "authentication-kubeconfig", "Config"},
	{manager, "authorization-kubeconfig", "Config"},
	{scheduler, "config", "KubeSchedulerConfiguration"},
	{scheduler, "kubeconfig", "Config"},
	{scheduler, "authentication-kubeconfig", "Config"},
	{scheduler, "authorization-kubeconfig", "Config"},
}

// schema is what a kind of configuration is written in: the versions that there
// are, newest first, and the fields at the top. The daemons refuse others.
type schema struct {
	versions []string
	fields   []string
}

var schemas = map[string]schema{
	"Config":                      {[]string{"v1"}, []string{"clusters", "contexts", "current-context", "users", "preferences", "extensions"}},
	"EncryptionConfiguration":     {apiServerConfig("v1"), []string{"resources"}},
	"AuthenticationConfiguration": {apiServerConfig("v1", "v1beta1", "v1alpha1"), []string{"jwt", "anonymous"}},
	"AuthorizationConfiguration":  {apiServerConfig("v1", "v1beta1", "v1alpha1"), []string{"authorizers"}},
	"AdmissionConfiguration":      {apiServerConfig("v1", "v1alpha1"), []string{"plugins"}},
	"EgressSelectorConfiguration": {apiServerConfig("v1beta1", "v1alpha1"), []string{"egressSelections"}},
	"Policy":                      {[]string{"audit.k8s.io/v1", "audit.k8s.io/v1beta1"}, []string{"metadata", "rules", "omitStages", "omitManagedFields"}},
	"KubeSchedulerConfiguration": {[]string{"kubescheduler.config.k8s.io/v1"}, []string{"parallelism", "leaderElection", "clientConnection", "enableProfiling",
		"enableContentionProfiling", "percentageOfNodesToScore", "podInitialBackoffSeconds", "podMaxBackoffSeconds", "profiles", "extenders", "delayCacheUntilActive"}},
}

func apiServerConfig(versions ...string) (out []string) {
	for _, v := range versions {
		out = append(out, "apiserver.config.k8s.io/"+v)
	}
	return out
}

// auditLevels are how much of a request is recorded (audit.k8s.io/v1).
var auditLevels = []string{"None", "Metadata", "Request", "RequestResponse"}

// schema holds a configuration against its kind.
func (m *machine) schema(path string, root *yamlNode, kind string) {
	known, found := schemas[kind]
	if !found {
		return
	}
	if v := root.get("apiVersion"); v.text() == "" {
		m.find(ruleKind, whole(path), "has no apiVersion").Remedy = "write apiVersion: " + known.versions[0]
	} else if !slices.Contains(known.versions, v.text()) {
		m.find(ruleKind, m.at(path, v.offset()), "%s has no version %s", kind, v.text()).Remedy = "write apiVersion: " + known.versions[0]
	}
	for _, n := range root.items() {
		if n.key != "apiVersion" && n.key != "kind" && !slices.Contains(known.fields, n.key) {
			found := m.find(ruleKind, m.at(path, n.keyAt), "%s has no field %s", kind, n.key)
			found.Remedy = "write one of " + strings.Join(known.fields, ", ")
			if meant := nearest(n.key, known.fields); meant != "" {
				found.Remedy = "write " + meant
			}
		}
	}
	if kind != "Policy" {
		return
	}
	for _, rule := range root.get("rules").items() {
		if level := rule.get("level"); !slices.Contains(auditLevels, level.text()) {
			m.find(ruleKind, m.at(path, level.offset()), "%q is no level of a record", level.text()).Remedy = "write one of " + strings.Join(auditLevels, ", ")
		}
	}
}

// config reads the YAML file that a daemon's flag names; nil if there is none
// or it cannot be read.
func (m *machine) config(daemon, flag string) (*yamlNode, string) {
	p := m.process(daemon)
	if p == nil {
		return nil, ""
	}
	f, found := m.files[p.value(flag)]
	if !found {
		return nil, ""
	}
	root, ok := readYAML(string(f.Contents))
	if !ok {
		return nil, ""
	}
	return root, f.Path
}

// kinds: a configuration file is of the kind that its flag wants.
func (m *machine) kinds() {
	read := map[string]bool{}
	for _, row := range configs {
		p := m.process(row.daemon)
		if p == nil {
			continue
		}
		f, found := m.files[p.value(row.flag)]
		if !found {
			continue
		}
		root, ok := readYAML(string(f.Contents))
		if !ok {
			if !read[f.Path] && !strings.HasPrefix(strings.TrimSpace(string(f.Contents)), "{") {
				m.find(ruleUnreadableText, whole(f.Path), "is no YAML in block style")
			}
			read[f.Path] = true
			continue
		}
		if kind := root.get("kind"); kind.text() != row.kind {
			m.find(ruleKind, m.at(f.Path, kind.offset()), "is of kind %q, --%s wants %s", kind.text(), row.flag, row.kind)
		}
		if !read[f.Path] {
			m.schema(f.Path, root, row.kind)
		}
		read[f.Path] = true
		if row.kind == "EncryptionConfiguration" {
			m.encryption(f.Path, root)
		}
	}
	if root, path := m.config(scheduler, "config"); root != nil && root.get("clientConnection", "kubeconfig").text() == "" {
		m.find(ruleKubeconfig, whole(path), "names no kubeconfig")
	}
}

// leaders: of several controller managers and schedulers one acts.
func (s *set) leaders() {
	for _, daemon := range []string{manager, scheduler} {
		var all []*machine
		for _, m := range s.machines {
			if m.process(daemon) != nil {
				all = append(all, m)
			}
		}
		for _, m := range all {
			p := m.process(daemon)
			at, elects := p.where("leader-elect"), p.value("leader-elect")
			if root, path := m.config(daemon, "config"); root != nil {
				n := root.get("leaderElection", "leaderElect")
				at, elects = m.at(path, n.offset()), n.text()
			}
			if on, err := strconv.ParseBool(elects); err == nil && !on && len(all) > 1 {
				m.find(ruleLeader, at, "%s elects no leader, and %d machines run one", daemon, len(all))
			}
		}
	}
}

// keyLengths are what each provider of encryption takes, in bytes
// (apiserver.config.k8s.io/v1).
var keyLengths = map[string][]int{"secretbox": {32}, "aescbc": {16, 24, 32}, "aesgcm": {16, 24, 32}}

// encryption: Secrets are written with a key that the API server can read.
func (m *machine) encryption(path string, root *yamlNode) {
	secrets := false
	for _, resource := range root.get("resources").items() {
		for _, r := range resource.get("resources").items() {
			secrets = secrets || r.text() == "secrets"
		}
		if list := resource.get("resources").text(); strings.Contains(list, "secrets") {
			secrets = true
		}
		providers := resource.get("providers").items()
		if len(providers) == 0 {
			m.find(ruleEncryption, whole(path), "names no provider")
			continue
		}
		if first := providers[0]; first.get("identity") != nil {
			m.find(ruleEncryption, m.at(path, first.get("identity").offset()), "writes plain text: identity is the first provider")
		}
		for _, p := range providers {
			for _, c := range p.children {
				for _, k := range c.get("keys").items() {
					m.encryptionKey(path, c.key, k)
				}
			}
		}
	}
	if !secrets {
		m.find(ruleEncryption, whole(path), "does not encrypt Secrets")
	}
}

func (m *machine) encryptionKey(path, provider string, k *yamlNode) {
	secret := k.get("secret")
	if strings.HasPrefix(secret.text(), node.SecretMark) || strings.HasPrefix(secret.text(), "REDACTED") {
		return
	}
	lengths, known := keyLengths[provider]
	value, err := base64.StdEncoding.DecodeString(secret.text())
	switch {
	case !known:
		m.find(ruleEncryption, m.at(path, k.at), "knows no provider %s", provider)
	case err != nil:
		m.find(ruleEncryption, m.at(path, secret.offset()), "holds a key that is no base64")
	case !slices.Contains(lengths, len(value)):
		m.find(ruleEncryption, m.at(path, secret.offset()), "holds a key of %d bytes for %s", len(value), provider)
	}
}

// open lists the paths that the API server answers without credentials; all is
// true if it answers everything that RBAC lets everybody see.
func (m *machine) open() (paths []string, all bool) {
	p := m.process(apiServer)
	if p == nil || p.value("authentication-config") == "" {
		return nil, p == nil || p.value("anonymous-auth") != "false"
	}
	root, _ := m.config(apiServer, "authentication-config")
	if root == nil {
		return nil, true
	}
	anonymous := root.get("anonymous")
	if anonymous == nil || anonymous.get("enabled").text() == "true" && anonymous.get("conditions") == nil {
		return nil, true
	}
	if anonymous.get("enabled").text() != "true" {
		return nil, false
	}
	for _, c := range anonymous.get("conditions").items() {
		paths = append(paths, c.get("path").text())
	}
	return paths, false
}
