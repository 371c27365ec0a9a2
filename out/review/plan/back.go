package plan

import (
	"fmt"
	"strings"

	"hagen/profiles"
)

// The way back to an older minor release. Of Kubernetes there is one while API servers
// have only behaved like it (--emulated-version), of etcd to the minor release before.

// emulatesBack refuses to behave like an older release than before.
func emulatesBack(p planner) []Refusal {
	from, to := p.plan.From, p.plan.To
	problem := profiles.Emulation(from.Kubernetes, from.Emulated, to.Emulated)
	if problem == "" {
		return nil
	}
	return []Refusal{{"emulatedVersion", problem, "remove the line: it keeps a way back only if it comes with the release"}}
}

// goesBack reports whether Kubernetes goes back to an older minor release.
func (p planner) goesBack() bool { return older(p.plan.To.Kubernetes, p.plan.From.Kubernetes) }

func older(a, b profiles.Version) bool { return a.Line() != b.Line() && a.Compare(b) < 0 }

// wayBack says what the snapshot before the first step is for, and what other way back
// there is.
func (p planner) wayBack() string {
	from, to := p.plan.From, p.plan.To
	switch {
	case p.goesBack():
		return "in case that this fails: restored with the former cluster file, it is what the machines run now"
	case to.Emulated != "" && older(from.Kubernetes, to.Kubernetes):
		return fmt.Sprintf("in case that the other way back fails: while the cluster file has emulatedVersion: %s, a plan leads from it to the former one, and nothing is lost", to.Emulated)
	case from.Emulated != "" && to.Emulated == "":
		text := fmt.Sprintf("the only way back to an older minor release from now on: API servers begin to store what %s cannot read", from.Emulated)
		for _, r := range profiles.ReleasesOf(p.after.Cluster.Profile) {
			if r.Minor == from.Emulated && older(r.Etcd, from.Etcd) {
				text += fmt.Sprintf(". etcd %s cannot read the snapshot: restore it with a file that has kubernetesVersion: %s, etcdVersion: %s and allowUnproven: true", r.Etcd.Line(), r.Proven, from.Etcd)
			}
		}
		return text
	case older(from.Kubernetes, to.Kubernetes) && p.after.Cluster.Profile == profiles.Standard:
		return fmt.Sprintf("the only way back to an older minor release, unless you upgrade in two steps, the first with emulatedVersion: %s", from.Kubernetes.Line())
	}
	return "the only way back to an older minor release"
}

// snapshot names the file of the snapshot before the first step. The two steps of an
// upgrade with a way back lead to the same release.
func (p planner) snapshot() string {
	if p.plan.From.Emulated != "" && !p.goesBack() && p.plan.To.Emulated == "" {
		return fmt.Sprintf("before-%s-as-%s.db", p.plan.To.Kubernetes, p.plan.To.Kubernetes.Line())
	}
	return fmt.Sprintf("before-%s.db", p.plan.To.Kubernetes)
}

// downgrade lets members of an older minor release join etcd. etcd refuses to enable what is
// enabled already, and what needs not be: a member of that release runs.
func (p planner) downgrade() []Check {
	if !older(p.plan.To.Etcd, p.plan.From.Etcd) {
		return nil
	}
	line := p.plan.To.Etcd.Line()
	as := strings.ReplaceAll(line, ".", `\.`)
	return []Check{
		{onWorkstation(fmt.Sprintf(`etcdctl endpoint status --cluster --write-out=fields | grep -E '^"(DowngradeTargetVersion" : "%s\.0"|Version" : "%[1]s\.)' || etcdctl downgrade enable %[2]s`, as, line)), fmt.Sprintf("lets members of etcd %s join, and makes the others store what it can read; etcdctl downgrade cancel takes it back", line)},
		{onWorkstation(fmt.Sprintf(`until test "$(etcdctl endpoint status --cluster --write-out=fields | awk '/^"StorageVersion"/ { print $3 }' | sort -u)" = '"%s.0"'; do sleep 2; done`, line)), "waits until all members do"},
	}
}
