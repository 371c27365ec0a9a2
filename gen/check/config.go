package check

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"hagen/gen/node"
	"hagen/gen/read"
)

// configRules are about configuration files of daemons.
var configRules = []check{
	{within: (*machine).kinds, rules: []rule{
		{ruleConfigKind, Error, "the daemon rejects a configuration of another kind",
			"write the kind that the flag expects"},
		{ruleInvalidYAML, Warning, "the contents could not be checked",
			"write it as YAML: keys with values, indented with spaces"},
		{ruleKubeconfig, Error, "the client has no server to dial, or no user",
			"name an existing context in current-context, and an existing cluster and user in the context"},
		{ruleEncryption, Error, "the API server refuses the key, or writes Secrets in plain text",
			"write 32 bytes in base64, under secretbox as the first provider"},
	}},
	{across: (*set).leaders, rules: []rule{
		{ruleLeaderElection, Error, "all of them act at once, and undo each other's work",
			"set it to true"},
	}},
}

// configs lists the flags that name a configuration file, with its kind.
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

// schema is a kind of configuration: its versions, newest first, and its
// top-level fields. The daemons reject others.
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

// auditLevels are the levels of an audit policy (audit.k8s.io/v1).
var auditLevels = []string{"None", "Metadata", "Request", "RequestResponse"}

// schema checks a configuration's version and fields against its kind.
func (m *machine) schema(path string, root *read.YAML, kind string) {
	known, found := schemas[kind]
	if !found {
		return
	}
	if v := root.Get("apiVersion"); v.Value() == "" {
		m.find(ruleConfigKind, read.Whole(path), "has no apiVersion").Remedy = "write apiVersion: " + known.versions[0]
	} else if !slices.Contains(known.versions, v.Value()) {
		m.find(ruleConfigKind, m.at(path, v.Offset()), "%s has no version %s", own(kind), v.Value()).Remedy = "write apiVersion: " + known.versions[0]
	}
	for _, n := range root.Items() {
		if n.Key != "apiVersion" && n.Key != "kind" && !slices.Contains(known.fields, n.Key) {
			meant := nearest(n.Key, known.fields)
			found := m.find(ruleConfigKind, m.at(path, n.KeyAt), "%s has no field %s", own(kind), nameOf(n.Key, meant))
			found.Remedy = "write one of " + strings.Join(known.fields, ", ")
			if meant != "" {
				found.Remedy = "write " + meant
			}
		}
	}
	if kind != "Policy" {
		return
	}
	for _, rule := range root.Get("rules").Items() {
		if level := rule.Get("level"); !slices.Contains(auditLevels, level.Value()) {
			m.find(ruleConfigKind, m.at(path, level.Offset()), "%q is not an audit level", level.Value()).Remedy = "write one of " + strings.Join(auditLevels, ", ")
		}
	}
}

// kinds checks that a configuration file has the kind that its flag expects.
func (m *machine) kinds() {
	seen := map[string]bool{}
	for _, row := range configs {
		root, path := m.config(row.daemon, row.flag)
		again := seen[path]
		seen[path] = true
		switch {
		case path == "":
			continue
		case root == nil:
			m.find(ruleInvalidYAML, read.Whole(path), "is not YAML with keys and values")
			continue
		}
		if kind := root.Get("kind"); kind.Value() != row.kind {
			m.find(ruleConfigKind, m.at(path, kind.Offset()), "has kind %q, --%s expects %s", kind.Value(), own(row.flag), own(row.kind))
		}
		if !again {
			m.schema(path, root, row.kind)
		}
		if row.kind == "EncryptionConfiguration" {
			m.encryption(path, root)
		}
	}
	if root, path := m.config(scheduler, "config"); root != nil && root.Get("clientConnection", "kubeconfig").Value() == "" {
		m.find(ruleKubeconfig, read.Whole(path), "has no kubeconfig")
	}
}

// leaders checks that several controller managers or schedulers elect a
// leader.
func (s *set) leaders() {
	for _, daemon := range []string{manager, scheduler} {
		all := s.running(daemon)
		for _, m := range all {
			p := m.process(daemon)
			at, elects := p.Where("leader-elect"), p.Value("leader-elect")
			if root, path := m.config(daemon, "config"); root != nil {
				n := root.Get("leaderElection", "leaderElect")
				at, elects = m.at(path, n.Offset()), n.Value()
			}
			if on, err := strconv.ParseBool(elects); err == nil && !on && len(all) > 1 {
				m.find(ruleLeaderElection, at, "%s elects no leader, but %d machines run it", own(daemon), len(all))
			}
		}
	}
}

// keyLengths are the lengths of keys that each encryption provider accepts, in
// bytes (apiserver.config.k8s.io/v1).
var keyLengths = map[string][]int{"secretbox": {32}, "aescbc": {16, 24, 32}, "aesgcm": {16, 24, 32}}

// encryption checks that Secrets are encrypted, with keys that the API server
// accepts.
func (m *machine) encryption(path string, root *read.YAML) {
	secrets := false
	for _, resource := range root.Get("resources").Items() {
		for _, r := range resource.Get("resources").Items() {
			secrets = secrets || r.Value() == "secrets"
		}
		providers := resource.Get("providers").Items()
		if len(providers) == 0 {
			m.find(ruleEncryption, read.Whole(path), "has no provider")
			continue
		}
		if first := providers[0]; first.Get("identity") != nil {
			m.find(ruleEncryption, m.at(path, first.Get("identity").Offset()), "writes plain text: identity is the first provider")
		}
		for _, p := range providers {
			for _, c := range p.Items() {
				for _, k := range c.Get("keys").Items() {
					m.encryptionKey(path, c.Key, k)
				}
			}
		}
	}
	if !secrets {
		m.find(ruleEncryption, read.Whole(path), "does not encrypt Secrets")
	}
}

func (m *machine) encryptionKey(path, provider string, k *read.YAML) {
	secret := k.Get("secret")
	if strings.HasPrefix(secret.Value(), node.SecretMark) || strings.HasPrefix(secret.Value(), "REDACTED") {
		return
	}
	lengths, known := keyLengths[provider]
	value, err := base64.StdEncoding.DecodeString(secret.Value())
	switch {
	case !known:
		m.find(ruleEncryption, m.at(path, k.At), "has the unknown provider %s", provider)
	case err != nil:
		m.find(ruleEncryption, m.at(path, secret.Offset()), "holds a key that is not base64")
	case !slices.Contains(lengths, len(value)):
		m.find(ruleEncryption, m.at(path, secret.Offset()), "holds a key of %d bytes, which %s does not accept", len(value), provider)
	}
}
