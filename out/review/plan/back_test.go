package plan_test

import (
	"strings"
	"testing"

	"hagen/out/review/plan"
	"hagen/out/review/show"
)

// TestWayBack: a cluster that behaves like the release before goes back to it: clients
// before servers, and members of etcd after its downgrade is enabled.
func TestWayBack(t *testing.T) {
	const newer, older = "1.37.2\n  emulatedVersion: 1.36", "1.36.3"
	text := strings.Replace(standard, older, newer, 1)
	for _, reimage := range []bool{false, true} {
		p := between(t, text, plan.Options{Reimage: reimage}, newer, older)
		whole(t, "back", p)
		var units []string
		for _, s := range p.Steps {
			if len(units) == 0 || units[len(units)-1] != s.Unit {
				units = append(units, s.Unit)
			}
		}
		want := "kube-scheduler.service kube-controller-manager.service kube-apiserver.service etcd.service"
		if reimage {
			want = ""
		}
		if got := strings.Join(units, " "); got != want {
			t.Errorf("the units are %q, want %q", got, want)
		}
		last := p.Prepare[len(p.Prepare)-3:]
		if !strings.HasPrefix(last[0].Text, "hagen render ") || last[1].Text != `etcdctl endpoint status --cluster --write-out=fields | grep -E '^"(DowngradeTargetVersion" : "3\.6\.0"|Version" : "3\.6\.)' || etcdctl downgrade enable 3.6` || !strings.Contains(last[2].Text, `= '"3.6.0"'`) {
			t.Errorf("before the steps: %+v", last)
		}
		for _, c := range p.Prepare {
			if c.Asks == plan.KubeletsFit && (!strings.Contains(c.Why, "kubelets must be 1.33 to 1.36:") || c.Expected != "kubelets of 1.33, 1.34, 1.35, 1.36") {
				t.Error(c.Why)
			}
		}
	}
}

// TestWayBackSaid: each plan says which ways back there are.
func TestWayBackSaid(t *testing.T) {
	const emulating = "1.37.2\n  emulatedVersion: 1.36"
	for _, test := range []struct{ from, to, title, said string }{
		{"1.36.3", "1.37.2", "Kubernetes 1.36.3 to 1.37.2, etcd 3.6.16 to 3.7.3, ", "unless you upgrade in two steps, the first with emulatedVersion: 1.36"},
		{"1.36.3", emulating, "Kubernetes 1.36.3 to 1.37.2, which behaves like 1.36, etcd 3.6.16 to 3.7.3, ", "while the cluster file has emulatedVersion: 1.36, a plan leads from it to the former one"},
		{emulating, "1.37.2", "Kubernetes 1.37.2 no longer behaves like 1.36, 3 of 4 ", "before-1.37.2-as-1.37.db\n      the only way back to an older minor release from now on: API servers begin to store what 1.36 cannot read. etcd 3.6 cannot read the snapshot: restore it with a file that has kubernetesVersion: 1.36.3, etcdVersion: 3.7.3 and allowUnproven: true\n"},
		{"1.36.3\n  emulatedVersion: 1.35", "1.36.3", "Kubernetes 1.36.3 no longer behaves like 1.35, ", "API servers begin to store what 1.35 cannot read\n"},
		{emulating, "1.36.3", "Kubernetes 1.37.2 to 1.36.3, etcd 3.7.3 to 3.6.16, ", "restored with the former cluster file, it is what the machines run now"},
		{"1.36.3", "1.36.4", "Kubernetes 1.36.3 to 1.36.4, ", "the only way back to an older minor release\n"},
	} {
		p := between(t, strings.Replace(standard, "1.36.3", test.from, 1), plan.Options{}, test.from, test.to)
		text := p.Text("a", "b", show.Style{})
		if !strings.Contains(text, test.title) || !strings.Contains(text, test.said) {
			t.Errorf("%s to %s: wanted %q and %q:\n%s", test.from, test.to, test.title, test.said, text)
		}
	}
}
