package check

import (
	"slices"
	"strings"

	"hagen/gen/read"
)

// rightsRules are about what clients may do in the cluster.
var rightsRules = []check{
	{across: (*set).rights, warns: true, rules: []rule{
		{ruleUnbound, Warning, "RBAC refuses a client all that no binding allows",
			"write the manifest again (hagen render), and kubectl apply it; where the cluster has such bindings from elsewhere, nothing misses"},
	}},
}

// The manifest of rights, and the administrator's kubeconfig beside it.
const (
	rightsFile = "rbac.yaml"
	adminFile  = "admin.kubeconfig"
)

// alwaysObeyed is the group that API servers obey without RBAC.
const alwaysObeyed = "system:masters"

// binding gives a role to subjects, written as kind and name.
type binding struct {
	role     string
	subjects []string
}

// bindings reads the ClusterRoleBindings of a manifest; ok is false if it cannot be read.
func bindings(text string) (out []binding, ok bool) {
	documents, ok := read.ParseYAMLs(text)
	for _, d := range documents {
		if d.Get("kind").Value() != "ClusterRoleBinding" || d.Get("roleRef", "kind").Value() != "ClusterRole" {
			continue
		}
		b := binding{role: d.Get("roleRef", "name").Value()}
		for _, s := range d.Get("subjects").Items() {
			b.subjects = append(b.subjects, s.Get("kind").Value()+" "+s.Get("name").Value())
		}
		out = append(out, b)
	}
	return out, ok
}

// may reports whether one of some bindings gives a client one of some roles.
func may(all []binding, c read.Certificate, roles ...string) bool {
	who := []string{"User " + c.CommonName(), "Group system:authenticated"}
	for _, group := range c.Groups() {
		who = append(who, "Group "+group)
	}
	return slices.Contains(c.Groups(), alwaysObeyed) || slices.ContainsFunc(all, func(b binding) bool {
		return slices.Contains(roles, b.role) && slices.ContainsFunc(b.subjects, func(s string) bool { return slices.Contains(who, s) })
	})
}

// rights checks that API servers have their rights at kubelets, and the administrator all. A tree
// without the administrator's kubeconfig is not a cluster's whole, and need not have the manifest.
func (s *set) rights() {
	i := slices.IndexFunc(s.people.contexts, func(k read.Kubeconfig) bool { return k.File.Path == adminFile && len(k.Client.Certificates) > 0 })
	if i < 0 {
		return
	}
	file, there := s.people.files[rightsFile]
	all, readable := bindings(string(file.Contents))
	says := "binds %s to no role that allows it"
	switch {
	case !there:
		says = "is missing, and binds %s to nothing"
	case !readable:
		says = "cannot be read as YAML, and binds %s to nothing"
	}
	tell := func(c read.Certificate, whose, missing string) {
		s.people.find(ruleUnbound, read.Whole(rightsFile), says+": %s is refused %s", c.CommonName(), own(whose), own(missing))
	}
	if admin := s.people.contexts[i].Client.Certificates[0]; !may(all, admin, "cluster-admin") {
		tell(admin, adminFile, "everything")
	}
	var refused read.Certificate
	var hosts []string
	for _, m := range s.running(apiServer) {
		c, found := m.certificate(m.process(apiServer).Value("kubelet-client-certificate"))
		if found && !may(all, c, "system:kubelet-api-admin", "cluster-admin") {
			refused, hosts = c, append(hosts, m.Name)
		}
	}
	if len(hosts) > 0 {
		tell(refused, "the API server of "+strings.Join(hosts, ", "), "logs, exec, attach, port-forward and metrics by kubelets")
	}
}
