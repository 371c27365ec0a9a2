package control

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"hagen/gen/cluster"
	"hagen/pki"
)

// issuedBy returns the requests of a cluster's certificates by name.
func issuedBy(c *cluster.Cluster) map[string]pki.Request {
	issued := map[string]pki.Request{}
	for _, r := range Requests(c) {
		issued[r.Name] = r
	}
	return issued
}

// inMasters lists the certificates in system:masters.
func inMasters(c *cluster.Cluster) (names []string) {
	for _, r := range Requests(c) {
		if Bypasses(r.Subject.Organization) {
			names = append(names, r.Name)
		}
	}
	return names
}

// TestFormerGroups: what was issued in system:masters stays there, a new host's is as those of
// the others, and what left does not come back.
func TestFormerGroups(t *testing.T) {
	c := readCluster(t, "standard")
	var all []string
	for name := range issuedBy(c) {
		all = append(all, name)
	}
	old := issuedBy(c.KeepGroups(all))
	const admin, first, second, third = "cluster/admin", "hosts/kubem00/kubelet-client", "hosts/kubem01/kubelet-client", "hosts/kubem02/kubelet-client"
	left := issuedBy(c)
	for _, k := range []struct {
		what string
		edit func(issued map[string]pki.Request)
		want string
	}{
		{"all of an earlier release", func(map[string]pki.Request) {}, admin + " " + first + " " + second + " " + third},
		{"a new host", func(issued map[string]pki.Request) { delete(issued, second) }, admin + " " + first + " " + second + " " + third},
		{"one that left", func(issued map[string]pki.Request) { issued[second] = left[second] }, admin + " " + first + " " + third},
		{"a new host beside one that left", func(issued map[string]pki.Request) { issued[second] = left[second]; delete(issued, third) }, admin + " " + first + " " + third},
		{"the administrator alone left", func(issued map[string]pki.Request) { issued[admin] = left[admin] }, first + " " + second + " " + third},
		{"all left but the administrator, and a host is new", func(issued map[string]pki.Request) {
			issued[first], issued[second] = left[first], left[second]
			delete(issued, third)
		}, admin},
		{"nothing was issued", func(issued map[string]pki.Request) { clear(issued) }, ""},
	} {
		issued := maps.Clone(old)
		k.edit(issued)
		got := inMasters(c.KeepGroups(FormerGroups(c, issued)))
		slices.Sort(got)
		if strings.Join(got, " ") != k.want {
			t.Errorf("%s: %q, want %q", k.what, got, k.want)
		}
	}
	if got := inMasters(c.KeepGroups(FormerGroups(c, left))); got != nil {
		t.Errorf("a new cluster's: %q", got)
	}
	classic := readCluster(t, "classic")
	if got := FormerGroups(classic, issuedBy(classic)); got != nil {
		t.Errorf("the guide's certificates are former: %q", got)
	}
}

// TestRights: the manifest has a binding for each client that hagen gives a certificate whose
// rights are not Kubernetes' own, and names that Kubernetes does not keep for itself.
func TestRights(t *testing.T) {
	c := readCluster(t, "standard")
	text := string(Rights(c))
	for _, r := range Requests(c) {
		if r.Kind != pki.Leaf || r.Authority != ClusterAuthority || strings.HasPrefix(r.Subject.CommonName, "system:") || r.Profile == pki.ServerAuthentication {
			continue
		}
		for _, b := range Bindings(c.Profile.Name) {
			named := b.Kind == "User" && b.Subject == r.Subject.CommonName || b.Kind == "Group" && slices.Contains(r.Subject.Organization, b.Subject)
			if named && strings.Contains(text, "kind: "+b.Kind+"\n  name: "+b.Subject+"\n") && strings.Contains(text, "name: "+b.Role+"\n") {
				r.Name = ""
			}
			if strings.HasPrefix(b.Name, "system:") || strings.HasPrefix(b.Subject, "system:") {
				t.Errorf("%+v: Kubernetes keeps names that begin with system: for itself", b)
			}
		}
		if r.Name != "" {
			t.Errorf("%s has no rights", r.Name)
		}
	}
	if got := Rights(readCluster(t, "classic")); got != nil {
		t.Errorf("the guide has no such manifest: %s", got)
	}
}
