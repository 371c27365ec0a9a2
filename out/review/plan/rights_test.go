package plan

import (
	"slices"
	"strings"
	"testing"

	"hagen/gen/control"
)

// TestBinds: the manifest is applied, and asked for, before a certificate leaves system:masters
// and when the cluster may lack it; by whom, the administrator's certificate says.
func TestBinds(t *testing.T) {
	c, err := clusterOf(t, newFile().text())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range control.Requests(c) {
		all = append(all, r.Name)
	}
	_, _, set := renderedOf(t, c, nil)
	side := func(manifest bool, inMasters ...string) Side {
		kept := c.KeepGroups(inMasters)
		made, _, _ := renderedOf(t, kept, set)
		s, err := OfFile(kept, made.Machines, made.Kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		if !manifest {
			s.Rights = nil
		}
		return s
	}
	const apply, breakGlass = "kubectl apply -f rendered/kubernetes/rbac.yaml", "kubectl --kubeconfig rendered/kubernetes/kubeconfigs/break-glass.kubeconfig apply -f rendered/kubernetes/rbac.yaml"
	earlier, stays, left := side(false, all...), side(true, all...), side(true)
	for _, k := range []struct {
		what          string
		before, after Side
		apply         string // "" if it is not
		beware        string // hosts of the cautions about rights
	}{
		{"an earlier release, rendered again", earlier, stays, apply, ""},
		{"nothing leaves", stays, stays, "", ""},
		{"all that left stays so", left, left, "", ""},
		{"API servers leave, the administrator stays", stays, side(true, control.Admin), apply, "kubem00 kubem01 kubem02"},
		{"API servers leave after the administrator", side(true, slices.DeleteFunc(slices.Clone(all), func(n string) bool { return n == control.Admin })...), left, apply, "kubem00 kubem01 kubem02"},
		{"all leave", stays, left, breakGlass, "kubem00 kubem01 kubem02, "},
		{"all leave at once with the manifest", earlier, left, breakGlass, "kubem00 kubem01 kubem02, "},
		{"back to an earlier release", left, earlier, "", ""},
	} {
		p := Of(k.before, k.after, Options{File: "cluster.yaml"})
		var got []string
		asked := 0
		makes := slices.ContainsFunc(p.Prepare, func(c Check) bool {
			return c.Text == "test -e rendered/kubernetes/kubeconfigs/break-glass.kubeconfig || hagen kubeconfig --break-glass -f cluster.yaml"
		})
		if makes != strings.Contains(k.apply, "break-glass") {
			t.Errorf("%s: makes the kubeconfig of break-glass: %v", k.what, makes)
		}
		for _, check := range p.Prepare {
			if strings.Contains(check.Text, "rbac.yaml") {
				got = append(got, check.Text)
			}
			if check.Asks == RightsBound {
				asked++
				if as, _, _ := strings.Cut(k.apply, " apply"); !strings.HasPrefix(check.Text, as+" auth can-i ") || len(got) == 0 {
					t.Errorf("%s: asks with %s", k.what, check.Text)
				}
			}
		}
		var beware []string
		for _, caution := range p.Cautions {
			if strings.Contains(caution.Text, control.SystemMasters) {
				beware = append(beware, strings.Join(caution.Hosts, " "))
			}
		}
		if strings.Join(got, "\n") != k.apply || asked != len(got) || strings.Join(beware, ", ") != k.beware {
			t.Errorf("%s: %q, asked %d times, cautions %q; want %q, %q", k.what, got, asked, beware, k.apply, k.beware)
		}
	}
}
