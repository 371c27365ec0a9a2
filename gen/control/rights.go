package control

import (
	"path"
	"slices"
	"strings"

	"hagen/gen/cluster"
	"hagen/pki"
	"hagen/profiles"
)

// Groups and users of client certificates, as Kubernetes reads them.
const (
	// SystemMasters is the group that every API server allows everything, without RBAC: what
	// has a certificate in it can be stopped only by another authority.
	SystemMasters = "system:masters"
	// Administrators is the group that the manifest of rights makes administrators.
	Administrators = "hagen:administrators"
	// AdminUser is the administrator whose certificate the PKI keeps.
	AdminUser = "admin"
	// BreakGlass is the user for whom RBAC is bypassed: audit logs show the name.
	BreakGlass = "break-glass"

	kubeletClient = "kubelet-client"
)

// adminCertificate is the administrator's certificate, which is on no machine.
func adminCertificate(group string) certificate {
	return certificate{
		stem: "admin", kind: pki.Leaf, authority: "kubernetes", profile: pki.ClientAuthentication,
		cn: AdminUser, org: group, formerOrg: SystemMasters, life: adminLife,
	}
}

// group returns the group of a certificate with this name.
func (r certificate) group(c *cluster.Cluster, name string) string {
	if r.formerOrg != "" && slices.Contains(c.PKI.FormerGroups, name) {
		return r.formerOrg
	}
	return r.org
}

// FormerGroups returns the certificates that stay in the group in which an earlier hagen issued
// them, by the requests of those that were issued: whoever has rights by a group would lose them
// before the manifest of rights is applied. A new host's is as those of the hosts that are there.
func FormerGroups(c *cluster.Cluster, issued map[string]pki.Request) (names []string) {
	var former, unknown []pki.Request
	for _, r := range movable(c) {
		switch was, there := issued[r.Name]; {
		case !there:
			unknown = append(unknown, r)
		case slices.Equal(was.Subject.Organization, r.Subject.Organization):
			former = append(former, r)
		}
	}
	for _, r := range unknown {
		if slices.ContainsFunc(former, func(f pki.Request) bool { return path.Base(f.Name) == path.Base(r.Name) }) {
			names = append(names, r.Name)
		}
	}
	for _, r := range former {
		names = append(names, r.Name)
	}
	return names
}

// Bound returns the certificates that were issued outside system:masters, where an earlier hagen would
// have issued them in it; and those of another such list that the cluster still has.
func Bound(c *cluster.Cluster, issued map[string]pki.Request, before []string) (names []string) {
	for _, r := range movable(c) {
		was, there := issued[r.Name]
		if there && !Bypasses(was.Subject.Organization) || slices.Contains(before, r.Name) {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names
}

// movable returns the requests of certificates that were in another group, as they were.
func movable(c *cluster.Cluster) (former []pki.Request) {
	requests := Requests(c.KeepGroups(nil))
	var names []string
	for _, r := range requests {
		names = append(names, r.Name)
	}
	for i, r := range Requests(c.KeepGroups(names)) {
		if !slices.Equal(r.Subject.Organization, requests[i].Subject.Organization) {
			former = append(former, r)
		}
	}
	return former
}

// AdminGroups returns the groups of administrators, as the cluster's own has them.
func AdminGroups(c *cluster.Cluster) []string {
	requests := Requests(c)
	i := slices.IndexFunc(requests, func(r pki.Request) bool { return r.Name == Admin })
	return requests[i].Subject.Organization
}

// UsedBy returns the certificate of machines, or of service accounts, with this user; "" if there is
// none. Somebody else with the name would have their rights, and stand as them in audit logs.
func UsedBy(c *cluster.Cluster, user string) string {
	if strings.HasPrefix(user, "system:serviceaccount:") {
		return "tokens of a service account"
	}
	for _, r := range Requests(c) {
		if r.Kind == pki.Leaf && r.Authority == ClusterAuthority && r.Name != Admin && r.Subject.CommonName == user {
			return r.Name
		}
	}
	return ""
}

// Bypasses reports whether a client with these groups is not bound by RBAC.
func Bypasses(groups []string) bool { return slices.Contains(groups, SystemMasters) }

// Binding says to whom the manifest of rights gives a role that Kubernetes brings.
type Binding struct {
	Name, Role    string
	Subject, Kind string // Kind is User or Group
	Why           string // what is refused without it
	about         string
}

// Bindings returns the rows of the manifest of rights; none in a profile whose certificates have
// their rights by the group.
func Bindings(profile string) []Binding {
	if profile != profiles.Standard {
		return nil
	}
	return []Binding{
		{"hagen:kubelet-client", "system:kubelet-api-admin", kubeletClient, "User", "logs, exec, attach, port-forward and the metrics of kubelets",
			"API servers show kubelets this user's certificate, for logs, exec, attach, port-forward and\n# metrics; kubelets ask the API server whether the user may."},
		{"hagen:administrators", "cluster-admin", Administrators, "Group", "everything that administrators do",
			"Administrators: admin.kubeconfig, and those of hagen kubeconfig without --user."},
	}
}

// Rights returns the manifest of rights, which a cluster gets with the first kubectl; nil in a
// profile without.
func Rights(c *cluster.Cluster) []byte {
	var b strings.Builder
	for _, row := range Bindings(c.Profile.Name) {
		if b.Len() == 0 {
			b.WriteString("# What certificates of this cluster may do. Nobody has these rights before kubectl applies this file.\n")
		}
		b.WriteString(`---
# ` + row.about + `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: ` + row.Name + `
  labels:
    app.kubernetes.io/managed-by: hagen
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: ` + row.Role + `
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: ` + row.Kind + `
  name: ` + row.Subject + `
`)
	}
	if b.Len() == 0 {
		return nil
	}
	return []byte(b.String())
}
