package plan

import (
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out/review/diff"
	"hagen/out/review/facts"
	"hagen/out/review/order"
	"hagen/out/review/risk"
	"hagen/profiles"
)

// healthCheck is a row: commands that exit with 0 if a unit works on a host. Units
// without a row have to be active.
type healthCheck struct {
	unit     string
	commands func(p planner, h cluster.Host) []Command
}

var healthChecks = []healthCheck{
	{facts.EtcdUnit, func(p planner, h cluster.Host) []Command {
		return memberChecks(p.ifChanged(p.plan.From.Etcd, p.plan.To.Etcd, fmt.Sprintf(
			`ETCDCTL_ENDPOINTS=%s etcdctl endpoint status --write-out=fields | grep '"Version" : "%s"'`, control.EtcdURL(p.after.Cluster, h), p.plan.To.Etcd)))
	}},
	{facts.APIUnit, func(p planner, h cluster.Host) []Command {
		ask := kubectl(h, p.after.Cluster.APIServer.Port, h.Name)
		return append([]Command{{Text: ask + " get --raw=/readyz"}},
			p.ifChanged(p.plan.From.Kubernetes, p.plan.To.Kubernetes, fmt.Sprintf(`%s get --raw=/version | grep '"gitVersion": "v%s"'`, ask, p.plan.To.Kubernetes))...)
	}},
	{facts.HAProxyUnit, func(p planner, h cluster.Host) []Command {
		e := p.after.Cluster.Endpoint
		return []Command{active(facts.HAProxyUnit, h), {Text: kubectl(h, e.Port, e.Host) + " get --raw=/readyz"}}
	}},
}

// unitChecks returns commands that check whether a unit works.
func (p planner) unitChecks(unit string, h cluster.Host) []Command {
	for _, g := range healthChecks {
		if g.unit == unit {
			return g.commands(p, h)
		}
	}
	return []Command{active(unit, h)}
}

// machineChecks returns commands that check all units of a machine: those with a row, in
// the order of the rows, then those that only have to be active.
func (p planner) machineChecks(h cluster.Host) []Command {
	var units []string
	for _, u := range p.after.machine(h.Name).WithContainers().Units {
		if u.Enabled && strings.HasSuffix(u.Name, ".service") {
			units = append(units, u.Name)
		}
	}
	checks := []Command{}
	for _, g := range healthChecks {
		for _, u := range units {
			if u == g.unit {
				checks = append(checks, g.commands(p, h)...)
			}
		}
	}
	for _, u := range units {
		if !hasRow(u) {
			checks = append(checks, active(u, h))
		}
	}
	return checks
}

func hasRow(unit string) bool {
	for _, g := range healthChecks {
		if g.unit == unit {
			return true
		}
	}
	return false
}

func active(unit string, h cluster.Host) Command {
	return Command{h.Name, "systemctl is-active " + unit}
}

// memberChecks asks all members that etcd has at that time.
func memberChecks(more []Command) []Command {
	return append([]Command{{Text: "etcdctl endpoint health --cluster"}}, more...)
}

// ifChanged returns a command that is needed only if the version changes.
func (p planner) ifChanged(from, to profiles.Version, text string) []Command {
	if from == to {
		return nil
	}
	return []Command{{Text: text}}
}

// kubectl returns a command that asks one host directly, without a load balancer. The
// name is one in the certificate.
func kubectl(h cluster.Host, port uint16, name string) string {
	return fmt.Sprintf("kubectl --server=https://%s --tls-server-name=%s", netip.AddrPortFrom(h.Address(), port), name)
}

// prepare returns what has to be checked and done before the first step. The documents
// come last: a render replaces the administrator's kubeconfig and the record of the
// former masters.
func (p planner) prepare(steps []order.Step) []Check {
	checks := []Check{
		{Command{Text: "etcdctl endpoint health --cluster"}, "every member of etcd has to be healthy: if one is down already, the next restart may cost the quorum"},
		{Command{Text: "kubectl get --raw=/readyz"}, ""},
	}
	if p.options.NodesFit {
		checks = append(checks, Check{Command{Text: risk.NodeRanges},
			fmt.Sprintf("no Node has a range outside the new ones, %v", p.after.Cluster.Pods)})
	}
	from, to := p.plan.From, p.plan.To
	if from.Kubernetes.Line() != to.Kubernetes.Line() {
		checks = append(checks, Check{Command{Text: "kubectl get nodes"},
			fmt.Sprintf("kubelets must be %s to %s: at most three minor releases older than the new API servers, and never newer than any API server", older(to.Kubernetes, 3), from.Kubernetes.Line())})
	}
	if from != to {
		// The snapshot holds every Secret. In the rendered tree it is private and not
		// committed.
		dir := path.Join("rendered", p.after.Cluster.Name, "snapshots")
		checks = append(checks, Check{Command{Text: fmt.Sprintf("mkdir -p %s && ETCDCTL_ENDPOINTS=%s etcdctl snapshot save %[1]s/before-%[3]s.db", dir, control.EtcdURL(p.before.Cluster, p.staying()), to.Kubernetes)},
			"the only way back to an older minor release"})
	}
	if hosts, _ := order.Joining(steps); len(hosts) > 0 {
		checks = append(checks, Check{Command{Text: p.render("--join")},
			fmt.Sprintf("before the next command, which replaces the record of the former masters: documents with which %s join, in %s", strings.Join(hosts, ", "), path.Join("join", p.after.Cluster.Name))})
	}
	return append(checks, Check{Command{Text: p.render()}, "writes the new documents and issues the certificates that they need"})
}

// render returns the command that renders the new cluster file. It has the flags of this
// plan, so that it does not warn about what the plan has covered.
func (p planner) render(flags ...string) string {
	if p.options.NodesFit {
		flags = append(flags, risk.NodesFit)
	}
	return strings.Join(append(append([]string{"hagen render"}, flags...), "-f", p.options.File), " ")
}

// older returns the minor release that is a number of releases before another.
func older(v profiles.Version, by int) string {
	return strconv.Itoa(v.Major) + "." + strconv.Itoa(max(0, v.Minor-by))
}

// verify returns what has to hold after the last step.
func (p planner) verify() []Check {
	checks := []Check{{Command{Text: "etcdctl endpoint health --cluster"}, ""}, {Command{Text: "kubectl get --raw=/readyz"}, ""}}
	if p.options.NodesFit {
		checks = append(checks, Check{Command{Text: risk.NodeRanges}, "start the kubelets that you stopped: their Nodes get ranges from the new ones"})
	}
	if len(order.HostsOf(p.plan.Order.Steps, diff.SwitchOff))+len(order.HostsOf(p.plan.Order.Steps, diff.Boot)) > 0 {
		checks = append(checks, Check{Command{Text: "etcdctl member list"}, "lists exactly the masters of the new cluster file"})
	}
	return checks
}

// cleanUp returns what removes the names that certificates keep for clients.
func (p planner) cleanUp() []Check {
	former := control.ForgetWords(p.after.Cluster)
	if former == "" {
		return nil
	}
	return []Check{
		{Command{Text: "hagen pki forget -f " + p.options.File + " " + former}, "only when no client dials these names any more: kubeconfigs of kubelets, people and pipelines, and settings of pods"},
		{Command{Text: p.render()}, "issues the API servers' certificates without them; an API server picks up its new one by itself when you write it on its master"},
	}
}
