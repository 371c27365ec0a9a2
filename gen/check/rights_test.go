package check_test

import (
	"slices"
	"strings"
	"testing"

	"hagen/gen/check"
)

// TestRights: a client of the cluster that the manifest beside the administrator's kubeconfig
// gives no rights is found; one in system:masters needs none, and so does a part of a tree.
func TestRights(t *testing.T) {
	const (
		admin    = "admin: admin.kubeconfig is refused everything"
		kubelets = "kubelet-client: the API server of kubem00, kubem01, kubem02 is refused logs"
	)
	edit := func(old, new string) func(*good) {
		return func(g *good) { g.edit(t, "", "rbac.yaml", old, new) }
	}
	for _, k := range []struct {
		what  string
		spoil func(*good)
		want  []string
	}{
		{"as rendered", func(*good) {}, nil},
		{"no manifest", func(g *good) { g.rights = nil }, []string{"rbac.yaml: is missing, and binds admin to nothing: " + admin[7:], "rbac.yaml: is missing, and binds kubelet-client to nothing: " + kubelets[16:]}},
		{"no YAML", func(g *good) { g.rights = []byte("a: [") }, []string{"rbac.yaml: cannot be read as YAML", "rbac.yaml: cannot be read as YAML"}},
		{"empty", func(g *good) { g.rights = []byte("# nothing\n") }, []string{"rbac.yaml: binds admin", "rbac.yaml: binds kubelet-client"}},
		{"another group", edit("kind: Group\n  name: hagen:administrators", "kind: Group\n  name: hagen:others"), []string{"rbac.yaml: binds admin to no role that allows it: " + admin[7:]}},
		{"a user of the group's name", edit("kind: Group", "kind: User"), []string{"rbac.yaml: binds admin"}},
		{"a weaker role", edit("system:kubelet-api-admin", "view"), []string{"rbac.yaml: binds kubelet-client to no role that allows it: " + kubelets[16:]}},
		{"a stronger role", edit("system:kubelet-api-admin", "cluster-admin"), nil},
		{"a binding in one namespace", func(g *good) {
			g.rights = []byte(strings.ReplaceAll(string(g.rights), "kind: ClusterRoleBinding", "kind: RoleBinding"))
		}, []string{"rbac.yaml: binds admin", "rbac.yaml: binds kubelet-client"}},
		{"the first document alone", func(g *good) {
			text := string(g.rights)
			g.rights = []byte(text[:strings.LastIndex(text, "---")])
		}, []string{"rbac.yaml: binds admin"}},
		{"a part of a tree", func(g *good) { g.admin, g.rights = []byte("apiVersion: v1\nkind: Config\n"), nil }, nil},
	} {
		g := fresh(t, "standard").clone()
		k.spoil(&g)
		var got []string
		for _, f := range check.Run(g.input()).Findings {
			if f.Rule == "unbound-client" {
				got = append(got, f.String())
			}
		}
		slices.Sort(got)
		if !slices.EqualFunc(got, k.want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", k.what, got, k.want)
		}
	}
	classic := fresh(t, "classic").clone()
	classic.rights = nil
	for _, f := range check.Run(classic.input()).Findings {
		if f.Rule == "unbound-client" {
			t.Errorf("system:masters needs no manifest: %s", f)
		}
	}
}
