package plan

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
	"hagen/out/review/risk"
	"hagen/profiles"
)

// prepare returns what has to be checked and done before the first step. The documents
// come last: a render replaces the administrator's kubeconfig and the record of the
// former masters.
func (p planner) prepare(steps []order.Step) []Check {
	var checks []Check
	if !p.plan.Complete {
		checks = append(checks, Check{onWorkstation("hagen lock -f " + shellWord(p.options.File) + " && echo 'now plan again' && false"),
			"finds the digests that are not known yet, and fails, so that nobody goes on: commands of this plan have zeros in the place of the digests. Plan again then"})
	}
	checks = append(checks, p.left()...)
	checks = append(checks, []Check{
		{membersHealthy(), "every member of etcd has to be healthy: if one is down already, the next restart may cost the quorum"},
		{ready("kubectl", APIReady), ""},
	}...)
	if p.options.NodesFit {
		checks = append(checks, Check{rangesFit(p.after.Cluster.Pods),
			fmt.Sprintf("no Node has a range outside the new ones, %v", p.after.Cluster.Pods)})
	}
	from, to := p.plan.From, p.plan.To
	if from.Kubernetes.Line() != to.Kubernetes.Line() {
		oldest := from.Kubernetes
		if p.goesBack() {
			oldest = to.Kubernetes
		}
		checks = append(checks, Check{kubeletsFit(linesFrom(to.Kubernetes, oldest)),
			fmt.Sprintf("kubelets must be %s to %s: at most three minor releases older than the new API servers, and never newer than any API server", linesBefore(to.Kubernetes, 3), oldest.Line())})
	}
	if from != to {
		// The snapshot holds every Secret. In the rendered tree it is private and not
		// committed.
		dir := path.Join(p.documents(), "snapshots")
		checks = append(checks, Check{onWorkstation(fmt.Sprintf("mkdir -p %s && ETCDCTL_ENDPOINTS=%s etcdctl snapshot save %[1]s/%[3]s", shellWord(dir), p.staying().EtcdURL, p.snapshot())),
			p.wayBack()})
	}
	if hosts, _ := order.Joining(steps); len(hosts) > 0 {
		var from []string
		if p.options.Former != "" {
			from = []string{"--from", shellWord(p.options.Former)}
		}
		checks = append(checks, Check{onWorkstation(p.render(append([]string{"--join"}, from...)...)),
			fmt.Sprintf("before the next command, which replaces the record of the former masters: documents with which %s join, in %s", strings.Join(hosts, ", "), path.Join("join", p.after.Cluster.Name))})
	}
	if p.options.Documents == "" {
		checks = append(checks, Check{onWorkstation(p.render()), "writes the new documents and issues the certificates that they need"})
	} // else the documents are there
	return append(checks, p.downgrade()...)
}

// render returns the command that renders the new cluster file. It has the flags of this
// plan, so that it does not warn about what the plan has covered.
func (p planner) render(flags ...string) string {
	if p.options.NodesFit {
		flags = append(flags, risk.NodesFit)
	}
	return strings.Join(append([]string{"hagen render"}, append(flags, p.place())...), " ")
}

// place is the flags that name the new cluster file, and its PKI if that is elsewhere.
func (p planner) place() string {
	flags := "-f " + shellWord(p.options.File)
	if p.options.PKIFlag {
		flags += " --pki " + shellWord(p.options.PKI)
	}
	return flags
}

// linesFrom lists the minor releases from three before one release to another.
func linesFrom(v, last profiles.Version) (lines []string) {
	for minor := max(0, v.Minor-3); minor <= last.Minor; minor++ {
		lines = append(lines, strconv.Itoa(v.Major)+"."+strconv.Itoa(minor))
	}
	return lines
}

// linesBefore returns the minor release that is a number of releases before another.
func linesBefore(v profiles.Version, by int) string {
	return strconv.Itoa(v.Major) + "." + strconv.Itoa(max(0, v.Minor-by))
}

// verify returns what has to hold after the last step.
func (p planner) verify() []Check {
	exactly := "etcd has exactly the masters of the new cluster file"
	if len(p.away.after) > 0 {
		exactly += ", but for what is left out"
	}
	checks := []Check{{membersHealthy(), ""}, {membersStarted(answersOf(p.after, p.after).names()), exactly}, {ready("kubectl", APIReady), ""}}
	for _, r := range rangeRisks(p.before, p.after) {
		if r.Command != "" {
			checks = append(checks, Check{onWorkstation(r.Command), "gives services the new addresses, unless an object has them already"})
		}
	}
	if p.options.NodesFit {
		checks = append(checks, Check{rangesFit(p.after.Cluster.Pods), "start the kubelets that you stopped: their Nodes get ranges from the new ones"})
	}
	return checks
}

// cleanUp returns what removes the names that certificates keep for clients.
func (p planner) cleanUp() []Check {
	former := p.after.Cluster.Former
	if former == "" {
		return nil
	}
	how := "an API server picks up its new one by itself when you write it on its master"
	if !diff.PicksUp(firstMaster(p.after), facts.APIUnit, "--tls-cert-file") {
		how = "write each on its master and restart its API server, one master after the other: this release reads it only when it starts"
	}
	return []Check{
		{onWorkstation("hagen pki forget " + p.place() + " " + former), "only when no client dials these names any more: kubeconfigs of kubelets, people and pipelines, and settings of pods"},
		{onWorkstation(p.render()), "issues the API servers' certificates without them; " + how},
	}
}
